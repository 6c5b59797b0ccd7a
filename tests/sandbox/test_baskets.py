from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.baskets import StorefrontOrder, catalogue, orders, unit_price
from sandbox.receivers import cities

_SHOPS = ("mall-pc", "mall-h5")
_FEN = Decimal("0.01")


@pytest.fixture(scope="module")
def first_orders() -> list[StorefrontOrder]:
    return list(orders(300, 7, _SHOPS))


def _payloads(found: list[StorefrontOrder]) -> list[dict[str, Any]]:
    return [one.payload for one in found]


def _goods(payload: dict[str, Any]) -> Decimal:
    gross = (Decimal(line["unit_price"]) * line["quantity"] for line in payload["lines"])
    return sum((one.quantize(_FEN, ROUND_HALF_UP) for one in gross), Decimal(0))


def test_totals_add_up_in_fen(first_orders: list[StorefrontOrder]) -> None:
    for payload in _payloads(first_orders):
        discounts = sum(Decimal(discount["amount"]) for discount in payload["discounts"])
        assert _goods(payload) - discounts + Decimal(payload["freight"]) == Decimal(payload["total"])


@given(gross=st.integers(1, 10_000_000), quantity=st.integers(1, 50))
def test_a_unit_price_gives_back_its_line(gross: int, quantity: int) -> None:
    price = unit_price(gross, quantity)
    assert (Decimal(price) * quantity).quantize(_FEN, ROUND_HALF_UP) * 100 == gross
    assert 2 <= len(price.partition(".")[2]) <= 6


def test_no_line_is_discounted_below_nothing(first_orders: list[StorefrontOrder]) -> None:
    for payload in _payloads(first_orders):
        for line in payload["lines"]:
            gross = (Decimal(line["unit_price"]) * line["quantity"]).quantize(_FEN, ROUND_HALF_UP)
            given = (d["amount"] for d in payload["discounts"] if d.get("line_id") == line["line_id"])
            assert sum(map(Decimal, given)) <= gross


def test_every_kind_of_discount_occurs(first_orders: list[StorefrontOrder]) -> None:
    discounts = [discount for payload in _payloads(first_orders) for discount in payload["discounts"]]
    assert {(one["source"], one["funder"]) for one in discounts} == {
        ("promotion", "merchant"),
        ("coupon", "brand"),
        ("coupon", "merchant"),
        ("promotion", "platform"),
    }
    assert {"line_id" in one for one in discounts} == {True, False}


def test_freight_is_free_from_59_yuan(first_orders: list[StorefrontOrder]) -> None:
    for payload in _payloads(first_orders):
        paid_for_goods = Decimal(payload["total"]) - Decimal(payload["freight"])
        assert payload["freight"] == ("6.00" if paid_for_goods < 59 else "0.00")


def test_the_first_300_orders_go_to_300_cities(first_orders: list[StorefrontOrder]) -> None:
    places = {(p["receiver"]["province"], p["receiver"]["city"]) for p in _payloads(first_orders)}
    assert len(places) == 300


def test_every_receiver_lives_in_a_place_of_the_table(first_orders: list[StorefrontOrder]) -> None:
    table = {(city.province, city.name): {one.name: one.towns for one in city.districts} for city in cities()}
    for receiver in (payload["receiver"] for payload in _payloads(first_orders)):
        towns = table[receiver["province"], receiver["city"]][receiver["district"]]
        assert receiver["town"] in (towns or ("",))


def test_nobody_can_be_called(first_orders: list[StorefrontOrder]) -> None:
    phones = [payload["receiver"]["phone"] for payload in _payloads(first_orders)]
    assert all(phone.startswith("100") and len(phone) == 11 for phone in phones)


def test_a_household_keeps_its_shop_and_later_its_address() -> None:
    seen: dict[str, set[tuple[str, str]]] = {}
    for one in islice(orders(1_500, 7, _SHOPS), len(cities()), None):
        receiver: Any = one.payload["receiver"]
        seen.setdefault(receiver["name"], set()).add((one.connection, receiver["city"]))
    assert all(len(places) == 1 for places in seen.values())


def test_orders_have_1_to_20_lines_and_times_in_november(first_orders: list[StorefrontOrder]) -> None:
    for payload in _payloads(first_orders):
        placed, paid = (datetime.fromisoformat(payload[name]) for name in ("placed_at", "paid_at"))
        assert 1 <= len(payload["lines"]) <= 20
        assert placed.isoformat().startswith("2026-11-")
        assert placed.utcoffset() is not None
        assert placed < paid


def test_a_seed_gives_the_same_orders_again() -> None:
    assert list(orders(20, 7, _SHOPS)) == list(orders(20, 7, _SHOPS))
    ids = [{one.payload["external_id"] for one in orders(20, seed, _SHOPS)} for seed in (7, 8)]
    assert not ids[0] & ids[1]


def test_the_catalogue_has_what_is_ordered(first_orders: list[StorefrontOrder]) -> None:
    known = {product["sku"]: product for product in catalogue(300)}
    ordered = {line["sku"]: line["title"] for payload in _payloads(first_orders) for line in payload["lines"]}
    assert ordered == {sku: product["title"] for sku, product in known.items()}


def test_the_whole_catalogue_contains_the_part() -> None:
    whole = catalogue()
    assert {product["sku"] for product in catalogue(300)} < {product["sku"] for product in whole}
    assert {product["storage"] for product in whole} == {"frozen", "chilled", "ambient"}
    assert all(0 < product["grams"] <= 25_000 for product in whole)
