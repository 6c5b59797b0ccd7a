"""Bring a batch of orders into the hub's shape: one look-up of the catalogue for all of them."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from hub.catalogue.find import find_bound, find_products
from hub.errors import Rejected
from hub.order.model import ShopOrder
from hub.order.place.record import payload_hash
from hub.order.rules.normalise import NormalOrder, normalise


class Normal(NamedTuple):
    """An order in the hub's shape, with the hash of its contents as its channel sent them."""

    order: NormalOrder
    digest: bytes


def normalised(session: Session, orders: Sequence[ShopOrder]) -> list[Normal | Rejected]:
    """Give each order in the hub's shape, or why it cannot have it; what their codes stand for is read at once."""
    codes = {(one.brand, one.shop, line.channel_sku) for one in orders for line in one.order.lines}
    bound = find_bound(session, codes)
    products = find_products(session, set(bound.values()))
    normal: list[Normal | Rejected] = []
    for one in orders:
        try:
            # Hashed while the processor has it at hand: of a whole batch each order is fetched anew.
            normal.append(Normal(normalise(one, bound, products), payload_hash(one)))
        except Rejected as error:
            normal.append(error)
    return normal
