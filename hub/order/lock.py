"""The lock of an order: whoever changes it, its fulfilment orders or their lanes holds its row first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import row, rows
from hub.errors import NotFound
from hub.order.status import Lifecycle
from hub.review.verdict import HoldType

NO_SOURCE: Final = "no_source"

TRIES: Final = "reroute_tries"
"""The rule of an order that was refused too often: a person says where it goes."""

FOR_STOCK: Final = f"(h.type, h.rule) = ('{HoldType.STOCK}', '{NO_SOURCE}')"
"""That an order hold `h` says what nobody has: it keeps nothing else of the order from a source."""

STOPS: Final = f"""h.released_at is null and 'route' = any(h.blocks)
                   and h.line_no is null and h.fulfilment_no is null and not {FOR_STOCK}"""
"""That an order hold `h` keeps the whole order from being routed."""

ROUTE_BLOCKERS: Final = f"""select no, type, rule from order_hold h where order_id = :id and {STOPS}
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

    That nobody has some of it is none. Lines that holds of their own keep from it are left out wherever something is
    sourced (hub/order/place/allocate.py).
    """
    return rows(session, ROUTE_BLOCKERS, id=order_id)
