"""Keep an order's payment in step with what was paid back of it."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import run


def note_paid_back(session: Session, order_id: int, at: datetime) -> None:
    """Say whether some or all of what was paid of an order went back, or its deposit; the order's row is locked.

    What was set off against goods that were added moved no money, and is none that was paid for the order either.
    """
    run(
        session,
        """update sales_order o set payment = case when back.amount >= o.total then 'refunded'
                                                   else 'partially_refunded' end,
                                    version = o.version + 1, updated_at = :at
           from (select sum(amount) as amount, sum(amount - set_off) as moved from refund_due
                 where order_id = :id and state in ('done', 'set_off')) back
           where o.id = :id and o.payment in ('paid', 'partially_refunded', 'deposit_paid') and back.moved > 0""",
        at=at,
        id=order_id,
    )
