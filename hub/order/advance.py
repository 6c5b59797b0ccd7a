"""Derive an order's state from its lines' counters, and complete it when nothing is open any more."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import row, run
from hub.order.lock import lock_order
from hub.order.status import Event, Lifecycle, derive_fulfilment, move


def advance(session: Session, order_id: int, at: datetime) -> Lifecycle:
    """Bring the order's own row in step with its lines, and give where it stands."""
    sums = row(
        session,
        """select sum(ordered) as ordered, sum(shipped) as shipped, sum(cancelled) as cancelled
           from order_line where order_id = :id and kind <> 'bundle'""",
        id=order_id,
    )
    now = lock_order(session, order_id).lifecycle
    if sums is None:
        return now
    ordered, shipped, cancelled = int(sums.ordered), int(sums.shipped), int(sums.cancelled)
    done = shipped + cancelled == ordered and shipped > 0 and now is Lifecycle.IN_FULFILMENT
    lifecycle = move(now, Event.COMPLETE) if done else now
    run(
        session,
        """update sales_order set fulfilment = :fulfilment, lifecycle = :lifecycle, version = version + 1,
                                  updated_at = :at
           where id = :id""",
        fulfilment=derive_fulfilment(ordered, shipped, cancelled),
        lifecycle=lifecycle,
        at=at,
        id=order_id,
    )
    return lifecycle
