"""Find orders: one with everything that hangs on it, or a page of them by cursor. Nothing here opens personal data."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import row, rows
from hub.document import Document
from hub.errors import NotFound
from hub.order.view import (
    ChangeView,
    DueView,
    FulfilmentView,
    HoldView,
    LineView,
    LinkView,
    OrderPage,
    OrderView,
    ParcelView,
    RefundView,
    ReturnHead,
)
from hub.roles import Actor

CHILDREN: Final = ("lines", "holds", "fulfilments", "parcels", "changes", "refunds", "dues", "links", "returns")
HEAD: Final = tuple(name for name in OrderView.model_fields if name not in CHILDREN)
LEFT: Final = "case when payment = 'deposit_paid' and lifecycle not in ('closed', 'cancelled') then total - deposit end"
COLUMNS: Final = ", ".join(HEAD).replace(" balance,", f" {LEFT},")
LINES: Final = """
    select order_id, line_no, external_line_id, kind, channel_sku, sku, title, ordered, allocated, shipped, delivered,
           returned, cancelled, amount, discount
    from order_line where order_id = any(:ids) order by order_id, line_no"""
HOLDS: Final = """
    select order_id, type, rule, created_at, line_no, order_id || '-' || fulfilment_no
    from order_hold where order_id = any(:ids) and released_at is null
    order by order_id, no"""
FULFILMENTS: Final = """
    select f.order_id, f.code, f.location, f.attempt, f.execution, f.negotiation, nullif(f.courier, ''),
           (select cast(choice ->> 'promise' as date)
            from routing_decision d cross join json_array_elements(d.outcome -> 'choices') choice
            where (d.order_id, d.no) = (f.order_id, f.decision_no) and choice ->> 'code' = f.location
              and cast(d.outcome as text) like '%"promise"%')  -- most have none, and are not taken apart
    from fulfilment_order f where f.order_id = any(:ids) order by f.order_id, f.no"""
PARCELS: Final = """
    select p.order_id, p.courier, p.tracking_no, s.shipped_at, coalesce(t.status, '') as status, t.status_at,
           coalesce(i.state, ''), coalesce(i.said, ''), coalesce(i.code, '')
    from parcel p join shipment s on (s.order_id, s.no) = (p.order_id, p.shipment_no)
         left join parcel_track t on (t.order_id, t.shipment_no, t.parcel_no) = (p.order_id, p.shipment_no, p.no)
         left join parcel_intercept i on (i.order_id, i.shipment_no, i.parcel_no) = (p.order_id, p.shipment_no, p.no)
    where p.order_id = any(:ids) order by p.order_id, p.shipment_no, p.no"""
CHANGES: Final = """
    select order_id, no, kinds, state, note, created_at from order_revision where order_id = any(:ids)
    order by order_id, no"""
REFUNDS: Final = """
    select order_id, no, amount, freight, set_off, state, reference, created_at, parts from refund_due
    where order_id = any(:ids) order by order_id, no"""
DUES: Final = """
    select order_id, no, amount, set_off, state, created_at from amount_due where order_id = any(:ids)
    order by order_id, no"""
RETURNS: Final = """
    select order_id, no, code, kind, state, created_at from return_case where order_id = any(:ids)
    order by order_id, no"""
LINKS: Final = """
    select own.id, own.relation, cast(o.id as text) as "order", o.external_id, o.type, c.code
    from (select order_id as id, 'origin' as relation, origin_order_id as other, origin_order_id, return_no
          from order_link where order_id = any(:ids)
          union all
          select origin_order_id, 'follower', order_id, origin_order_id, return_no
          from order_link where origin_order_id = any(:ids)) own
    join sales_order o on o.id = own.other
    left join return_case c on (c.order_id, c.no) = (own.origin_order_id, own.return_no) order by own.id, o.id"""
EACH: Final[Sequence[tuple[str, type[Document]]]] = (
    *((LINES, LineView), (HOLDS, HoldView), (FULFILMENTS, FulfilmentView), (PARCELS, ParcelView)),
    *((CHANGES, ChangeView), (REFUNDS, RefundView), (DUES, DueView), (LINKS, LinkView), (RETURNS, ReturnHead)),
)
"""The children, each in the order of its view's fields, behind the order's id."""

View = TypeVar("View", bound=Document)


def get_order(session: Session, order_id: int, actor: Actor) -> OrderView:
    """Give an order that the actor may see, whole. Raises: NotFound, also for an order of somebody else's shop."""
    found = get_orders(session, [order_id], actor)
    if not found:
        raise NotFound(f"there is no order {order_id}", code="unknown_order")
    return found[order_id]


def get_orders(session: Session, order_ids: Sequence[int], actor: Actor) -> dict[int, OrderView]:
    """Give those of some orders that the actor may see, whole, by id."""
    found = rows(
        session,
        f"""select {COLUMNS} from sales_order where id = any(:ids) and (:every_shop or shop = any(:shops))
           and (:every_brand or brand = any(:brands))""",
        ids=list(order_ids),
        **scope_of(actor),
    )
    ids = [one.id for one in found]
    every = [_grouped(session, statement, view, ids) for statement, view in EACH]
    return {one.id: _view(one, *(children[one.id] for children in every)) for one in found}


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
        f"""select {COLUMNS} from sales_order
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


def _view(found: Row[Any], *children: Sequence[Document]) -> OrderView:
    """Make a view of what the tables hold, which needs no checking again; `children` in the order of the view's.

    Without children it is the head alone, and a page of heads is told without the lists that nobody has looked up.
    """
    values = dict(zip(HEAD, found, strict=True))
    values["id"] = str(found.id)
    if children:
        values.update(zip(CHILDREN, map(tuple, children), strict=True))
    return OrderView.model_construct(**values)


def _grouped(session: Session, statement: str, view: type[View], ids: list[int]) -> defaultdict[int, list[View]]:
    """Give the views of some rows by order; a row is the order's id, then the view's fields."""
    names = list(view.model_fields)
    grouped: defaultdict[int, list[View]] = defaultdict(list)
    for order_id, *values in rows(session, statement, ids=ids):
        grouped[order_id].append(view.model_construct(**dict(zip(names, values, strict=True))))
    return grouped
