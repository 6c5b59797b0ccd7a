"""What a location's news means for the order: counters, state, a new source for the rest, and telling the channel."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.cases import NewCase, open_cases
from hub.database import rows
from hub.errors import Conflict
from hub.fulfilment.model import Confirm, Report
from hub.fulfilment.reject import Standing, end
from hub.fulfilment.release import NewLine, parse_code
from hub.fulfilment.ship import ship
from hub.fulfilment.status import Execution, Negotiation
from hub.gift.count import hold_gifts
from hub.inventory.level import hold_still
from hub.order.advance import advance
from hub.order.change.cancel import finish_cancel
from hub.order.change.cancel_wish import wants_cancel
from hub.order.change.follow_up import follows
from hub.order.change.settle import changing, settle
from hub.order.counters import give_back, mark_shipped
from hub.order.lock import TRIES, Locked, lock_order, open_blockers
from hub.order.place.allocate import allocate
from hub.order.place.write_holds import write_holds
from hub.order.posting.sale import post
from hub.order.rest import barred, hold_orders, need_for
from hub.order.rules.hold import Hold, HoldType
from hub.order.rules.policy import POLICY, Policy
from hub.order.ship.track import follow
from hub.steps import NewStep, add

NOTIFY: Final = "notify_shipment"
WAREHOUSE: Final = "warehouse"

EARLIER: Final = """
    select id from inbox where order_id = :id and kind = 'confirm' and state = 'parked'
    union all
    select id from inbox where connection = :connection and kind = 'confirm' and state = 'parked'
                           and error_code = 'our_fault' and order_id is null and id < :before
    union all
    select id from inbox where connection = :connection and kind = 'confirm' and state = 'received' and attempts > 0
                           and order_id is null and id < :before
    limit 1"""
"""A confirm that waits for a person, or is tried again after a fault of ours, and whose pieces may have left."""


def record_confirm(
    session: Session, confirm: Confirm, at: datetime, policy: Policy = POLICY, inbox_id: int | None = None
) -> int:
    """Book what a location has shipped and give the order's id; the same confirm again changes nothing.

    `inbox_id` is the message that told it.

    Raises: NotFound or Conflict as `ship` does; nothing is booked then.
    """
    order_id, no = parse_code(confirm.code)
    order = lock_order(session, order_id)
    standing = Standing(session, order_id, no)
    cancelling = _is_cancelled(session, order_id)
    if changing(session, order_id):
        hold_orders(session, [order_id])
    elif confirm.final:
        hold_still(session, {line.sku for line in standing.open_lines()})
    shipped = ship(session, standing, confirm, at)
    if shipped is None:
        return order_id
    if shipped.left_over:
        check_earlier(session, order_id, standing.connection, inbox_id)
    mark_shipped(session, order_id, shipped.pieces)
    if shipped.pieces:
        if not follows(session, order_id):
            add(session, [_notify_step(order, shipped.shipment_no)], at)
        follow(session, order, shipped.shipment_no, at)
    record(session, at, WAREHOUSE, "order.ship", f"order:{order_id}", fulfilment=no, shipment=shipped.shipment_no)
    post(session, order, standing, at)
    find_new_source(session, order, standing, shipped.left_over, policy, at)
    _advance(session, order, policy, at, cancelling=cancelling)
    return order_id


def record_report(session: Session, report: Report, at: datetime, policy: Policy = POLICY) -> int:
    """Record a location's progress and give the order's id; a rejection finds the lines a new source elsewhere.

    Raises: NotFound, or Conflict when the report contradicts what has happened already.
    """
    order_id, no = parse_code(report.code)
    order = lock_order(session, order_id)
    standing = Standing(session, order_id, no)
    if report.status == "rejected":
        _reject(session, order, standing, report, policy, at)
    elif not standing.ended and standing.negotiation in {Negotiation.UNSUBMITTED, Negotiation.SUBMITTED}:
        standing.agree(Negotiation.ACCEPTED, at, Execution.IN_PROGRESS)
    return order_id


def check_earlier(session: Session, order_id: int, connection: str, inbox_id: int | None) -> None:
    """Make sure that what looks short is short: pieces of a confirm that was parked may have left already.

    So may those of an earlier one that failed by a fault of ours: nobody knows yet of which order it is.

    Raises: Conflict.
    """
    found = rows(session, EARLIER, id=order_id, connection=connection, before=inbox_id)
    if found:
        raise Conflict(
            f"inbox row {found[0].id} waits, so this is not known to be short", code="earlier_confirm_parked"
        )


def _reject(session: Session, order: Locked, standing: Standing, report: Report, policy: Policy, at: datetime) -> None:
    if standing.negotiation is Negotiation.REJECTED:
        return
    if standing.ended:
        raise Conflict(f"fulfilment order {standing.code} has ended as {standing.execution}", code="fulfilment_ended")
    cancelling = _is_cancelled(session, order.id)
    if changing(session, order.id):
        hold_orders(session, [order.id])
    else:
        hold_still(session, {line.sku for line in standing.open_lines()})
    lines = end(standing, Negotiation.REJECTED, Execution.CANCELLED, plain(report.note) or "rejected", at)
    record(session, at, WAREHOUSE, "fulfilment.reject", f"order:{order.id}", fulfilment=standing.no)
    post(session, order, standing, at)
    find_new_source(session, order, standing, lines, policy, at)
    _advance(session, order, policy, at, cancelling=cancelling)


def find_new_source(
    session: Session, order: Locked, standing: Standing, lines: Sequence[NewLine], policy: Policy, at: datetime
) -> None:
    """Send what a location will not ship elsewhere; while a cancellation is wished or a hold is open, it stays open."""
    if not lines:
        return
    pieces = {line.line_no: line.quantity for line in lines}
    give_back(session, order.id, pieces)
    if open_blockers(session, order.id):
        return
    if (refused := _count_refusals(session, standing)) >= policy.tries:
        _escalate(session, order, standing, refused, policy, at)
        return
    elsewhere = barred(session, order.id)
    need = need_for(session, order, pieces, at, elsewhere, standing.attempt + 1, standing.no)
    allocate(session, [need], policy, at)


def _count_refusals(session: Session, standing: Standing) -> int:
    """Count the locations that would not ship some pieces, or how often this one would not since a person decided.

    It may be asked again and again: what it was short of stands in its counter still, and waits for nothing but that.
    Attempts that our own changes took back are none.
    """
    found = rows(
        session,
        """with recursive chain as (
               select no, replaces_no, negotiation, execution from fulfilment_order where order_id = :id and no = :no
               union all
               select f.no, f.replaces_no, f.negotiation, f.execution
               from chain join fulfilment_order f on f.order_id = :id and f.no = chain.replaces_no)
           select greatest(
               (select count(*) from chain where negotiation = 'rejected' or execution = 'incomplete'),
               (select count(distinct f.no) from fulfilment_line mine
                join fulfilment_line line on (line.order_id, line.line_no) = (mine.order_id, mine.line_no)
                join fulfilment_order f on (f.order_id, f.no) = (line.order_id, line.no)
                where (mine.order_id, mine.no) = (:id, :no) and f.location = :location
                  and (f.negotiation = 'rejected' or f.execution = 'incomplete')
                  and f.no > coalesce((select max(cast(h.evidence ->> 'no' as bigint)) from order_hold h
                                       where h.order_id = :id and h.rule = :rule), 0))) as n""",
        id=standing.order_id,
        no=standing.no,
        location=standing.location,
        rule=TRIES,
    )
    return found[0].n


def _escalate(session: Session, order: Locked, standing: Standing, refused: int, policy: Policy, at: datetime) -> None:
    """Stop looking for a location: a person does, or cancels."""
    seen = {"attempts": refused, "location": standing.location, "no": standing.no}
    write_holds(session, {order.id: [Hold(HoldType.STOCK, TRIES, seen)]}, policy.version, at)
    told = f"{refused}: {standing.location}"
    open_cases(session, [NewCase(TRIES, f"order:{order.id}", order.brand, told, order.id)], at)


def _is_cancelled(session: Session, order_id: int) -> bool:
    """Say whether a cancellation is under way, and lock what it may give back, which is before any stock."""
    cancelling = wants_cancel(session, order_id)
    if cancelling:
        hold_gifts(session, [order_id])
    return cancelling


def _advance(session: Session, order: Locked, policy: Policy, at: datetime, *, cancelling: bool) -> None:
    if cancelling:
        finish_cancel(session, order, at)
    settle(session, order, policy, at, "it was sent or refused meanwhile")
    advance(session, order.id, at)


def _notify_step(order: Locked, shipment_no: int) -> NewStep:
    return NewStep(
        flow=NOTIFY,
        lane=f"order:{order.id}:{order.channel}",
        connection=order.channel,
        idempotency_key=f"shipment:{order.id}-{shipment_no}",
        order_id=order.id,
        subject={"order_id": order.id, "shipment_no": shipment_no},
    )
