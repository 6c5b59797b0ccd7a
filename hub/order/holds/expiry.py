"""End holds whose time is over: their orders go on by themselves, sourced or released like any other."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from hub.audit import record_all
from hub.database import rows
from hub.fulfilment.keep import let_out
from hub.gift.count import hold_gifts
from hub.order.holds.resume import go_on
from hub.order.lock import lock_order
from hub.order.place.brand_policy import hold_limits
from hub.order.place.virtual import hand_over
from hub.order.rest import hold_orders
from hub.order.reviews import close_reviews
from hub.order.rules.policy import POLICY, Policy
from hub.order.status import Lifecycle

AT_ONCE = 200
"""Orders in one transaction: their rows and counters stay locked until its end."""


def expire_holds(session: Session, at: datetime, policy: Policy = POLICY, most: int = AT_ONCE) -> int:
    """End the holds that are due and let their orders go on unless another hold stays; give how many orders.

    `at` is in the business zone. An order that somebody works on just now is left for the next time.
    """
    ids = _free(session, at, most)
    if not ids:
        return 0
    ended = rows(
        session,
        """update order_hold set released_at = :at, released_by = 'system', reason = 'expired'
           where order_id = any(:ids) and released_at is null and expires_at <= :at
           returning order_id, no, rule, coalesce(line_no, 0) as line_no""",
        ids=ids,
        at=at,
    )
    told = [(f"order:{one.order_id}", {"hold": one.no, "rule": one.rule}) for one in sorted(ended)]
    record_all(session, at, "system", "order.hold_expired", told)
    close_reviews(session, ids, at, "system", "the hold expired")
    let_out(session, ids, at)
    hand_over(session, ids, at)
    lines: defaultdict[int, set[int]] = defaultdict(set)
    for one in ended:
        lines[one.order_id].add(one.line_no)
    _go_on(session, lines, policy, at)
    return len(ids)


def _free(session: Session, at: datetime, most: int) -> list[int]:
    """Lock the orders with a hold that is due, but for those that are locked, in the order of their numbers."""
    due = rows(
        session,
        """select order_id from order_hold where released_at is null and expires_at <= :at
           group by order_id order by min(expires_at) limit :most""",
        at=at,
        most=most,
    )
    free = "select id from sales_order where id = any(:ids) order by id for update skip locked"
    return [one.id for one in rows(session, free, ids=[one.order_id for one in due])]


def _go_on(session: Session, ended: Mapping[int, Collection[int]], policy: Policy, at: datetime) -> None:
    """Source what goes on of these orders, which have lost holds of these lines, or of all of them (line 0)."""
    hold_gifts(session, list(ended))
    hold_orders(session, ended)
    orders = [lock_order(session, order_id) for order_id in sorted(ended)]
    hold_limits(session, policy, {order.brand for order in orders}, at)
    for order in orders:
        lines = ended[order.id]
        if order.lifecycle in {Lifecycle.ACCEPTED, Lifecycle.IN_FULFILMENT}:
            go_on(session, order, policy, at, None if 0 in lines else lines)
