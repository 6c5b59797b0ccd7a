"""Derive an order's state from its lines' counters: completed when nothing is open, closed when all has arrived."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import row, run
from hub.order.lock import lock_order
from hub.order.status import Event, Lifecycle, derive_fulfilment, move


def advance(session: Session, order_id: int, at: datetime) -> Lifecycle:
    """Bring the order's own row in step with its lines, and give where it stands."""
    sums = row(
        session,
        """select sum(ordered) as ordered, sum(shipped) as shipped, sum(cancelled) as cancelled,
                  sum(delivered) as delivered
           from order_line where order_id = :id and kind <> 'bundle'""",
        id=order_id,
    )
    now = lock_order(session, order_id).lifecycle
    if sums is None:
        return now
    ordered, shipped, cancelled, delivered = (int(part) for part in sums)
    done = shipped + cancelled == ordered and shipped > 0
    lifecycle = move(now, Event.COMPLETE) if done and now is Lifecycle.IN_FULFILMENT else now
    if cancelled == ordered and now in {Lifecycle.ACCEPTED, Lifecycle.IN_FULFILMENT}:
        lifecycle = move(now, Event.CANCEL)
    if done and delivered == shipped and lifecycle is Lifecycle.COMPLETED:
        lifecycle = move(lifecycle, Event.CLOSE)
    run(
        session,
        """update sales_order set fulfilment = :fulfilment, lifecycle = :lifecycle, version = version + 1,
                                  updated_at = :at
           where id = :id""",
        fulfilment=derive_fulfilment(ordered, shipped, cancelled, delivered),
        lifecycle=lifecycle,
        at=at,
        id=order_id,
    )
    return lifecycle
