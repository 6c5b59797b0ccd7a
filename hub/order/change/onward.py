"""Let an order go on that waited for money, once what goes back for other goods of it has paid what was due."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.gift.count import hold_gifts
from hub.order.change.due import owed
from hub.order.lock import Locked, open_blockers
from hub.order.rest import hold_orders, source_rest
from hub.order.rules.policy import POLICY, Policy


def hold_owing(session: Session, order: Locked) -> bool:
    """Say whether something is due of an order, and lock what sourcing it will book, before any stock is locked.

    The order's row is locked.
    """
    if not owed(session, order.id):
        return False
    hold_gifts(session, [order.id])
    hold_orders(session, [order.id])
    return True


def go_on_paid(session: Session, order: Locked, at: datetime, policy: Policy = POLICY) -> None:
    """Source an order that owed something, if nothing is due any more and nothing else holds it.

    `at` is in the business zone.
    """
    if not owed(session, order.id) and not open_blockers(session, order.id):
        source_rest(session, order, policy, at)
