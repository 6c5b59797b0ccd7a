"""What the hub itself changes of an order is told to the channel that placed it, and so is what it has to refund.

Steps are written for every channel; one whose connector cannot be told settles them as not tellable, which the trace
shows.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.database import rows
from hub.order.lock import Locked
from hub.steps import NewStep, add

CHANGE: Final = "notify_change"
REFUND: Final = "notify_refund"

UNKNOWN: Final = "no channel knows this order: give the money back by hand"


def tell_change(session: Session, order: Locked, revision_no: int, at: datetime) -> None:
    """Have a change told; the order's row is locked."""
    _add(session, order, CHANGE, f"change:{order.id}-{revision_no}", {"revision_no": revision_no}, at)


def tell_cancelled(session: Session, order: Locked, wish: str, at: datetime) -> None:
    """Have it told what a cancellation came to, each by its name, as one may stop a part only; the row is locked."""
    _add(session, order, CHANGE, f"cancelled:{order.id}-{wish}", {"revision_no": 0}, at)


def tell_refund(session: Session, order: Locked, no: int, payment: int, at: datetime, *, alone: bool) -> None:
    """Have it told how much goes back to a payment, which may be the only one of it; the order's row is locked.

    What was paid for an order that follows from another was paid to nobody who could be told: a person is called.
    """
    key = f"refund:{order.id}-{no}" if alone else f"refund:{order.id}-{no}-{payment}"
    if not _add(session, order, REFUND, key, {"no": no, "payment": payment}, at):
        case = NewCase("refund_failed", f"refund:{order.id}-{no}", order.brand, UNKNOWN, order.id)
        open_cases(session, [case], at)


def _add(session: Session, order: Locked, flow: str, key: str, subject: dict[str, Any], at: datetime) -> bool:
    """Have the channel told, and say whether it is: an order that follows from another is none that it knows."""
    if rows(session, "select 1 from order_link where order_id = :id", id=order.id):
        return False
    step = NewStep(
        flow=flow,
        lane=f"order:{order.id}:{order.channel}",
        connection=order.channel,
        idempotency_key=key,
        order_id=order.id,
        subject={"order_id": order.id, **subject},
    )
    add(session, [step], at)
    return True
