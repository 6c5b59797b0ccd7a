"""Bring a batch of orders into the hub's shape: one look-up of the catalogue for all of them."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from hub.catalogue.find import find_bound, find_products
from hub.errors import Rejected
from hub.order.model import ShopOrder
from hub.order.rules.normalise import NormalOrder, normalise


def normalised(session: Session, orders: Sequence[ShopOrder]) -> list[NormalOrder | Rejected]:
    """Give each order in the hub's shape, or why it cannot have it; what their codes stand for is read at once."""
    codes = {(one.brand, one.shop, line.channel_sku) for one in orders for line in one.order.lines}
    bound = find_bound(session, codes)
    products = find_products(session, set(bound.values()))
    normal: list[NormalOrder | Rejected] = []
    for one in orders:
        try:
            normal.append(normalise(one, bound, products))
        except Rejected as error:
            normal.append(error)
    return normal
