"""Cancel an order: at once where nobody has started, by asking the location where somebody has."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.cases import NewCase, open_cases, resolve
from hub.database import rows, run
from hub.errors import Conflict
from hub.fulfilment.model import CancelAnswer
from hub.fulfilment.reject import Standing, end
from hub.fulfilment.release import CANCEL, lane_of
from hub.fulfilment.status import Execution, Negotiation
from hub.gift.count import give_back as give_gifts_back
from hub.gift.count import hold_gifts
from hub.inventory.bound import release_bound
from hub.merge.group import ask_to_stop, hold_together
from hub.order.advance import advance, end_over
from hub.order.change.cancel_wish import (
    CANCELLED,
    called_off,
    cancelled_pieces,
    count_wishes,
    end_wish,
    release_holds,
    tell_wish,
    wants_cancel,
)
from hub.order.change.money import give_up
from hub.order.change.onward import go_on_paid, hold_owing
from hub.order.change.revision import supersede
from hub.order.change.settle import changing, settle
from hub.order.counters import give_back
from hub.order.lock import Locked, lock_order
from hub.order.place.brand_policy import hold_limits
from hub.order.place.unmet import end_refused, retell_unmet
from hub.order.place.write_holds import write_holds
from hub.order.posting.sale import post
from hub.order.rest import hold_orders, live_fulfilments, recall
from hub.order.rules.hold import Hold, HoldType
from hub.order.rules.policy import POLICY, Policy
from hub.order.status import Event, Lifecycle, move
from hub.steps import NewStep, add


def cancel(
    session: Session, order_id: int, actor: str, reason: str, at: datetime, *, keep_deposit: bool = False
) -> Lifecycle:
    """Cancel an order and give its stock back; give its state. Cancelling twice is not an error.

    With `keep_deposit` the merchant keeps the deposit of an order that was not paid further.

    Where a location may have the goods in hand already, it is asked first, and the order stays in fulfilment meanwhile.
    Virtual goods that were handed over are kept: the rest is cancelled, and the order is closed.
    Raises: NotFound; Conflict with code already_shipped when something was sent, or nothing is left.
    """
    hold_together(session, order_id)
    order = lock_order(session, order_id)
    if order.lifecycle is Lifecycle.CANCELLED or called_off(session, order_id):
        return order.lifecycle
    left = _what_left(session, order_id)
    if left.sent or not left.open:
        raise Conflict("some of this order has left: it can only be returned", code="already_shipped")
    move(order.lifecycle, Event.CANCEL)
    supersede(session, order_id, "the order was cancelled", at)
    resolve(session, f"order:{order_id}", at, actor, "the order was cancelled", "change_asked")
    evidence = {
        "reason": plain(reason),
        "by": actor,
        "before": cancelled_pieces(session, order_id),
        "last_line": _last_line(session, order_id),
    }
    wish = Hold(HoldType.REFUND_REQUESTED, "cancel", evidence | ({"deposit": "keep"} if keep_deposit else {}))
    write_holds(session, {order_id: [wish]}, POLICY.version, at)
    record(session, at, actor, "order.cancel", f"order:{order_id}", reason=plain(reason))
    hold_gifts(session, [order_id])
    standings = [Standing(session, order_id, no) for no in live_fulfilments(session, order_id)]
    release_bound(session, [order_id], at, {line.sku for standing in standings for line in standing.open_lines()})
    for standing in standings:
        stop(session, standing, count_wishes(session, order_id), at)
    return finish_cancel(session, order, at)


def finish_cancel(session: Session, order: Locked, at: datetime) -> Lifecycle:
    """Cancel what no location works on any more, and free its gifts; the order is cancelled when that is all of it.

    The wish ends with the last location's answer, so that whatever is stopped until then is cancelled. Goods that were
    added since a wish that was refused stay, whatever becomes of it: whoever added them wants them.
    The counters of its gifts must have been locked before any stock was.
    """
    give_up(session, order, _held_nowhere(session, order.id), CANCELLED, at)
    give_gifts_back(session, [order.id], at, cancelled=True)
    retell_unmet(session, [order.id], at)
    end_refused(session, order.id, at)
    left = _what_left(session, order.id)
    if left.open or live_fulfilments(session, order.id):
        if wants_cancel(session, order.id):
            end_wish(session, order, at)
        else:
            tell_wish(session, order, at)  # a yes that came after all had refused
        end_over(session, [order.id], at)
        return order.lifecycle
    if left.sent or left.handed:
        tell_wish(session, order, at)
        return _end_rest(session, order, at, left)
    lifecycle = move(order.lifecycle, Event.CANCEL)
    tell_wish(session, order, at)
    release_holds(session, order.id, at, CANCELLED, list(HoldType))
    run(
        session,
        "update sales_order set lifecycle = :state, version = version + 1, updated_at = :at where id = :id",
        state=lifecycle,
        at=at,
        id=order.id,
    )
    resolve(session, f"order:{order.id}", at, "system", "the order was cancelled")
    return lifecycle


def record_cancel_answer(
    session: Session, order_id: int, no: int, answer: CancelAnswer, at: datetime, policy: Policy = POLICY
) -> None:
    """Record whether a location stops a document; a refusal means that the goods will come, and calls a person.

    So does a yes to what the location has told was sent: one of the two is wrong.
    `at` is in the business zone: what a change has stopped may find another source.
    """
    order = lock_order(session, order_id)
    standing = Standing(session, order_id, no)
    changes = changing(session, order_id)
    owing = False
    if answer.stopped and standing.execution is Execution.CLOSED:
        told = f"{standing.code}: {standing.location}"
        open_cases(session, [NewCase("stopped_after_sent", f"order:{order_id}", order.brand, told, order_id)], at)
    if standing.ended and not changes:
        return
    if changes:
        hold_orders(session, [order_id])
    else:
        hold_gifts(session, [order_id])
        owing = hold_owing(session, order)  # what goes back may pay for what was added since
    if not standing.ended and answer.stopped:
        lines = end(standing, Negotiation.CANCEL_ACCEPTED, Execution.CANCELLED, "cancelled", at)
        give_back(session, order_id, {line.line_no: line.quantity for line in lines})
        post(session, order, standing, at)
        if not changes:
            _cancel_stopped(session, order, policy, at, owing=owing)
    elif not standing.ended:
        standing.agree(Negotiation.CANCEL_REJECTED, at)
    if changes:
        settle(session, order, policy, at, plain(answer.reason))
        return
    if answer.stopped:
        return
    if wants_cancel(session, order_id):
        end_wish(session, order, at, answered=no)
    detail = f"{standing.location}: {plain(answer.reason)}"
    open_cases(session, [NewCase("cancel_refused", f"order:{order_id}", order.brand, detail, order_id)], at)


def _cancel_stopped(session: Session, order: Locked, policy: Policy, at: datetime, *, owing: bool) -> None:
    """Cancel what a location has stopped; goods that were added since may be paid with it, and are sourced then."""
    if owing:
        hold_limits(session, policy, [order.brand], at)  # what is cancelled counts in quotas, which come last
    finish_cancel(session, order, at)
    if owing:
        go_on_paid(session, order, at, policy)


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


def _held_nowhere(session: Session, order_id: int) -> dict[int, int]:
    """Give the pieces by line that no location holds, of what was there when the order was last to be cancelled."""
    found = rows(
        session,
        """select line_no, ordered - shipped - allocated - cancelled as open from order_line
           where order_id = :id and kind <> 'bundle' and ordered > shipped + allocated + cancelled
             and line_no <= coalesce((select cast(h.evidence ->> 'last_line' as bigint) from order_hold h
                                      where h.order_id = :id and h.type = 'refund_requested'
                                      order by h.no desc limit 1), line_no)
           order by line_no""",
        id=order_id,
    )
    return {one.line_no: one.open for one in found}


def _last_line(session: Session, order_id: int) -> int:
    return rows(session, "select max(line_no) as no from order_line where order_id = :id", id=order_id)[0].no


def _what_left(session: Session, order_id: int) -> Any:  # noqa: ANN401 # a row
    """Count the pieces that were sent, those that were only handed over, and what is open."""
    [found] = rows(
        session,
        """select coalesce(sum(shipped) filter (where storage <> 'none'), 0)::bigint as sent,
                  coalesce(sum(shipped) filter (where storage = 'none'), 0)::bigint as handed,
                  coalesce(sum(ordered - shipped - cancelled), 0)::bigint as open
           from order_line where order_id = :id and kind <> 'bundle'""",
        id=order_id,
    )
    return found


def _end_rest(session: Session, order: Locked, at: datetime, left: Any) -> Lifecycle:  # noqa: ANN401 # a row
    """End an order of which something has left; where that was only handed over, nothing of it waits any more."""
    if left.sent:
        release_holds(session, order.id, at, "shipped", [HoldType.REFUND_REQUESTED])
        return advance(session, order.id, at)
    release_holds(session, order.id, at, CANCELLED, list(HoldType))
    lifecycle = advance(session, order.id, at)
    resolve(session, f"order:{order.id}", at, "system", "the rest of the order was cancelled")
    return lifecycle
