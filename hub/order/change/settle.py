"""Apply a change once every location that it touches has answered: cancel, write anew, judge again, source again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import record
from hub.cases import NewCase, open_cases, resolve
from hub.database import rows, run
from hub.fulfilment.status import Negotiation
from hub.order.advance import advance
from hub.order.change.contents import changed, contents_of
from hub.order.change.due import settle_dues
from hub.order.change.enlarge import add_goods
from hub.order.change.judge import judge_again
from hub.order.change.money import give_up
from hub.order.change.notice import keep_stand
from hub.order.change.part import part_held
from hub.order.change.resource import Freed, replacements, source_again
from hub.order.change.revision import Revision, end_revision, find_open, keep_former
from hub.order.change.table import ChangeSource, ChangeState, Charge
from hub.order.change.tell import tell_change
from hub.order.lock import NO_SOURCE, TRIES, Locked, lock_order
from hub.order.place.brand_policy import hold_limits
from hub.order.place.unmet import end_refused, retell_unmet
from hub.order.place.virtual import hand_over
from hub.order.reread import reread, write_recipient, write_shipping
from hub.order.rest import open_pieces
from hub.order.rules.policy import Policy
from hub.order.status import Lifecycle


def changing(session: Session, order_id: int) -> bool:
    """Say whether a change of an order waits for its locations."""
    statement = "select 1 from order_revision where order_id = :id and state = 'waiting' limit 1"
    return bool(rows(session, statement, id=order_id))


def settle(session: Session, order: Locked, policy: Policy, at: datetime, told: str = "") -> None:
    """Apply the change that waits as far as locations have let go, unless one has not answered yet.

    The order and the counters of its SKUs are locked; `at` is in the business zone. `told` is why a location refused.
    """
    revision = find_open(session, order.id)
    if revision is None:
        return
    stopped = _stopped(session, order.id, revision.stops)
    if any(one.negotiation == Negotiation.CANCEL_REQUESTED and not one.ended for one in stopped):
        return
    _apply(session, order, revision, stopped, policy, at, told)


def _apply(
    session: Session,
    order: Locked,
    revision: Revision,
    stopped: Sequence[Row[Any]],
    policy: Policy,
    at: datetime,
    told: str,
) -> None:
    wish, still = revision.wish, open_pieces(session, order.id, virtual=True)
    kept = [one.location for one in stopped if not one.pieces]
    cut = {no: min(n, still.get(no, 0)) for no, n in wish.pieces.items()}
    short = sum(wish.pieces.values()) - sum(cut.values())
    moves = not stopped or any(one.pieces for one in stopped) or bool(still)
    held = _rewrite(session, order, revision, policy, at) if moves else frozenset[int]()
    grown, held_since = add_goods(session, order, revision, cut, policy, at)
    only_goods = set(wish.kinds) <= {"lines", "goods"}
    undone = bool(short) if only_goods else bool(kept or short)
    done = any(cut.values()) or grown is not None or (moves and not only_goods)
    state = (ChangeState.PART if done else ChangeState.REFUSED) if undone else ChangeState.APPLIED
    by = ", ".join(dict.fromkeys(kept or [one.location for one in stopped]))
    note = f"{by}: {told[:200] or 'it leaves as it was'}" if undone else ""
    end_revision(session, order.id, revision.no, state, note, at)
    order = lock_order(session, order.id)
    freed = [one for one in stopped if one.pieces]
    if freed or held or held_since:  # each document is sourced by itself, and quotas come between
        hold_limits(session, policy, [order.brand], at)
    source_again(session, order, wish, Freed(freed, cut, replacements(session, order.id, revision.no)), policy, at)
    give_up(session, order, cut, "changed", at, grown.sold if grown else None)
    part_held(session, order, held | held_since, policy, at)
    if revision.wish.charge is Charge.CHANNEL:
        settle_dues(session, order, revision.actor, None, f"revision {revision.no}", at)
    _write_down(session, order, revision, state, note, at)
    _close_up(session, order, at)


def _write_down(
    session: Session, order: Locked, revision: Revision, state: ChangeState, note: str, at: datetime
) -> None:
    """Say what became of a change: to a person, to the books, and to the channel, unless that wanted it."""
    kinds, subject = revision.wish.kinds, f"order:{order.id}"
    if note:
        open_cases(session, [NewCase("change_refused", subject, order.brand, note, order.id)], at)
    record(session, at, revision.actor, "order.change", subject, revision=revision.no, kinds=kinds, state=state)
    if state is not ChangeState.REFUSED and revision.source is ChangeSource.HUB and kinds != ["route"]:
        keep_stand(session, order.id, revision.no)
        tell_change(session, order, revision.no, at)


def _stopped(session: Session, order_id: int, stops: Sequence[int]) -> Sequence[Row[Any]]:
    """Give the fulfilment orders that were to be taken back, with the pieces by line that they have let go."""
    return rows(
        session,
        """select f.no, f.location, f.attempt, f.negotiation, f.execution,
                  f.execution in ('closed', 'incomplete', 'cancelled') as ended,
                  coalesce((select jsonb_object_agg(l.line_no, l.released) from fulfilment_line l
                            where l.order_id = f.order_id and l.no = f.no and l.released > 0), '{}') as pieces
           from fulfilment_order f where f.order_id = :id and f.no = any(:stops) order by f.no""",
        id=order_id,
        stops=list(stops),
    )


def _rewrite(session: Session, order: Locked, revision: Revision, policy: Policy, at: datetime) -> frozenset[int]:
    """Write the new receiver or remark, keep the old one sealed, and judge the order again; give lines held since."""
    kinds = [kind for kind in revision.wish.kinds if kind in {"address", "remark"}]
    if not kinds:
        return frozenset()
    before = reread(session, order.id)
    after = changed(before, revision.wish.contents)
    keep_former(session, order.id, revision.no, contents_of(before, kinds))
    write_shipping(session, order.id, after, kinds, at)
    if "address" in kinds:
        write_recipient(session, order.id, after)
    return judge_again(session, order, before, after, policy, at)


def _close_up(session: Session, order: Locked, at: datetime) -> None:
    """Bring the order's own state in step, and let go of what nothing waits for any more."""
    hand_over(session, [order.id], at)  # what held it back may be gone with what was changed
    end_refused(session, order.id, at)
    lifecycle = advance(session, order.id, at)
    ended = lifecycle is Lifecycle.CANCELLED
    if not ended and open_pieces(session, order.id):
        retell_unmet(session, [order.id], at)  # some of what was missing may have been cancelled
        return
    run(
        session,
        """update order_hold set released_at = :at, released_by = 'system', reason = 'changed'
           where order_id = :id and released_at is null and (:ended or rule = any(:over))""",
        at=at,
        id=order.id,
        ended=ended,
        over=[NO_SOURCE, TRIES],
    )
    resolve(session, f"order:{order.id}", at, "system", "changed", "" if ended else "stock")
