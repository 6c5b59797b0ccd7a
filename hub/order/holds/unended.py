"""Unpaid orders that no time ends: where their channel has none, a person is called to them after a day."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.database import rows
from hub.order.holds.unpaid import OPEN
from hub.settings import Settings

UNPAID: Final = timedelta(days=1)
"""How long a buyer is waited for where nothing closes the order; as long as `orders.unpaid_min` is by itself."""

BALANCE: Final = timedelta(days=30)
"""How long after its deposit the balance of an order is waited for that has no day for it."""

AT_ONCE: Final = 500


def unpaid_limit(settings: Settings, channel: str) -> timedelta:
    """Say how long the orders of a channel may stay unpaid: by its own limit, else its brand's, else that of all.

    Zero is for ever, and so wait the orders of a channel that is connected no more.
    """
    one = settings.connections.get(channel)
    if one is None:
        return timedelta()
    of_brand = settings.orders.unpaid_min_of.get(one.brand, settings.orders.unpaid_min)
    return timedelta(minutes=of_brand if one.unpaid_min is None else one.unpaid_min)


def call_unended(session: Session, closing: Sequence[str], at: datetime) -> int:
    """Call a person for unpaid orders that nothing ends, each once; give how many that were.

    The channels `closing` close theirs in time, and so the hold calls nobody by itself (hub/order/rules/hold.py). The
    case ends with the hold: when the order is paid, let go or cancelled, or is closed by a limit that is set later.
    """
    due = _due(session, closing, at)
    # The statement locks orders and saw their holds before: one may have been paid for in between.
    still = rows(
        session,
        f"select distinct h.order_id from order_hold h where h.order_id = any(:ids) and {OPEN}",
        ids=[one.id for one in due],
    )
    held = {one.order_id for one in still}
    called = [one for one in due if one.id in held]
    cases = [NewCase("review", f"order:{one.id}", one.brand, "finance: unpaid", one.id) for one in called]
    open_cases(session, cases, at)
    return len(cases)


def _due(session: Session, closing: Sequence[str], at: datetime) -> Sequence[Row[Any]]:
    """Lock the orders that wait too long for a payment that no time ends, and whose review is not open."""
    return rows(
        session,
        f"""select o.id, o.brand from order_hold h join sales_order o on o.id = h.order_id
            where {OPEN} and o.lifecycle in ('received', 'accepted', 'in_fulfilment')
              and (o.payment = 'unpaid' and o.created_at <= :unpaid and o.channel <> all(:closing)
                   or o.payment = 'deposit_paid' and o.created_at <= :balance and o.balance_due_at is null)
              and not exists (select 1 from case_file c where c.cause = 'review' and c.state = 'open'
                                and c.subject = 'order:' || o.id)
            order by o.id limit :most for update of o skip locked""",
        closing=closing,
        unpaid=at - UNPAID,
        balance=at - BALANCE,
        most=AT_ONCE,
    )
