"""Add what a change adds, judge the order again, and have it wait for what is to be paid for that."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from hub.order.change.due import charge, owed, wait_for
from hub.order.change.grow import Grown, grow
from hub.order.change.judge import judge_again
from hub.order.change.money import worth_of
from hub.order.change.revision import Revision
from hub.order.change.table import Charge
from hub.order.lock import Locked
from hub.order.place.flash import count_more
from hub.order.place.presold import count_waiting
from hub.order.reread import reread
from hub.order.rules.policy import Policy


def add_goods(
    session: Session, order: Locked, revision: Revision, cut: Mapping[int, int], policy: Policy, at: datetime
) -> tuple[Grown | None, frozenset[int]]:
    """Add a revision's goods; what is due after `cut` has been given back is waited for, before anything is sourced.

    Gives what was added, and the lines that are held since by holds of their own. The order's row is locked; the pieces
    of `cut`, by line, are cancelled after this.
    """
    before = reread(session, order.id) if revision.wish.added else None
    grown = grow(session, order, revision, cut, at)
    held = frozenset[int]()
    if before and grown:
        count_waiting(session, order.id, at.date())
        after = reread(session, order.id)
        count_more(session, order.id, before, after, at)
        held = judge_again(session, order, before, after, policy, at, anew=(), cut=cut)
        charge(session, order, revision.no, grown.amount, at)
    if grown or any(cut.values()):
        due = 0 if revision.wish.charge is Charge.CHANNEL else owed(session, order.id)
        wait_for(session, order, due - worth_of(session, order.id, cut), policy, at)
    return grown, held
