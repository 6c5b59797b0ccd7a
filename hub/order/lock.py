"""The lock of an order: whoever changes it, its fulfilment orders or their lanes holds its row first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import row, rows
from hub.errors import NotFound
from hub.order.status import Lifecycle

ROUTE_BLOCKERS: Final = """select no, type, rule from order_hold
                           where order_id = :id and released_at is null and 'route' = any(blocks)
                             and line_no is null and fulfilment_no is null
                           union all
                           select no, 'change', '' from order_revision where order_id = :id and state = 'waiting'
                           order by no"""


@dataclass(frozen=True, slots=True)
class Locked:
    """An order's row under lock."""

    id: int
    brand: str
    shop: str
    channel: str
    external_id: str
    lifecycle: Lifecycle
    division: str


def lock_order(session: Session, order_id: int) -> Locked:
    """Lock an order.

    Raises: NotFound.
    """
    found = row(
        session,
        """select id, brand, shop, channel, external_id, lifecycle, division from sales_order
           where id = :id for update""",
        id=order_id,
    )
    if found is None:
        raise NotFound(f"there is no order {order_id}", code="unknown_order")
    return Locked(
        found.id, found.brand, found.shop, found.channel, found.external_id, Lifecycle(found.lifecycle), found.division
    )


def open_blockers(session: Session, order_id: int) -> Sequence[Row[Any]]:
    """Give the holds that keep a whole order from being routed; a change that waits for locations is one.

    Lines that holds of their own keep from it are left out wherever something is sourced (hub/order/place/allocate.py).
    """
    return rows(session, ROUTE_BLOCKERS, id=order_id)
