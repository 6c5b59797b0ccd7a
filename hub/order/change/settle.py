"""Apply a change once every location that it touches has answered: cancel, write anew, judge again, source again."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import record
from hub.cases import NewCase, open_cases, resolve
from hub.database import rows, run
from hub.fulfilment.status import Negotiation
from hub.order.advance import advance
from hub.order.change.judge import judge_again
from hub.order.change.money import give_up
from hub.order.change.reread import changed, contents_of, reread, write_recipient, write_shipping
from hub.order.change.revision import Revision, Wish, end_revision, find_open, keep_former
from hub.order.change.table import ChangeState
from hub.order.lock import Locked, lock_order, open_blockers
from hub.order.place.allocate import allocate
from hub.order.place.plan import Need
from hub.order.place.virtual import hand_over
from hub.order.rest import barred, open_pieces, wants_for
from hub.order.rules.policy import Policy
from hub.order.status import Lifecycle
from hub.review.verdict import HoldType
from hub.sourcing.location import find_places


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
    wish, still = revision.wish, open_pieces(session, order.id)
    freed = [one for one in stopped if one.pieces]
    kept = [one.location for one in stopped if not one.pieces]
    cut = {no: min(n, still.get(no, 0)) for no, n in wish.pieces.items()}
    short = sum(wish.pieces.values()) - sum(cut.values())
    moves = not stopped or bool(freed) or bool(still)
    if moves:
        _rewrite(session, order, revision, policy, at)
    undone = bool(short) if wish.kinds == ["lines"] else bool(kept or short)
    done = any(cut.values()) or (moves and wish.kinds != ["lines"])
    state = (ChangeState.PART if done else ChangeState.REFUSED) if undone else ChangeState.APPLIED
    note = f"{', '.join(kept)}: {told[:200] or 'it leaves as it was'}" if undone else ""
    end_revision(session, order.id, revision.no, state, note, at)
    order = lock_order(session, order.id)
    _source(session, order, wish, freed, cut, still, policy, at)
    give_up(session, order, cut, "changed", at)
    if undone:
        case = NewCase("change_refused", f"order:{order.id}", order.brand, note, order.id)
        open_cases(session, [case], at)
    kinds, subject = wish.kinds, f"order:{order.id}"
    record(session, at, revision.actor, "order.change", subject, revision=revision.no, kinds=kinds, state=state)
    _close_up(session, order, at)


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


def _rewrite(session: Session, order: Locked, revision: Revision, policy: Policy, at: datetime) -> None:
    """Write the new receiver or remark, keep the old one sealed, and judge the order again."""
    kinds = [kind for kind in revision.wish.kinds if kind in {"address", "remark"}]
    if not kinds:
        return
    before = reread(session, order.id)
    after = changed(before, revision.wish.contents)
    keep_former(session, order.id, revision.no, contents_of(before, kinds))
    write_shipping(session, order.id, after, kinds, at)
    if "address" in kinds:
        write_recipient(session, order.id, after)
    judge_again(session, order, before, after, policy, at)


def _source(
    session: Session,
    order: Locked,
    wish: Wish,
    freed: Sequence[Row[Any]],
    cut: Mapping[int, int],
    still: Mapping[int, int],
    policy: Policy,
    at: datetime,
) -> None:
    """Give what was taken back a source again, document by document; where nothing else changed, where it was."""
    left = Counter(still)
    cuts = Counter(cut)
    for one in freed:
        left -= Counter({int(no): n for no, n in one.pieces.items()})
    cuts_of_rest = left & cuts  # what had no source goes first: it disturbs nobody
    cuts -= cuts_of_rest
    left -= cuts_of_rest
    held = [one.type for one in open_blockers(session, order.id)]
    if any(kind != HoldType.STOCK for kind in held):
        return
    for one in freed:
        pieces = Counter({int(no): n for no, n in one.pieces.items()}) & Counter(open_pieces(session, order.id))
        gone = pieces & cuts
        cuts -= gone
        if again := dict(pieces - gone):
            need = Need(order.id, order.brand, order.division, wants_for(session, order.id, again, at))
            elsewhere = _barred_for(session, order, wish, one)
            allocate(
                session, [replace(need, attempt=one.attempt + 1, replaces_no=one.no, barred=elsewhere)], policy, at
            )
    if left and not held:  # what lost its source while the change was under way
        need = Need(order.id, order.brand, order.division, wants_for(session, order.id, dict(left), at))
        allocate(session, [replace(need, barred=barred(session, order.id, short=False))], policy, at)


def _barred_for(session: Session, order: Locked, wish: Wish, one: Row[Any]) -> frozenset[str]:
    """Name the locations that may not have the pieces of a fulfilment order that was taken back."""
    places = find_places(session)
    refused = barred(session, order.id)
    stays = one.location in places and places[one.location].active and one.location not in refused
    target = wish.target or (one.location if stays and not {"address", "route"} & set(wish.kinds) else "")
    if target:
        return frozenset(places) - {target}
    return refused | wish.avoid | ({one.location} if wish.route else frozenset[str]())


def _close_up(session: Session, order: Locked, at: datetime) -> None:
    """Bring the order's own state in step, and let go of what nothing waits for any more."""
    hand_over(session, [order.id], at)  # what held it back may be gone with what was changed
    lifecycle = advance(session, order.id, at)
    ended = lifecycle is Lifecycle.CANCELLED
    if not ended and open_pieces(session, order.id):
        return
    run(
        session,
        """update order_hold set released_at = :at, released_by = 'system', reason = 'changed'
           where order_id = :id and released_at is null and (:ended or type = 'stock')""",
        at=at,
        id=order.id,
        ended=ended,
    )
    resolve(session, f"order:{order.id}", at, "system", "changed", "" if ended else "stock")
