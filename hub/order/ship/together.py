"""What a location's news of a delivery means for each order in it; a fulfilment order that travels alone is one."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import row
from hub.errors import Conflict
from hub.fulfilment.confirmed import check_same
from hub.fulfilment.model import CancelAnswer, Confirm, Report
from hub.fulfilment.reject import Standing, end
from hub.fulfilment.release import parse_code
from hub.fulfilment.ship import read_booked
from hub.fulfilment.status import Execution, Negotiation
from hub.gift.count import hold_gifts
from hub.merge.group import Group, end_if_over, hold_group, standings
from hub.merge.spread import ref_of, spread
from hub.order.advance import advance
from hub.order.change.cancel import record_cancel_answer
from hub.order.change.cancel_wish import wants_cancel, was_refused
from hub.order.change.settle import changing
from hub.order.lock import lock_order
from hub.order.place.brand_policy import hold_limits
from hub.order.posting.sale import post
from hub.order.rest import hold_orders
from hub.order.rules.policy import POLICY, Policy
from hub.order.ship.progress import check_earlier, find_new_source, record_confirm, record_report


def book_confirm(
    session: Session, confirm: Confirm, at: datetime, policy: Policy = POLICY, inbox_id: int | None = None
) -> int:
    """Book what a location has shipped with one document, order by order, and give the id of the order it names.

    `inbox_id` is the message that told it.

    Raises: NotFound or Conflict as `record_confirm` and `spread` do; nothing is booked then.
    """
    order_id, no = parse_code(confirm.code)
    group = hold_group(session, order_id, no)
    if group is None:
        return record_confirm(session, confirm, at, policy, inbox_id)
    members = standings(session, group)
    if _known(session, group, confirm.confirm_key):
        check_same(confirm, read_booked(session, members, confirm.confirm_key, ref_of))
        return order_id
    if all(one.ended for one in members):
        raise Conflict(f"delivery {confirm.code} has ended", code="fulfilment_ended")
    asked = {place: one.lines() for place, one in enumerate(members, 1)}
    codes = {member.place: member.code for member in group.members}
    told = spread(confirm, codes, asked)
    _hold_stock(session, members, policy, at)
    if confirm.final and _pieces(confirm) < sum(line.quantity for lines in asked.values() for line in lines):
        check_earlier(session, order_id, members[0].connection, inbox_id)  # what was parked is known by the head alone
    for one in told.values():
        record_confirm(session, one, at, policy, inbox_id)
    end_if_over(session, group, at)
    return order_id


def book_report(session: Session, report: Report, at: datetime, policy: Policy = POLICY) -> int:
    """Record a location's progress with one document for each order in it, and give the id of the order it names.

    Raises: NotFound or Conflict as `record_report` does.
    """
    order_id, no = parse_code(report.code)
    group = hold_group(session, order_id, no)
    if group is None:
        return record_report(session, report, at, policy)
    members = standings(session, group)
    _hold_stock(session, members, policy, at)
    for one in [one for one in members if not one.ended] or members[:1]:
        record_report(session, report.model_copy(update={"code": one.code}), at, policy)
    end_if_over(session, group, at)
    return order_id


def book_cancel_answer(
    session: Session, order_id: int, no: int, answer: CancelAnswer, at: datetime, policy: Policy = POLICY
) -> None:
    """Record whether a location stops a document; `at` is in the business zone.

    Orders in it that nobody wants to cancel or to change are sourced again as the next attempt, or stay as they are:
    others that travel along, and one whose change was given up when a first parcel left before the answer. Where nobody
    waits for an answer any more, one that comes is meant for the cancellations that were refused.
    """
    group = hold_group(session, order_id, no)
    if group is None:
        _answer_alone(session, Standing(session, order_id, no), answer, policy, at)
        return
    every = standings(session, group)
    if all(one.execution is Execution.CLOSED for one in every):  # what is said of its number is said of the head
        record_cancel_answer(session, order_id, no, answer, at, policy)
        return
    members = [one for one in every if not one.ended]
    meant = [one.code for one in members if wants_cancel(session, one.order_id) or changing(session, one.order_id)]
    meant = meant or [one.code for one in members if was_refused(session, one.order_id, one.no)]
    _hold_stock(session, members, policy, at, meant)
    for one in members:
        if one.code in meant:
            record_cancel_answer(session, one.order_id, one.no, answer, at, policy)
        elif answer.stopped:
            record(session, at, "system", "order.unmerge", f"order:{one.order_id}", fulfilment=one.no)
            _source_again(session, one, "unmerged", policy, at)
        else:
            one.agree(Negotiation.CANCEL_REJECTED, at)
    end_if_over(session, group, at)


def _answer_alone(session: Session, one: Standing, answer: CancelAnswer, policy: Policy, at: datetime) -> None:
    wished = wants_cancel(session, one.order_id) or changing(session, one.order_id)
    if one.ended or wished or was_refused(session, one.order_id, one.no):
        record_cancel_answer(session, one.order_id, one.no, answer, at, policy)
    elif answer.stopped:
        _hold_stock(session, [one], policy, at)
        record(session, at, "system", "order.source_again", f"order:{one.order_id}", fulfilment=one.no)
        _source_again(session, one, "stopped", policy, at)
    else:
        one.agree(Negotiation.CANCEL_REJECTED, at)


def _source_again(session: Session, standing: Standing, reason: str, policy: Policy, at: datetime) -> None:
    """Have what was stopped, and nobody wants to cancel, shipped by another document."""
    order = lock_order(session, standing.order_id)
    lines = end(standing, Negotiation.CANCEL_ACCEPTED, Execution.CANCELLED, reason, at)
    post(session, order, standing, at)
    find_new_source(session, order, standing, lines, policy, at)
    advance(session, order.id, at)


def _hold_stock(
    session: Session, members: Sequence[Standing], policy: Policy, at: datetime, meant: Collection[str] = ()
) -> None:
    """Lock all counters of a delivery's orders at once: it is booked, and what it lacks sourced, order by order."""
    ids = sorted({one.order_id for one in members})
    asked = {one.order_id for one in members if one.code in meant}
    if cancelled := [one for one in ids if one in asked or wants_cancel(session, one)]:
        hold_gifts(session, cancelled)  # of all of them: the first to end would have stock locked before the second's
    hold_orders(session, ids)
    hold_limits(session, policy, {one.brand for one in members}, at)


def _known(session: Session, group: Group, confirm_key: str) -> bool:
    """Say whether a confirm has been booked before: then it has for every order that it told something of."""
    statement = """select 1 from shipment s
                   join unnest(cast(:orders as bigint[]), cast(:numbers as bigint[])) as m (order_id, no)
                     on (s.order_id, s.fulfilment_no) = (m.order_id, m.no)
                   where s.order_id = any(:orders) and s.confirm_key = :key limit 1"""
    orders, numbers = [one.order_id for one in group.members], [one.no for one in group.members]
    return row(session, statement, orders=orders, numbers=numbers, key=confirm_key) is not None


def _pieces(confirm: Confirm) -> int:
    return sum(line.quantity for line in confirm.lines)
