"""Which orders got pieces of a lot, or are about to: what a recall (召回) asks first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.database import records
from hub.document import Document
from hub.order.reveal import masked_receiver
from hub.roles import Actor, Permission
from hub.scope import ORDER_SEEN, scope

FOUND: Final = f"""
    select o.id as order_id, o.external_id, o.shop, piece.sku, piece.shipped, piece.assumed, piece.due, piece.left_at
    from (select order_id, sku, sum(shipped)::bigint as shipped, sum(assumed)::bigint as assumed,
                 sum(due)::bigint as due, max(left_at) as left_at
          from (select s.order_id, s.sku, s.quantity as shipped, s.assumed, 0 as due, h.shipped_at as left_at
                from shipped_lot s join shipment h on (h.order_id, h.no) = (s.order_id, s.shipment_no)
                where s.lot = :lot and (:sku = '' or s.sku = :sku)
                union all
                select order_id, sku, 0, 0, due, null from named_lot
                where lot = :lot and (:sku = '' or sku = :sku) and due > 0) one
          group by 1, 2) piece join sales_order o on o.id = piece.order_id
    where (piece.order_id, piece.sku) > (:after, :after_sku) and {ORDER_SEEN}
    order by piece.order_id, piece.sku limit :limit"""


class LotOrder(Document):
    """An order's pieces of a SKU that are of a lot: `shipped` have left, of which `assumed` only probably were of it.

    `due` are named for a delivery that has not left. `name` and `phone` are the receiver's, masked.
    """

    order_id: int
    external_id: str
    shop: str
    sku: str
    shipped: int
    assumed: int
    due: int
    left_at: datetime | None
    name: str
    phone: str


class LotOrders(Document):
    """Orders of a lot, the oldest first; `next` is where to go on."""

    orders: tuple[LotOrder, ...]
    next: str = ""


def orders_of_lot(
    session: Session, actor: Actor, lot: str, sku: str = "", *, after: str = "", limit: int = 50
) -> LotOrders:
    """Give the orders, as far as the actor may see them, that got pieces of a lot: of one SKU, if it is named.

    Raises: Unauthorised.
    """
    actor.require(Permission.SEE_ORDERS)
    last, _, last_sku = after.partition(":")
    found = records(
        session,
        FOUND,
        lot=lot,
        sku=sku,
        after=int(last) if last.isascii() and last.isdigit() and len(last) <= len(str(2**53)) else 0,
        after_sku=last_sku,
        limit=limit + 1,
        **scope(actor),
    )
    orders = tuple(_seen(session, actor, one) for one in found[:limit])
    more = len(found) > limit
    return LotOrders(orders=orders, next=f"{orders[-1].order_id}:{orders[-1].sku}" if more else "")


def _seen(session: Session, actor: Actor, one: Mapping[str, Any]) -> LotOrder:
    receiver = masked_receiver(session, one["order_id"], actor)
    return LotOrder(**one, name=receiver.name, phone=receiver.phone)
