"""Reservations that ended long ago are forgotten; what orders have taken of flash sales stays the orders' own."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inventory.hot_sale import keep_tickets


def prune(session: Session, before: datetime, limit: int = 5_000) -> int:
    """Forget reservations that ended long ago; give how many."""
    old = rows(
        session,
        """select id, case when state <> 'released' then order_id end as order_id from reservation
           where state <> 'held' and updated_at < :before
           order by updated_at limit :limit for update skip locked""",
        before=before,
        limit=limit,
    )
    ids = [one.id for one in old]
    taken = {one.id: one.order_id for one in old if one.order_id is not None}
    keep_tickets(session, taken, [one.id for one in old if one.order_id is None])
    run(session, "delete from reservation_line where reservation_id = any(:ids)", ids=ids)
    return run(session, "delete from reservation where id = any(:ids)", ids=ids)
