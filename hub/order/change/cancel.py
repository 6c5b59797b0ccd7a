"""Cancel an order: at once where nobody has started, by asking the location where somebody has."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.cases import NewCase, open_cases, resolve
from hub.database import row, rows, run
from hub.errors import Conflict
from hub.fulfilment.model import CancelAnswer
from hub.fulfilment.reject import Standing, end
from hub.fulfilment.release import CANCEL, lane_of
from hub.fulfilment.status import ENDED, Execution, Negotiation
from hub.gift.count import give_back as give_gifts_back
from hub.gift.count import hold_gifts
from hub.inventory.bound import release_bound
from hub.inventory.level import hold_still
from hub.merge.group import ask_to_stop, hold_together
from hub.order.advance import advance, end_over
from hub.order.change.money import give_up
from hub.order.change.revision import supersede
from hub.order.change.settle import changing, settle
from hub.order.change.tell import tell_cancelled
from hub.order.counters import give_back
from hub.order.lock import Locked, lock_order
from hub.order.place.write_holds import write_holds
from hub.order.posting.sale import post
from hub.order.rest import hold_orders, live_fulfilments, recall
from hub.order.rules.hold import Hold, HoldType
from hub.order.rules.policy import POLICY, Policy
from hub.order.status import Event, Lifecycle, move
from hub.steps import NewStep, add

REFUSED: Final = "the location refused"


def cancel(session: Session, order_id: int, actor: str, reason: str, at: datetime) -> Lifecycle:
    """Cancel an order and give its stock back; give its state. Cancelling twice is not an error.

    Where a location may have the goods in hand already, it is asked first, and the order stays in fulfilment meanwhile.
    Raises: NotFound; Conflict with code already_shipped when something has left.
    """
    hold_together(session, order_id)
    order = lock_order(session, order_id)
    if order.lifecycle is Lifecycle.CANCELLED or wants_cancel(session, order_id):
        return order.lifecycle
    if _has_shipped(session, order_id):
        raise Conflict("some of this order has left: it can only be returned", code="already_shipped")
    move(order.lifecycle, Event.CANCEL)
    supersede(session, order_id, "the order was cancelled", at)
    wish = Hold(
        HoldType.REFUND_REQUESTED,
        "cancel",
        {"reason": plain(reason), "by": actor, "before": _cancelled(session, order_id)},
    )
    write_holds(session, {order_id: [wish]}, POLICY.version, at)
    record(session, at, actor, "order.cancel", f"order:{order_id}", reason=plain(reason))
    hold_gifts(session, [order_id])
    standings = [Standing(session, order_id, no) for no in live_fulfilments(session, order_id)]
    release_bound(session, [order_id], at)
    hold_still(session, {line.sku for standing in standings for line in standing.open_lines()})
    for standing in standings:
        stop(session, standing, _count_wishes(session, order_id), at)
    return finish_cancel(session, order, at)


def wants_cancel(session: Session, order_id: int) -> bool:
    """Say whether a cancellation is under way."""
    found = rows(
        session,
        """select 1 from order_hold
           where order_id = :id and type = 'refund_requested' and released_at is null limit 1""",
        id=order_id,
    )
    return bool(found)


def was_refused(session: Session, order_id: int, no: int) -> bool:
    """Say whether a location was last asked to stop a document for a cancellation that came to nothing.

    A yes that comes after all is meant for that cancellation, unless a change has asked since.
    """
    found = rows(
        session,
        """select 1 from order_hold h
           where h.order_id = :id and h.type = 'refund_requested' and h.reason = :refused
             and not exists (select 1 from order_revision r
                             where r.order_id = h.order_id and r.created_at > h.created_at
                               and r.stops @> to_jsonb(cast(:no as bigint))) limit 1""",
        id=order_id,
        no=no,
        refused=REFUSED,
    )
    return bool(found)


def finish_cancel(session: Session, order: Locked, at: datetime) -> Lifecycle:
    """Cancel what no location works on any more; the order is cancelled, and its gifts free, when that is all of it.

    The wish ends with the last location's answer, so that whatever is stopped until then is cancelled.
    The counters of its gifts must have been locked before any stock was.
    """
    give_up(session, order, _held_nowhere(session, order.id), "cancelled", at)
    if live_fulfilments(session, order.id):
        _end_wish(session, order, at)
        end_over(session, [order.id], at)
        return order.lifecycle
    if _has_shipped(session, order.id):
        _tell(session, order, at)
        _release_holds(session, order.id, at, "shipped", [HoldType.REFUND_REQUESTED])
        return advance(session, order.id, at)
    lifecycle = move(order.lifecycle, Event.CANCEL)
    _tell(session, order, at)
    _release_holds(session, order.id, at, "cancelled", list(HoldType))
    run(
        session,
        "update sales_order set lifecycle = :state, version = version + 1, updated_at = :at where id = :id",
        state=lifecycle,
        at=at,
        id=order.id,
    )
    give_gifts_back(session, [order.id], at)
    resolve(session, f"order:{order.id}", at, "system", "the order was cancelled")
    return lifecycle


def record_cancel_answer(
    session: Session, order_id: int, no: int, answer: CancelAnswer, at: datetime, policy: Policy = POLICY
) -> None:
    """Record whether a location stops a document; a refusal means that the goods will come, and calls a person.

    `at` is in the business zone: what a change has stopped may find another source.
    """
    order = lock_order(session, order_id)
    standing = Standing(session, order_id, no)
    changes = changing(session, order_id)
    if standing.ended and not changes:
        return
    if changes:
        hold_orders(session, [order_id])
    else:
        hold_gifts(session, [order_id])
    if not standing.ended and answer.stopped:
        lines = end(standing, Negotiation.CANCEL_ACCEPTED, Execution.CANCELLED, "cancelled", at)
        give_back(session, order_id, {line.line_no: line.quantity for line in lines})
        post(session, order, standing, at)
        if not changes:
            finish_cancel(session, order, at)
    elif not standing.ended:
        standing.agree(Negotiation.CANCEL_REJECTED, at)
    if changes:
        settle(session, order, policy, at, plain(answer.reason))
        return
    if answer.stopped:
        return
    _end_wish(session, order, at, answered=no)
    detail = f"{standing.location}: {plain(answer.reason)}"
    open_cases(session, [NewCase("cancel_refused", f"order:{order_id}", order.brand, detail, order_id)], at)


def stop(session: Session, standing: Standing, wish_no: int | str, at: datetime) -> None:
    """Take a fulfilment order back, at once where its location knows nothing of it, else by asking; once a wish."""
    if recall(session, standing, "cancelled", at) is not None:
        return
    asked = ask_to_stop(session, standing, at)
    if asked.asked_before:
        return
    lane = lane_of(asked.code, standing.connection)
    # A buyer may ask again after a refusal, and another whose order travels along: each is a call of its own.
    wish = str(wish_no) if asked.code == standing.code else f"{standing.code}-{wish_no}"
    key = f"cancel:{asked.code}:{standing.attempt}:{wish}"
    subject = {"order_id": asked.order_id, "no": asked.no}
    add(session, [NewStep(CANCEL, lane, standing.connection, key, asked.order_id, subject)], at)


def _count_wishes(session: Session, order_id: int) -> int:
    statement = "select count(*) as n from order_hold where order_id = :id and type = 'refund_requested'"
    return rows(session, statement, id=order_id)[0].n


def _held_nowhere(session: Session, order_id: int) -> dict[int, int]:
    found = rows(
        session,
        """select line_no, ordered - shipped - allocated - cancelled as open from order_line
           where order_id = :id and kind <> 'bundle' and ordered > shipped + allocated + cancelled order by line_no""",
        id=order_id,
    )
    return {one.line_no: one.open for one in found}


def _has_shipped(session: Session, order_id: int) -> bool:
    found = row(session, "select sum(shipped) as shipped from order_line where order_id = :id", id=order_id)
    return bool(found and found.shipped)


def _end_wish(session: Session, order: Locked, at: datetime, *, answered: int = 0) -> None:
    """Let the goods come once no other location has still to answer; a first parcel is not yet an answer.

    Its channel is told where some of the goods were stopped all the same.
    """
    waiting = rows(
        session,
        """select 1 from fulfilment_order f
           where f.order_id = :id and f.no <> :answered and f.execution <> all(:ended)
             and (f.negotiation = 'cancel_requested' or f.negotiation = 'cancel_rejected' and exists (
                     select 1 from fulfilment_line l where (l.order_id, l.no) = (f.order_id, f.no) and l.shipped > 0))
           limit 1""",
        id=order.id,
        answered=answered,
        ended=sorted(ENDED),
    )
    if not waiting:
        _tell(session, order, at, more_than_before=True)
        _release_holds(session, order.id, at, REFUSED, [HoldType.REFUND_REQUESTED])


def _cancelled(session: Session, order_id: int) -> int:
    statement = "select coalesce(sum(cancelled), 0)::bigint as n from order_line where order_id = :id"
    return rows(session, statement, id=order_id)[0].n


def _tell(session: Session, order: Locked, at: datetime, *, more_than_before: bool = False) -> None:
    """Have the channel told what was cancelled, unless that is what it said itself."""
    wish = row(
        session,
        """select evidence ->> 'by' as by, cast(evidence ->> 'before' as bigint) as before from order_hold
           where order_id = :id and type = 'refund_requested' and released_at is null order by no desc limit 1""",
        id=order.id,
    )
    if wish is None or (more_than_before and _cancelled(session, order.id) == wish.before):
        return
    if wish.by != order.channel:
        tell_cancelled(session, order, _count_wishes(session, order.id), at)


def _release_holds(session: Session, order_id: int, at: datetime, reason: str, types: Sequence[HoldType]) -> None:
    run(
        session,
        """update order_hold set released_at = :at, released_by = 'system', reason = :reason
           where order_id = :id and type = any(:types) and released_at is null""",
        at=at,
        reason=reason,
        id=order_id,
        types=list(types),
    )
