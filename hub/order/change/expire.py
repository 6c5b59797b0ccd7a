"""Close orders that nobody paid in time: their stock goes back, and the channels that must know are told.

Closing compares and sets under the order's lock, as paying does: a payment that comes first keeps the order, one that
comes later is refused.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import record_all
from hub.cases import resolve_all
from hub.database import rows, run
from hub.fulfilment.reject import Standing
from hub.gift.count import give_back, hold_gifts
from hub.inventory.bound import release_bound
from hub.inventory.hot_sale import free_tickets
from hub.inventory.quota import count_sold
from hub.order.change.money import end_deposit
from hub.order.change.revision import supersede_all
from hub.order.lock import lock_order
from hub.order.place.presold import free_presold
from hub.order.rest import live_fulfilments, recall
from hub.order.status import Event, Lifecycle, move
from hub.steps import NewStep, add

TELL: Final = "notify_closure"

CLOSED: Final = move(Lifecycle.ACCEPTED, Event.EXPIRE)

AT_ONCE: Final = 500
"""Orders in one transaction: their rows stay locked until its end."""


class Terms(NamedTuple):
    """How long the orders of a channel may stay unpaid, whether it is told of those that are closed.

    With `keep_deposit` the merchant keeps the deposits of those whose balance was not paid in time.
    """

    limit: timedelta
    told: bool
    keep_deposit: bool = False


def expire(session: Session, terms: Mapping[str, Terms], at: datetime) -> int:
    """Close unpaid orders whose channel's limit is over, and those whose balance was due; give how many.

    An order whose hold for payment a person has released stays: it is to be served unpaid. So does one that a location
    may know of, and one that somebody works on just now.
    """
    due = _due(session, terms, at)
    ids = [one.id for one in due]
    if ids:
        hold_gifts(session, ids)
    pieces = rows(
        session,
        """select line.order_id, line.sku, line.allocated, line.ordered - line.cancelled as sold from order_line line
           where line.order_id = any(:ids)""",
        ids=ids,
    )
    placed = sorted({one.order_id for one in pieces if one.allocated})
    # Those that are kept have been sourced, and have no cart any more.
    release_bound(session, ids, at, {one.sku for one in pieces if one.order_id in placed})
    kept = {order_id for order_id in placed if not _take_back(session, order_id, at)}
    closed = [one for one in due if one.id not in kept]
    if closed:
        _close(session, closed, at)
        give_back(session, [one.id for one in closed], at)
        for one in closed:
            if one.payment == "deposit_paid":
                end_deposit(session, lock_order(session, one.id), at, keep=terms[one.channel].keep_deposit)
        _tell(session, [one for one in closed if terms[one.channel].told], at)
        shops = {one.id: one.shop for one in closed}
        sold = Counter[tuple[str, str]]()
        for one in pieces:
            if one.order_id in shops:
                sold[shops[one.order_id], one.sku] -= one.sold
        count_sold(session, sold)
    return len(closed)


def _due(session: Session, terms: Mapping[str, Terms], at: datetime) -> Sequence[Row[Any]]:
    """Lock the orders that are due, found by the hold that each of them has."""
    before = [at - one.limit if one.limit else None for one in terms.values()]
    due = rows(
        session,
        """select o.id, o.shop, o.channel, o.payment from order_hold h join sales_order o on o.id = h.order_id
           join unnest(cast(:channels as text[]), cast(:before as timestamptz[])) as term (channel, before)
             on term.channel = o.channel
           where h.type = 'finance' and h.rule = 'unpaid' and h.released_at is null
             and o.lifecycle in ('received', 'accepted', 'in_fulfilment')
             and (o.payment = 'unpaid' and o.placed_at <= term.before and o.created_at <= term.before
                  or o.payment = 'deposit_paid' and o.balance_due_at <= :at)
           order by o.id limit :most for update of o skip locked""",
        channels=list(terms),
        before=before,
        at=at,
        most=AT_ONCE,
    )
    # The statement locks orders and saw their holds before: a person may have let one go in between.
    still = rows(
        session,
        """select distinct order_id from order_hold
           where order_id = any(:ids) and type = 'finance' and rule = 'unpaid' and released_at is null""",
        ids=[one.id for one in due],
    )
    held = {one.order_id for one in still}
    return [one for one in due if one.id in held]


def _take_back(session: Session, order_id: int, at: datetime) -> bool:
    """Take back what was sourced before it was paid; False when a location may know of some of it."""
    with session.begin_nested() as attempt:
        for no in live_fulfilments(session, order_id):
            if recall(session, Standing(session, order_id, no), "not paid in time", at) is None:
                attempt.rollback()
                return False
    return True


def _close(session: Session, closed: Sequence[Row[Any]], at: datetime) -> None:
    ids, subjects = [one.id for one in closed], [f"order:{one.id}" for one in closed]
    run(
        session,
        """update sales_order set lifecycle = :closed, version = version + 1, updated_at = :at
           where id = any(:ids)""",
        closed=CLOSED,
        at=at,
        ids=ids,
    )
    run(session, "update order_line set cancelled = ordered where order_id = any(:ids)", ids=ids)
    free_presold(session, ids)
    free_tickets(session, ids)
    supersede_all(session, ids, "the order was not paid in time", at)
    run(
        session,
        """update order_hold set released_at = :at, released_by = 'system', reason = 'not paid in time'
           where order_id = any(:ids) and released_at is null""",
        at=at,
        ids=ids,
    )
    resolve_all(session, subjects, at, "system", "the order was not paid in time")
    record_all(session, at, "system", "order.expire", [(subject, {}) for subject in subjects])


def _tell(session: Session, closed: Sequence[Row[Any]], at: datetime) -> None:
    steps = [
        NewStep(
            flow=TELL,
            lane=f"order:{one.id}:{one.channel}",
            connection=one.channel,
            idempotency_key=f"closed:{one.id}",
            order_id=one.id,
            subject={"order_id": one.id},
        )
        for one in closed
    ]
    add(session, steps, at)
