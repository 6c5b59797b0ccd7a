"""Goods that a change adds to an order: more pieces, a further line, or others in the place of those of a line.

A line never grows itself: its pieces bear its money by their places, and what was refunded of it stands. What is added
is a line of its own, of the same number at the shop, with its own money.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from hub.catalogue.find import find_bound, find_products
from hub.catalogue.model import UNBOUND, Product
from hub.database import rows
from hub.errors import Malformed


class Borne(msgspec.Struct, frozen=True):
    """What pieces bear in minor units: what was to be paid for them, and their part of each reduction by its number."""

    net: int
    reductions: dict[str, int]


class Addition(msgspec.Struct, frozen=True):
    """Pieces of a channel's code for a line of the shop's; `price` of one in major units, empty for what it was.

    `instead` is the line whose last `of` pieces they replace, 0 for none, and `parts` what each of these is of
    the hub's lines; `skus` are the goods whose counters they need. Once they are there, `line_no` is their line,
    `came` how many it is of and `was` what the replaced ones bore. `gets` is the money of goods that come back.
    """

    line_id: str
    channel_sku: str
    pieces: int
    price: str = ""
    title: str = ""
    instead: int = 0
    of: int = 0
    parts: dict[str, int] = {}
    skus: tuple[str, ...] = ()
    line_no: int = 0
    came: int = 0
    was: Borne | None = None
    gets: Borne | None = None


def written(added: Sequence[Addition]) -> str:
    """Write additions as a revision keeps them."""
    return msgspec.json.encode(added).decode()


def read_added(kept: Any) -> tuple[Addition, ...]:  # noqa: ANN401 # JSON
    """Read what `written` wrote."""
    return msgspec.convert(kept, tuple[Addition, ...])


def with_goods(session: Session, order_id: int, added: Sequence[Addition]) -> tuple[Addition, ...]:
    """Name the goods that each addition is of.

    Raises: Malformed with code unknown_sku for codes that nothing is bound to.
    """
    if not added:
        return ()
    bound, products = goods_of(session, order_id, {one.channel_sku for one in added})
    return tuple(msgspec.structs.replace(one, skus=_shelf(products[bound[one.channel_sku]])) for one in added)


def goods_of(
    session: Session, order_id: int, codes: Collection[str]
) -> tuple[Mapping[str, str], Mapping[str, Product]]:
    """Give the SKU of each of a channel's codes in the shop of an order, and the products by SKU, parts with them.

    Raises: Malformed with code unknown_sku.
    """
    [of] = rows(session, "select brand, shop from sales_order where id = :id", id=order_id)
    bound = find_bound(session, [(of.brand, of.shop, code) for code in sorted(codes)])
    by_code = {code: sku for (*_, code), sku in bound.items()}
    if unknown := sorted(set(codes) - by_code.keys()):
        raise Malformed(f"{UNBOUND}{', '.join(unknown)}", code="unknown_sku", field="lines.sku")
    return by_code, find_products(session, set(by_code.values()))


def _shelf(product: Product) -> tuple[str, ...]:
    """Name what is taken from the shelf for a product: itself, or the parts of a bundle."""
    return tuple(part.sku for part in product.parts) or (product.sku,)
