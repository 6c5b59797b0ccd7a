"""Let a held order go on: a person releases its holds, and it is sourced like any other."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from hub.address.division import Level, ancestry
from hub.audit import plain, record
from hub.cases import resolve
from hub.database import rows, run
from hub.errors import Conflict, Unauthorised
from hub.fulfilment.keep import let_out
from hub.order.lock import lock_order
from hub.order.place.plan import Plan
from hub.order.rest import source_rest
from hub.order.rules.policy import POLICY, Policy
from hub.order.status import Lifecycle
from hub.review.verdict import roles_held
from hub.roles import Actor, Permission


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
    the order has ended, a cancellation is under way or its address is still unknown.
    """
    actor.require(Permission.WORK_ORDERS)
    order = lock_order(session, order_id)
    actor.require_scope(order.brand, order.shop)
    if order.lifecycle not in {Lifecycle.ACCEPTED, Lifecycle.IN_FULFILMENT}:
        raise Conflict(f"an order that is {order.lifecycle} waits for nothing", code="order_state")
    held = _held(session, order_id, actor)
    if "refund_requested" in held:
        raise Conflict("a cancellation of this order is under way", code="cancel_under_way")
    if "change" in held:
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
    resolve(session, f"order:{order_id}", at, actor.name, plain(reason))
    let_out(session, [order_id], at)
    order = replace(order, division=division or order.division)
    return source_rest(session, order, None, policy, at)


def _held(session: Session, order_id: int, actor: Actor) -> list[str]:
    """Give the types of an order's open holds, all of which the actor may end.

    Raises: Unauthorised.
    """
    found = rows(
        session,
        "select type, rule, resolver from order_hold where order_id = :id and released_at is null order by no",
        id=order_id,
    )
    mine = roles_held(actor.roles)
    if other := next((hold for hold in found if hold.resolver not in mine), None):
        raise Unauthorised(f"hold {other.rule} is let go by the role {other.resolver}", code="resolver")
    return [hold.type for hold in found]


def _place(session: Session, order_id: int, division: str, at: datetime) -> None:
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
