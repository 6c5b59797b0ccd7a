"""Let what is held go on: a person releases the holds of an order, or one of a line or a fulfilment order of it."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.address.division import Level, ancestry
from hub.audit import plain, record
from hub.cases import resolve
from hub.database import row, rows, run
from hub.errors import Conflict, NotFound, Unauthorised
from hub.fulfilment.keep import let_out
from hub.order.lock import TRIES, Locked, lock_order, open_blockers
from hub.order.place.need import Plan
from hub.order.place.unmet import CASE
from hub.order.reread import reread, write_recipient
from hub.order.rest import source_rest
from hub.order.reviews import close_reviews
from hub.order.rules.policy import POLICY, Policy
from hub.order.status import Lifecycle
from hub.review.verdict import Scope, roles_held, scope_of_hold
from hub.roles import Actor, Permission

CALLED_BY_HOLDS: Final = ("address", "review", CASE, TRIES)
"""The cases of what holds an order. What else somebody was called to, a change to decide say, is not done by that."""


def release_holds(
    session: Session,
    order_id: int,
    actor: Actor,
    reason: str,
    at: datetime,
    *,
    division: str = "",
    policy: Policy = POLICY,
) -> Sequence[Plan]:
    """Release an order's holds with a reason, correct its division if one is given, and source what is open.

    Raises: NotFound (order, division); Unauthorised, also when a hold names a role that the actor is not; Conflict when
    the order has ended, a cancellation or a change is under way or its address is still unknown.
    """
    actor.require(Permission.WORK_ORDERS)
    order = lock_order(session, order_id)
    actor.require_scope(order.brand, order.shop)
    if order.lifecycle not in {Lifecycle.ACCEPTED, Lifecycle.IN_FULFILMENT}:
        raise Conflict(f"an order that is {order.lifecycle} waits for nothing", code="order_state")
    held = _held(session, order_id, actor)
    if "refund_requested" in held:
        raise Conflict("a cancellation of this order is under way", code="cancel_under_way")
    if any(one.type == "change" for one in open_blockers(session, order_id)):
        raise Conflict("a change of this order is under way", code="change_under_way")
    if "address" in held and not division:
        raise Conflict("the address is unknown: name its division", code="division_needed", field="division")
    if division:
        _place(session, order_id, division, at)
    run(
        session,
        """update order_hold set released_at = :at, released_by = :actor, reason = :reason
           where order_id = :id and released_at is null""",
        at=at,
        actor=actor.name,
        reason=reason,
        id=order_id,
    )
    record(session, at, actor.name, "order.release", f"order:{order_id}", holds=held, reason=plain(reason))
    for cause in CALLED_BY_HOLDS:
        resolve(session, f"order:{order_id}", at, actor.name, plain(reason), cause)
    let_out(session, [order_id], at)
    order = replace(order, division=division or order.division)
    return source_rest(session, order, policy, at)


def release_part(
    session: Session, order_id: int, no: int, actor: Actor, reason: str, at: datetime, policy: Policy = POLICY
) -> Sequence[Plan]:
    """Release one hold of a line or a fulfilment order with a reason, and source the line, with gifts held for it.

    All else that holds the order, this line or this fulfilment order stays. `at` is in the business zone.
    Raises: NotFound; Unauthorised, also when the hold names a role that the actor is not; Conflict when it was released
    before (hold_released) or holds the whole order (hold_of_order).
    """
    actor.require(Permission.WORK_ORDERS)
    order = lock_order(session, order_id)
    actor.require_scope(order.brand, order.shop)
    held = row(
        session,
        """select type, rule, rule_version, resolver, line_no, fulfilment_no, released_by from order_hold
           where order_id = :id and no = :no""",
        id=order_id,
        no=no,
    )
    if held is None:
        raise NotFound(f"order {order_id} has no hold {no}", code="unknown_hold")
    if scope_of_hold(held.line_no, held.fulfilment_no) is Scope.ORDER:
        raise Conflict("this hold is of the whole order: release the order", code="hold_of_order")
    if held.released_by:
        raise Conflict(f"this hold was released by {held.released_by}", code="hold_released")
    _check_resolver(held, actor)
    ended = rows(
        session,
        """update order_hold set released_at = :at, released_by = :actor, reason = :reason
           where order_id = :id and released_at is null and (no = :no or rule = :rule and rule_version = :version
             and cast(evidence ->> 'with' as bigint) = :line) returning line_no""",
        at=at,
        actor=actor.name,
        reason=reason,
        id=order_id,
        no=no,
        rule=held.rule,
        version=held.rule_version,
        line=held.line_no,
    )
    detail = {"holds": [held.type], "hold": no, "line": held.line_no, "fulfilment": held.fulfilment_no}
    record(session, at, actor.name, "order.release", f"order:{order_id}", reason=plain(reason), **detail)
    close_reviews(session, [order_id], at, actor.name, plain(reason))
    let_out(session, [order_id], at)
    return go_on(session, order, policy, at, {one.line_no for one in ended if one.line_no})


def go_on(
    session: Session, order: Locked, policy: Policy, at: datetime, lines: Collection[int] | None
) -> Sequence[Plan]:
    """Source what is open of an order, or of lines whose own holds have ended, unless something else holds it.

    That another line has no source, or was refused too often, keeps no line from it. `at` is in the business zone.
    """
    stays = [one.rule for one in open_blockers(session, order.id)]
    if any(lines is None or rule != TRIES for rule in stays):
        return []
    return source_rest(session, order, policy, at, lines)


def _held(session: Session, order_id: int, actor: Actor) -> list[str]:
    """Give the types of an order's open holds, all of which the actor may end.

    Raises: Unauthorised.
    """
    found = rows(
        session,
        "select type, rule, resolver from order_hold where order_id = :id and released_at is null order by no",
        id=order_id,
    )
    for hold in found:
        _check_resolver(hold, actor)
    return [hold.type for hold in found]


def _check_resolver(hold: Row[Any], actor: Actor) -> None:
    """Make sure that an actor may end a hold.

    Raises: Unauthorised.
    """
    if hold.resolver not in roles_held(actor.roles):
        raise Unauthorised(f"hold {hold.rule} is let go by the role {hold.resolver}", code="resolver")


def _place(session: Session, order_id: int, division: str, at: datetime) -> None:
    """Write where an order goes to, and have it travel with those that go there, too."""
    names = {one.level: one.name for one in ancestry(division)}  # 上海市 has counties and no city
    run(
        session,
        """update sales_order set division = :division, province = :province, city = :city, county = :county,
                                  town = :town, updated_at = :at, version = version + 1
           where id = :id""",
        division=division,
        province=names[Level.PROVINCE],
        city=names.get(Level.CITY, ""),
        county=names.get(Level.COUNTY, ""),
        town=names.get(Level.TOWN, ""),
        at=at,
        id=order_id,
    )
    if rows(session, "select 1 from merge_recipient where order_id = :id", id=order_id):
        write_recipient(session, order_id, reread(session, order_id))
