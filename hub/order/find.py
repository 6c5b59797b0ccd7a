"""Find orders: one with everything that hangs on it, or a page of them by cursor. Nothing here opens personal data."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import records, row, rows
from hub.document import Document
from hub.errors import NotFound
from hub.roles import Actor


class LineView(Document):
    line_no: int
    line_id: str
    kind: str
    channel_sku: str
    sku: str
    title: str
    ordered: int
    allocated: int
    shipped: int
    delivered: int
    cancelled: int
    amount: int
    discount: int


class HoldView(Document):
    type: str
    rule: str
    since: datetime


class ParcelView(Document):
    """A parcel that has left; `status` is the courier's word for it, empty where nobody follows it."""

    courier: str
    tracking_no: str
    shipped_at: datetime
    status: str
    status_at: datetime | None


class FulfilmentView(Document):
    code: str
    location: str
    attempt: int
    execution: str
    negotiation: str


class OrderView(Document):
    """An order as its storefront sees it; amounts in minor units of `currency`; the id is text, for JavaScript."""

    id: str
    external_id: str
    shop: str
    lifecycle: str
    payment: str
    fulfilment: str
    currency: str
    goods: int
    discount: int
    freight: int
    total: int
    placed_at: datetime
    created_at: datetime
    province: str
    city: str
    county: str
    lines: tuple[LineView, ...] = ()
    holds: tuple[HoldView, ...] = ()
    fulfilments: tuple[FulfilmentView, ...] = ()
    parcels: tuple[ParcelView, ...] = ()


class OrderPage(Document):
    """Orders, newest first; `next` is the cursor of the following page, empty at the end."""

    orders: tuple[OrderView, ...]
    next: str


def get_order(session: Session, order_id: int, actor: Actor) -> OrderView:
    """Give an order that the actor may see, with lines, open holds, fulfilment orders and parcels.

    Raises: NotFound, also for an order of somebody else's shop.
    """
    found = row(
        session,
        """select * from sales_order where id = :id and (:every_shop or shop = any(:shops))
           and (:every_brand or brand = any(:brands))""",
        id=order_id,
        **scope_of(actor),
    )
    if found is None:
        raise NotFound(f"there is no order {order_id}", code="unknown_order")
    return _view(found).model_copy(
        update={
            "lines": tuple(_lines(session, order_id)),
            "holds": tuple(_holds(session, order_id)),
            "fulfilments": tuple(_fulfilments(session, order_id)),
            "parcels": tuple(_parcels(session, order_id)),
        }
    )


def find_order_id(session: Session, shop: str, external_id: str) -> int | None:
    """Give the order that a shop's own number stands for, if it was placed."""
    found = row(
        session,
        """select order_id from order_key
           where shop = :shop and external_id = :external_id and payload_hash <> ''""",
        shop=shop,
        external_id=external_id,
    )
    return found.order_id if found else None


def list_orders(session: Session, actor: Actor, *, before: int | None, limit: int, lifecycle: str = "") -> OrderPage:
    """Give a page of the orders that the actor may see, without their lines."""
    found = rows(
        session,
        """select * from sales_order
           where (:every_shop or shop = any(:shops)) and (:every_brand or brand = any(:brands))
             and (cast(:before as bigint) is null or id < :before) and (:lifecycle = '' or lifecycle = :lifecycle)
           order by id desc limit :limit""",
        before=before,
        lifecycle=lifecycle,
        limit=limit + 1,
        **scope_of(actor),
    )
    page = found[:limit]
    return OrderPage(orders=tuple(_view(one) for one in page), next=str(page[-1].id) if len(found) > limit else "")


def scope_of(actor: Actor) -> dict[str, Any]:
    """Give the values that limit a query to what an actor may see."""
    return {
        "every_shop": not actor.shops,
        "shops": sorted(actor.shops),
        "every_brand": not actor.brands,
        "brands": sorted(actor.brands),
    }


def _view(found: Row[Any]) -> OrderView:
    names = OrderView.model_fields.keys() - {"id", "lines", "holds", "fulfilments", "parcels"}
    return OrderView(id=str(found.id), **{name: getattr(found, name) for name in names})


def _lines(session: Session, order_id: int) -> Sequence[LineView]:
    found = records(
        session,
        """select line_no, external_line_id as line_id, kind, channel_sku, sku, title, ordered, allocated, shipped,
                  delivered, cancelled, amount, discount
           from order_line where order_id = :id order by line_no""",
        id=order_id,
    )
    return [LineView.model_validate(one) for one in found]


def _holds(session: Session, order_id: int) -> Sequence[HoldView]:
    found = rows(
        session,
        "select type, rule, created_at from order_hold where order_id = :id and released_at is null order by no",
        id=order_id,
    )
    return [HoldView(type=one.type, rule=one.rule, since=one.created_at) for one in found]


def _fulfilments(session: Session, order_id: int) -> Sequence[FulfilmentView]:
    found = records(
        session,
        """select code, location, attempt, execution, negotiation from fulfilment_order
           where order_id = :id order by no""",
        id=order_id,
    )
    return [FulfilmentView.model_validate(one) for one in found]


def _parcels(session: Session, order_id: int) -> Sequence[ParcelView]:
    found = records(
        session,
        """select p.courier, p.tracking_no, s.shipped_at, coalesce(t.status, '') as status, t.status_at
           from parcel p join shipment s on (s.order_id, s.no) = (p.order_id, p.shipment_no)
                left join parcel_track t on (t.order_id, t.shipment_no, t.parcel_no) = (p.order_id, p.shipment_no, p.no)
           where p.order_id = :id order by p.shipment_no, p.no""",
        id=order_id,
    )
    return [ParcelView.model_validate(one) for one in found]
