"""Storefront orders made of real baskets: real goods, quantities, prices and discounts; invented people and places."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import islice
from typing import Final, cast

from sandbox.grocery import Row, read_baskets, read_distinct
from sandbox.products import Product, products
from sandbox.receivers import AddressBook

_COLUMNS = (
    "household_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "coupon_match_disc",
)
_MOST_LINES: Final = 20
_MOST_PIECES: Final = 50  # more is fuel by volume or a till's error
_FREE_FREIGHT_FROM_FEN: Final = 5_900
_FREIGHT_FEN: Final = 600
_ORDER_DISCOUNT_EVERY: Final = 11
_ORDER_DISCOUNT_FEN: Final = 500
_CHINA = timezone(timedelta(hours=8))
_FIRST_DAY = datetime(2026, 11, 1, tzinfo=_CHINA)
_PERIOD_S: Final = 20 * 86_400
_PAID_WITHIN_S: Final = 300


@dataclass(frozen=True, slots=True)
class StorefrontOrder:
    """An order as the connection's storefront sends it."""

    connection: str
    payload: dict[str, object]


@dataclass(frozen=True, slots=True)
class _Sold:
    """One row of a basket in fen: gross before every discount."""

    product: Product
    quantity: int
    gross: int
    retail: int
    coupon: int
    match: int


def orders(count: int, seed: int, shops: Sequence[str]) -> Iterator[StorefrontOrder]:
    """The first `count` baskets as orders of the shops (a household keeps to one shop); the same for the same seed.

    When the baskets run out they come again, under new external ids.
    """
    book = AddressBook()
    for n, (household, sold) in enumerate(islice(_baskets(), count)):
        shop = shops[_hash(f"shop|{household}") % len(shops)]
        payload = _order(f"{shop}-{seed}-{n:06d}", sold, _hash(f"{seed}|{n}"))
        payload["buyer"] = {"id": f"hh-{household}", "nick": f"买家{household}"}
        payload["receiver"] = dict(book.receiver(household, n))
        yield StorefrontOrder(shop, payload)


def catalogue(first_orders: int | None = None) -> list[Product]:
    """The products in the first orders, or in all baskets there are."""
    known = products()
    if first_orders is None:
        used = (cast("int", one) for one in read_distinct("transactions", "product_id"))
        return [known[one] for one in sorted(used) if one in known]
    found = {one.product["sku"]: one.product for _, sold in islice(_baskets(), first_orders) for one in sold}
    return [found[sku] for sku in sorted(found)]


def _baskets() -> Iterator[tuple[int, list[_Sold]]]:
    while True:
        for rows in read_baskets(_COLUMNS):
            sold = [one for one in map(_sold, rows) if one is not None][:_MOST_LINES]
            if sold:
                yield cast("int", rows[0]["household_id"]), sold


def _sold(row: Row) -> _Sold | None:
    product = products().get(cast("int", row["product_id"]))
    quantity, value = cast("int", row["quantity"]), _fen(row["sales_value"])
    if product is None or not 0 < quantity <= _MOST_PIECES or value <= 0:
        return None
    # The till's value is what the retailer received: after its own discounts, before the maker pays for his coupon.
    retail, match = _fen(row["retail_disc"]), _fen(row["coupon_match_disc"])
    gross = value + retail + match
    return _Sold(product, quantity, gross, retail, min(_fen(row["coupon_disc"]), value), match)


def _order(external_id: str, sold: Sequence[_Sold], chance: int) -> dict[str, object]:
    placed_at = _FIRST_DAY + timedelta(seconds=chance % _PERIOD_S)
    discounts = [discount for place, one in enumerate(sold, 1) for discount in _discounts(str(place), one)]
    net = sum(one.gross - one.retail - one.coupon - one.match for one in sold)
    whole = min(_ORDER_DISCOUNT_FEN, net // 10) if chance % _ORDER_DISCOUNT_EVERY == 0 else 0
    if whole:
        discounts.append(_discount("promotion", "WHOLE-ORDER", whole, "platform"))
    freight = _FREIGHT_FEN if net - whole < _FREE_FREIGHT_FROM_FEN else 0
    return {
        "external_id": external_id,
        "placed_at": placed_at.isoformat(),
        "paid_at": (placed_at + timedelta(seconds=10 + chance // 7 % _PAID_WITHIN_S)).isoformat(),
        "currency": "CNY",
        "lines": [_line(str(place), one) for place, one in enumerate(sold, 1)],
        "freight": _yuan(freight),
        "discounts": discounts,
        "total": _yuan(net - whole + freight),
        "remark": "",
    }


def _line(line_id: str, sold: _Sold) -> dict[str, object]:
    return {
        "line_id": line_id,
        "sku": sold.product["sku"],
        "title": sold.product["title"],
        "quantity": sold.quantity,
        "unit_price": unit_price(sold.gross, sold.quantity),
    }


def unit_price(gross_fen: int, quantity: int) -> str:
    """Yuan per piece with two to six decimals; times the quantity, rounded half up to fen, it is the gross again."""
    price = str((Decimal(gross_fen) / 100 / quantity).quantize(Decimal("0.000001"))).rstrip("0")
    whole, _, decimals = price.partition(".")
    return f"{whole}.{decimals:0<2}"


def _discounts(line_id: str, sold: _Sold) -> Iterator[dict[str, object]]:
    given = (
        ("promotion", "LOYALTY-PRICE", sold.retail, "merchant"),
        ("coupon", f"BRAND-{sold.product['sku']}", sold.coupon, "brand"),
        ("coupon", f"MATCH-{sold.product['sku']}", sold.match, "merchant"),
    )
    for source, code, amount, funder in given:
        if amount:
            yield {**_discount(source, code, amount, funder), "line_id": line_id}


def _discount(source: str, code: str, amount: int, funder: str) -> dict[str, object]:
    return {"source": source, "code": code, "amount": _yuan(amount), "funder": funder}


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _fen(value: object) -> int:
    # The data are binary floats of whole cents.
    return round(cast("float", value) * 100)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
