"""Change an order that has been placed: some pieces fewer or more, other goods, whom and where to, by which location.

What no location knows of is changed at once. A location that may have started is asked to stop first: where it does,
the rest is placed with it again as the next attempt; where it refuses, its goods leave as they were, and a person is
called.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, NoReturn

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.cases import resolve
from hub.database import row, rows, run
from hub.errors import Conflict, Malformed
from hub.fulfilment.reject import Standing
from hub.merge.group import hold_together
from hub.order.change.cancel import cancel, stop
from hub.order.change.cancel_wish import wants_cancel
from hub.order.change.grow import check_bounds
from hub.order.change.resource import barred_by
from hub.order.change.revision import Author, Wish, end_revision, note_stops, write_revision
from hub.order.change.settle import changing, settle
from hub.order.change.table import ChangeState
from hub.order.lock import TRIES, Locked, lock_order, open_blockers
from hub.order.place.unmet import read_missing
from hub.order.rest import barred, hold_orders, live_fulfilments, open_pieces, source_rest
from hub.order.rules.policy import POLICY, Policy
from hub.order.status import Lifecycle

REST: Final = 0
"""Stands among the fulfilment orders of a route for the pieces that wait for a source."""

NOBODY: Final = "some of it has no source there"

LIVING = frozenset({Lifecycle.ACCEPTED, Lifecycle.IN_FULFILMENT})


def change(
    session: Session,
    order_id: int,
    wish: Wish,
    author: Author,
    at: datetime,
    policy: Policy = POLICY,
    *,
    keep_deposit: bool = False,
) -> ChangeState:
    """Change an order, at once or once its locations have answered; give how far that is.

    Who wants none of the pieces any more cancels the order, whatever else is said of it; with `keep_deposit` as there.
    `at` is in the business zone. Raises: NotFound; Malformed when nothing or too much is wished; Conflict when the
    order has ended (order_state), all of it has left (already_shipped) or all of a line (pieces_shipped), more of
    one is to be cancelled than is left (more_than_left), or another is under way (cancel_under_way, change_under_way).
    """
    order = check_changeable(session, order_id, wish)
    if wish.pieces and not wish.added and wish.pieces == _left(session, order_id) and not _has_left(session, order_id):
        cancel(session, order_id, author.name, author.reason, at, keep_deposit=keep_deposit)
        return ChangeState.WAITING if wants_cancel(session, order_id) else ChangeState.APPLIED
    no = write_revision(session, order, wish, author, ChangeState.WAITING, at)
    return begin(session, order, no, wish, policy, at)


def begin(session: Session, order: Locked, no: int, wish: Wish, policy: Policy, at: datetime) -> ChangeState:
    """Take back what a revision touches, and apply it if no location has to be asked."""
    stops = [standing for standing in _standings(session, order.id) if not standing.ended]
    touched = _touched(session, order.id, wish, stops)
    hold_orders(session, [order.id])
    note_stops(session, order.id, no, [one.no for one in touched])
    for standing in touched:
        stop(session, standing, f"change-{no}", at)
    settle(session, order, policy, at)
    found = rows(session, "select state from order_revision where order_id = :id and no = :no", id=order.id, no=no)
    return ChangeState(found[0].state)


def check_changeable(session: Session, order_id: int, wish: Wish) -> Locked:
    """Lock an order and make sure that it can be changed as wished.

    Raises: as `change`.
    """
    hold_together(session, order_id)
    order = lock_order(session, order_id)
    if not wish.kinds:
        raise Malformed("say what is to be changed", code="nothing_to_change")
    if order.lifecycle not in LIVING:
        raise Conflict(f"an order that is {order.lifecycle} cannot be changed", code="order_state")
    if wants_cancel(session, order_id):
        raise Conflict("a cancellation of this order is under way", code="cancel_under_way")
    if changing(session, order_id):
        raise Conflict("another change of this order is under way", code="change_under_way")
    left = _left(session, order_id)
    if not left:
        raise Conflict("what is to be changed has left or was cancelled", code="already_shipped")
    if beyond := {no: n for no, n in wish.pieces.items() if n > left.get(no, 0)}:
        _refuse(session, order_id, beyond, left)
    check_bounds(session, order_id, wish.added)
    return order


def reroute(
    session: Session, order_id: int, wish: Wish, author: Author, at: datetime, policy: Policy = POLICY
) -> ChangeState:
    """Source fulfilment orders anew (all that are under way, if the wish names none), with a decision like any other.

    Where none is under way, or the wish names `REST` alone, it is what waits for a source. Raises: as `change`;
    Conflict with code nothing_to_reroute; Malformed for a target that does not ship for the brand.
    """
    hold_together(session, order_id)
    live = live_fulfilments(session, order_id)
    if wish.target and not _ships_for(session, order_id, wish.target):
        raise Malformed(f"no active location is {wish.target}", code="unknown_location", field="to")
    if list(wish.route) == [REST] or not (wish.route or live):
        return _route_rest(session, order_id, replace(wish, route=[REST]), author, at, policy)
    if REST in wish.route:
        zh, en = "等待货源的部分须单独改派", "what waits for a source is sent by itself, not with fulfilment orders"
        raise Conflict(en, code="nothing_to_reroute", zh=zh)
    if set(wish.route) - set(live):
        raise Conflict("no such fulfilment order of this order is under way", code="nothing_to_reroute")
    return change(session, order_id, replace(wish, route=list(wish.route) or live), author, at, policy)


def _route_rest(
    session: Session, order_id: int, wish: Wish, author: Author, at: datetime, policy: Policy
) -> ChangeState:
    """Source what waits for a source; that it was refused too often keeps it no longer. Give whether all has one."""
    order = check_changeable(session, order_id, wish)
    if not read_missing(session, [order_id]) or any(one.rule != TRIES for one in open_blockers(session, order_id)):
        zh, en = "订单没有仅因等待货源而停下的部分", "nothing of this order waits for a source alone"
        raise Conflict(en, code="nothing_to_reroute", zh=zh)
    run(
        session,
        """update order_hold set released_at = :at, released_by = :actor, reason = :reason
           where order_id = :id and rule = :rule and released_at is null""",
        at=at,
        actor=author.name,
        reason=plain(author.reason),
        id=order_id,
        rule=TRIES,
    )
    resolve(session, f"order:{order_id}", at, author.name, plain(author.reason), TRIES)
    elsewhere = barred_by(session, wish, barred(session, order_id, short=False))
    plans = source_rest(session, order, policy, at, elsewhere=elsewhere)
    found = any(decision.choices for one in plans for _, decision in one.decisions)
    lacks = any(one.unmet for one in plans)
    state = ChangeState.APPLIED if not lacks else ChangeState.PART if found else ChangeState.REFUSED
    no = write_revision(session, order, wish, author, state, at)
    note_stops(session, order_id, no, [])
    end_revision(session, order_id, no, state, NOBODY if lacks else "", at)
    record(session, at, author.name, "order.change", f"order:{order_id}", revision=no, kinds=wish.kinds, state=state)
    return state


def _touched(session: Session, order_id: int, wish: Wish, stops: list[Standing]) -> list[Standing]:
    """Choose the fulfilment orders that have to be taken back: no more than needed, the newest first."""
    if wish.contents.receiver is not None:
        return stops
    missing = Counter(wish.pieces) - Counter(open_pieces(session, order_id))
    chosen = [one for one in stops if one.no in wish.route]
    for standing in reversed(stops):
        pieces = Counter({line.line_no: line.quantity for line in standing.open_lines()})
        if missing & pieces:
            missing -= pieces
            if standing not in chosen:
                chosen.append(standing)
    return sorted(chosen, key=lambda one: one.no)


def _ships_for(session: Session, order_id: int, location: str) -> bool:
    statement = """select 1 from location place join sales_order o using (brand)
                   where o.id = :id and place.code = :code and place.active"""
    return bool(rows(session, statement, id=order_id, code=location))


def _standings(session: Session, order_id: int) -> list[Standing]:
    return [Standing(session, order_id, no) for no in live_fulfilments(session, order_id)]


def _left(session: Session, order_id: int) -> dict[int, int]:
    """Give the pieces by line that were sold, and have neither left nor been cancelled; gifts go with them."""
    found = rows(
        session,
        """select line_no, ordered - shipped - cancelled as n from order_line
           where order_id = :id and kind not in ('bundle', 'gift') and ordered > shipped + cancelled
           order by line_no""",
        id=order_id,
    )
    return {one.line_no: one.n for one in found}


def _refuse(session: Session, order_id: int, beyond: Mapping[int, int], left: Mapping[int, int]) -> NoReturn:
    """Say of the first line of which more is to be cancelled than is left why that cannot be.

    Raises: Conflict; Malformed for a line that there is not.
    """
    one = row(
        session,
        """select line_no, external_line_id as line_id, sku, shipped from order_line
           where order_id = :id and line_no = any(:nos) order by line_no""",
        id=order_id,
        nos=list(beyond),
    )
    if one is None:
        text, zh = f"the order has no line {min(beyond)}", f"订单没有第 {min(beyond)} 行"
        raise Malformed(text, code="unknown_line", field="lines", zh=zh)
    here, wished = left.get(one.line_no, 0), beyond[one.line_no]
    if one.shipped and not here:
        raise Conflict(
            f"all of line {one.line_id} ({one.sku}) has left",
            code="pieces_shipped",
            field="lines",
            zh=f"行 {one.line_id}（{one.sku}）已全部发出",
        )
    raise Conflict(
        f"of line {one.line_id} ({one.sku}) {here} pieces are left to be cancelled, not {wished}",
        code="more_than_left",
        field="lines",
        zh=f"行 {one.line_id}（{one.sku}）还可取消 {here} 件，不能取消 {wished} 件",
    )


def _has_left(session: Session, order_id: int) -> bool:
    """Say whether some of an order has left; a location that could send nothing made a shipment without parcels."""
    return bool(rows(session, "select 1 from parcel where order_id = :id limit 1", id=order_id))
