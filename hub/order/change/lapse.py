"""Take back what a change has added and nobody paid in time: the order is as it was, to the piece and to the fen."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import rows
from hub.errors import NeedsOperator, Rejected
from hub.gift.count import hold_gifts
from hub.merge.group import hold_free
from hub.order.change.addition import Addition, read_added, with_goods
from hub.order.change.begin import change
from hub.order.change.due import LAPSED, RULE, go_on
from hub.order.change.revision import Author, Wish
from hub.order.change.wanted import Portion, portions_of
from hub.order.lock import lock_order, open_blockers
from hub.order.place.brand_policy import hold_limits
from hub.order.rest import hold_orders, open_pieces, source_rest
from hub.order.rules.policy import POLICY, Policy

AT_MOST: Final = 50
"""Orders that are looked at in one transaction: some may be such that only a person can put them back."""

BY: Final = Author("system", LAPSED)

OVER: Final = """
    select d.order_id from order_hold h
    join amount_due d on d.order_id = h.order_id and d.state <> 'paid' and d.revision_no > 0
                      and d.created_at >= h.created_at
    where h.type = 'finance' and h.rule = :rule and h.released_at is null
    group by d.order_id having max(d.created_at) <= :before
    order by hashint8extended(d.order_id, :turn) limit :most"""
"""Orders that wait for what is due, and have long enough, counted from what was added last.

What a person has let go on unpaid is older than the hold. What was set off is counted: each refund pays the oldest
first, so nobody can say which goods it has paid for. They are mixed anew each second: were the oldest always looked at
first, a few that only a person can put back would keep all others from their turn.
"""


def lapse(session: Session, limit: timedelta, at: datetime, policy: Policy = POLICY, *, at_most: int = AT_MOST) -> int:
    """Take back what one order has added and nobody paid since `limit`, which is none for ever; give how many had it.

    One in a transaction, as a change locks quotas last. An order that somebody works on just now is left for the next
    time, and so is one that cannot be put back exactly: a person is called to it already. `at` is in the business zone.
    """
    if not limit:
        return 0
    for one in rows(session, OVER, rule=RULE, before=at - limit, turn=int(at.timestamp()), most=at_most):
        with suppress(Rejected, NeedsOperator), session.begin_nested() as savepoint:
            if _take_back(session, one.order_id, at - limit, policy, at):
                return 1
            savepoint.rollback()  # whoever works on an order that is left must not wait for the others
    return 0


def _take_back(session: Session, order_id: int, before: datetime, policy: Policy, at: datetime) -> bool:
    if not hold_free(session, order_id):
        return False
    added = _lapsed(session, order_id, before)
    wish = _undoing(session, order_id, added) if added else None
    if wish is None:
        return False
    order = lock_order(session, order_id)
    hold_gifts(session, [order_id])  # before the change locks stock
    hold_orders(session, [order_id])
    hold_limits(session, policy, [order.brand], at)  # before the change locks quotas
    change(session, order_id, wish, BY, at, policy)
    order = lock_order(session, order_id)
    if go_on(session, order_id, LAPSED, at) and not open_blockers(session, order_id):
        source_rest(session, order, policy, at)  # more is due that a person had let go on unpaid
    record(session, at, BY.name, "order.lapse", f"order:{order_id}", lines=[one.line_no for one in added])
    return True


def _lapsed(session: Session, order_id: int, before: datetime) -> list[Addition]:
    """Give what was added since the order waits, the oldest first; nothing if some of it is younger."""
    found = rows(
        session,
        """select r.added, d.created_at from amount_due d
           join order_revision r on (r.order_id, r.no) = (d.order_id, d.revision_no)
           where d.order_id = :id and d.state <> 'paid'
             and d.created_at >= (select min(h.created_at) from order_hold h
                                  where h.order_id = d.order_id and h.rule = :rule and h.released_at is null)
           order by r.no""",
        id=order_id,
        rule=RULE,
    )
    if any(one.created_at > before for one in found):
        return []
    return [added for one in found for added in read_added(one.added) if added.line_no]


def _undoing(session: Session, order_id: int, added: Sequence[Addition]) -> Wish | None:
    """Give the change that undoes additions; None where not all of it is there to be undone."""
    portions = {one.line_no: one for one in portions_of(session, order_id)}
    mine = {one.line_no: one for one in added}
    pieces, back = Counter[int](), list[Addition]()
    for root in (one for one in added if one.instead not in mine):
        family = _family(root, added)
        parts = [portions[one.line_no] for one in family]
        if any(one.kept != one.here for one in parts):
            return None  # some of it has left
        pieces += Counter({int(no): each * one.here for one in parts for no, each in one.parts.items()})
        if root.instead:
            again = _again(portions[root.instead], root, family, parts)
            if again is None:
                return None
            back.append(again)
    if not pieces or pieces - Counter(open_pieces(session, order_id, virtual=True)):
        return None
    return Wish(pieces=dict(pieces), added=with_goods(session, order_id, back))


def _family(root: Addition, added: Sequence[Addition]) -> list[Addition]:
    """Give an addition with those that have come in its place since, the oldest first."""
    family = [root]
    for one in added:
        if one.instead and any(one.instead == older.line_no for older in family):
            family.append(one)
    return family


def _again(old: Portion, root: Addition, family: Sequence[Addition], parts: Sequence[Portion]) -> Addition | None:
    """Give the goods that the first of a family has replaced, with the money that they bore, in the place of its last.

    None where some pieces of the family were cancelled: nobody knows how many are to come back.
    """
    replaced = Counter[int]()
    for one in family[1:]:
        replaced[one.instead] += one.of
    if root.was is None or any(
        part.kept != one.came - replaced[one.line_no] for one, part in zip(family, parts, strict=True)
    ):
        return None
    last: Portion = [one for one in parts if one.here][-1]
    whole: Mapping[str, int] = last.parts
    return Addition(
        line_id=old.line_id,
        channel_sku=old.channel_sku,
        pieces=root.of,
        price=str(old.unit_price),
        title=old.title,
        instead=last.line_no,
        of=last.here,
        parts=dict(whole),
        gets=root.was,
    )
