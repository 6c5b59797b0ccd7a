from decimal import Decimal
from typing import Any

import pytest

from sandbox.baskets import StorefrontOrder, orders
from sandbox.taobao_trades import oids_of, tid_of, trade_of


@pytest.fixture(scope="module")
def placed() -> list[StorefrontOrder]:
    return list(orders(300, 7, ["tb"]))


@pytest.fixture(scope="module")
def trades(placed: list[StorefrontOrder]) -> list[dict[str, Any]]:
    return [trade_of(one) for one in placed]


def lines_of(trade: dict[str, Any]) -> list[dict[str, Any]]:
    return trade["orders"]["order"]


def test_a_trade_adds_up_by_the_platforms_formula(trades: list[dict[str, Any]]) -> None:
    for trade in trades:
        goods = sum(Decimal(line["divide_order_fee"]) for line in lines_of(trade))
        assert goods + Decimal(trade["post_fee"]) == Decimal(trade["payment"])


def test_a_sub_order_adds_up_by_the_platforms_formula(trades: list[dict[str, Any]]) -> None:
    for line in (line for trade in trades for line in lines_of(trade)):
        gross = Decimal(line["price"]) * line["num"] + Decimal(line["adjust_fee"])
        assert gross - Decimal(line["discount_fee"]) == Decimal(line["total_fee"])
        assert Decimal(line["total_fee"]) - Decimal(line["part_mjz_discount"]) == Decimal(line["divide_order_fee"])


def test_only_a_single_sub_orders_payment_holds_the_postage(trades: list[dict[str, Any]]) -> None:
    single = [trade for trade in trades if len(lines_of(trade)) == 1]
    assert single
    assert all(lines_of(trade)[0]["payment"] == trade["payment"] for trade in single)
    several = [line for trade in trades if len(lines_of(trade)) > 1 for line in lines_of(trade)]
    assert all(line["payment"] == line["total_fee"] for line in several)


def test_promotions_name_all_that_is_reduced(trades: list[dict[str, Any]]) -> None:
    for trade in trades:
        named = trade.get("promotion_details", {"promotion_detail": []})["promotion_detail"]
        reduced = sum(Decimal(line["discount_fee"]) + Decimal(line["part_mjz_discount"]) for line in lines_of(trade))
        assert sum(Decimal(one["discount_fee"]) for one in named) == reduced
        assert {one["id"] for one in named} <= {trade["tid"], *(line["oid"] for line in lines_of(trade))}


def test_everything_that_may_be_there_is_there_sometimes(trades: list[dict[str, Any]]) -> None:
    lines = [line for trade in trades for line in lines_of(trade)]
    signs = {Decimal(line["adjust_fee"]).compare(0) for line in lines}
    assert signs == {-1, 0, 1}
    assert {"invoice_name" in trade for trade in trades} == {True, False}
    assert {"seller_memo" in trade for trade in trades} == {True, False}
    assert {bool(line["outer_sku_id"]) for line in lines} == {True, False}


def test_nobody_can_be_known_by_a_trade(placed: list[StorefrontOrder], trades: list[dict[str, Any]]) -> None:
    for order, trade in zip(placed, trades, strict=True):
        payload: Any = order.payload
        shown = str(trade)
        assert payload["receiver"]["phone"] not in shown
        assert payload["receiver"]["name"] not in shown
        assert trade["receiver_name"] == "收**"
        assert trade["oaid"]


def test_where_a_trade_goes_can_be_read(placed: list[StorefrontOrder], trades: list[dict[str, Any]]) -> None:
    for order, trade in zip(placed, trades, strict=True):
        to: Any = order.payload["receiver"]
        shown = (trade["receiver_state"], trade["receiver_city"], trade["receiver_district"])
        assert shown == (to["province"], to["city"], to["district"])


def test_numbers_have_19_digits_and_are_nobody_elses(placed: list[StorefrontOrder]) -> None:
    tids = [tid_of(one) for one in placed]
    assert tids == [tid_of(one) for one in placed]
    assert {len(str(tid)) for tid in tids} == {19}
    oids = [oid for one in placed for oid in oids_of(one).values()]
    assert len(set(oids)) == len(oids)
