"""Move orders away from counters that lack pieces: the newest first, as long as their location knows of none.

They lack what a count did not find, and what is of a lot that was blocked.

What a location has been sent already stays there until it reports a lack itself. Gifts of what is moved go with it,
unless other pieces of that have a source or have left.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from msgspec.structs import replace
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import record
from hub.cases import resolve
from hub.database import rows
from hub.fulfilment.reject import Standing
from hub.fulfilment.release import RELEASE, NewLine
from hub.fulfilment.status import Negotiation
from hub.inventory.level import hold_still
from hub.inventory.shortfall import SHORT, Lack, read_lacking
from hub.inventory.table import Authority
from hub.order.advance import advance
from hub.order.lock import Locked, lock_order, open_blockers
from hub.order.place.allocate import allocate
from hub.order.place.brand_policy import hold_limits
from hub.order.place.need import Need
from hub.order.posting.sale import post
from hub.order.rest import barred, barred_but, need_for, recall
from hub.order.rules.policy import POLICY, Policy
from hub.sourcing.eligible import REJECTED, STAYS
from hub.sourcing.model import Take, Want

AT_ONCE: Final = 50
"""Orders in one transaction: their rows stay locked until its end."""

TURN_S: Final = 5
"""How often orders are moved: some counters have their turn each time."""

LOOKED: Final = 1_000
"""How many of a counter's newest promises are looked through."""


class _Move(NamedTuple):
    """What was taken back of an order: the lines that are short there, the gifts that go with these, and the rest.

    Elsewhere `need` bars the location, and `there` bars all others.
    """

    need: Need
    short: Collection[int]
    gifts: Collection[int]
    there: Mapping[str, str]

    @property
    def leaves(self) -> Need | None:
        wants = [want for want in self.need.wants if want.line_no in {*self.short, *self.gifts}]
        return replace(self.need, wants=tuple(wants)) if wants else None

    @property
    def stays(self) -> Need | None:
        return self._there([want for want in self.need.wants if want.line_no not in {*self.short, *self.gifts}])

    def back(self, unmet: Sequence[Take]) -> Need | None:
        """Give the gifts that are nowhere else, though what they go with is: they were promised, and go alone."""
        pieces = Counter({take.line_no: take.quantity for take in unmet if take.line_no in self.gifts})
        return self._there([replace(want, quantity=n) for want in self.need.wants if (n := pieces[want.line_no])])

    def _there(self, wants: Sequence[Want]) -> Need | None:
        return replace(self.need, wants=tuple(wants), barred=self.there) if wants else None


def relocate(session: Session, at: datetime, policy: Policy = POLICY) -> int:
    """Source again what short counters cannot give, and close the cases of those that are short no more.

    `at` is in the business zone, whose day it is that lots expire by. Gives how many fulfilment
    orders were taken back. Orders that somebody works on are left for the next time.
    """
    standings = _take_standings(session, _hit(session, at))
    hold_still(session, {line.sku for _, standing in standings for line in standing.open_lines()})
    hold_limits(session, policy, {order.brand for order, _ in standings}, at)
    moves: list[_Move] = []
    moved: list[Locked] = []
    for order, standing in standings:
        short = _short(session, standing, at.date())
        lines = _take_back(session, order, standing, at)
        if lines:
            moved.append(order)
        if lines and not open_blockers(session, order.id):
            moves.append(_move(session, order, standing, lines, short, at))
    allocate(session, [need for one in moves if (need := one.stays)], policy, at)
    plans = allocate(session, [need for one in moves if (need := one.leaves)], policy, at)
    alone = {plan.need.order_id: plan.unmet for plan in plans if plan.unmet}
    allocate(session, [need for one in moves if (need := one.back(alone.get(one.need.order_id, ())))], policy, at)
    for order in moved:
        advance(session, order.id, at)
    _close_cases(session, at)
    return len(moved)


def _hit(session: Session, at: datetime) -> dict[int, int]:
    """Choose the fulfilment orders to take back, one an order: the newest, until each counter has enough."""
    lacking = [one for one in read_lacking(session, at.date()) if one.authority == Authority.HUB]
    chosen: dict[int, int] = {}
    for counter in _by_turns(lacking, at):
        left = counter.pieces
        for one in _promises(session, counter.key.location, counter.key.sku, counter.key.owner):
            if left <= 0 or len(chosen) >= AT_ONCE:
                break
            if chosen.setdefault(one.order_id, one.no) == one.no:
                left -= one.pieces
    return chosen


def _by_turns(lacking: Sequence[Lack], at: datetime) -> Sequence[Lack]:
    """Give the counters to look at: the newest, then some of the others, each in its turn.

    Those whose locations know of all that is promised lack on, and must not stand before the others for good.
    """
    others = lacking[AT_ONCE:]
    start = int(at.timestamp()) // TURN_S * AT_ONCE % max(1, len(others))
    return [*lacking[:AT_ONCE], *[*others[start:], *others[:start]][:AT_ONCE]]


def _promises(session: Session, location: str, sku: str, owner: str) -> Sequence[Row[Any]]:
    """Give the newest promises of a counter that its location has certainly not heard of."""
    return rows(
        session,
        f"""with newest as (
                select distinct cast(split_part(code, '-', 1) as bigint) as order_id,
                                cast(split_part(code, '-', 2) as bigint) as no
                from (select split_part(ref, ':', 2) as code from stock_movement
                      where (sku, location, owner) = (:sku, :location, :owner) and reason = 'allocate'
                        and ref like 'fo:%'
                      order by id desc limit {LOOKED}) booked)
            select f.order_id, f.no, sum(line.quantity - line.shipped - line.released)::bigint as pieces
            from newest join fulfilment_order f on (f.order_id, f.no) = (newest.order_id, newest.no)
            join fulfilment_line line on (line.order_id, line.no, line.sku) = (f.order_id, f.no, :sku)
            left join merge_member m on (m.order_id, m.no) = (f.order_id, f.no) and m.left_at is null
            left join merge_group g on g.id = m.group_id
            where f.negotiation = 'unsubmitted' and f.execution not in ('closed', 'incomplete', 'cancelled')
              and (exists (select 1 from step
                           where step.lane = 'fo:' || coalesce(g.code, f.code) || ':' || f.connection
                             and step.flow = :flow and step.state in ('waiting', 'pending', 'dead') and not step.doubt)
                   or exists (select 1 from merge_wait w where (w.order_id, w.no) = (f.order_id, f.no)))
            group by f.order_id, f.no having sum(line.quantity - line.shipped - line.released) > 0
            order by f.order_id desc, f.no desc""",
        sku=sku,
        location=location,
        owner=owner,
        flow=RELEASE,
    )


def _take_standings(session: Session, chosen: Mapping[int, int]) -> list[tuple[Locked, Standing]]:
    """Lock orders and their fulfilment orders, in the order of their numbers; those that are locked are left out."""
    free = rows(
        session,
        "select id from sales_order where id = any(:ids) order by id for update skip locked",
        ids=sorted(chosen),
    )
    return [(lock_order(session, one.id), Standing(session, one.id, chosen[one.id])) for one in free]


def _take_back(session: Session, order: Locked, standing: Standing, at: datetime) -> list[NewLine]:
    """End a fulfilment order that its location has not heard of, and give what needs another source."""
    if standing.ended or standing.negotiation is not Negotiation.UNSUBMITTED:
        return []
    lines = recall(session, standing, "counted short", at)
    if lines is None:
        return []
    record(session, at, "system", "fulfilment.relocate", f"order:{order.id}", fulfilment=standing.no)
    post(session, order, standing, at)
    return lines


def _short(session: Session, standing: Standing, today: date) -> set[str]:
    """Give the SKUs of a fulfilment order that its location's owner has too little of."""
    found = read_lacking(session, today, {line.sku for line in standing.open_lines()})
    return {one.key.sku for one in found if (one.key.location, one.key.owner) == (standing.location, standing.owner)}


def _move(
    session: Session, order: Locked, standing: Standing, lines: Sequence[NewLine], short: Collection[str], at: datetime
) -> _Move:
    """Say of what was taken back what is to be sourced elsewhere, and what where it was, for that has not changed."""
    pieces = {line.line_no: line.quantity for line in lines}
    elsewhere = barred(session, order.id) | {standing.location: REJECTED}
    need = need_for(session, order, pieces, at, elsewhere, standing.attempt + 1, standing.no)
    gone = {want.line_no for want in need.wants if want.sku in short}
    gifts = {want.line_no for want in need.wants if want.with_no in gone - need.met} - gone
    return _Move(need, frozenset(gone), frozenset(gifts), barred_but(session, standing.location, STAYS))


def _close_cases(session: Session, at: datetime) -> None:
    over = rows(
        session,
        """select subject from case_file where cause = :cause and state = 'open' and subject <> all(:lacking)
           order by subject limit 500""",
        cause=SHORT,
        lacking=[one.subject for one in read_lacking(session, at.date())],
    )
    for one in over:
        resolve(session, one.subject, at, "system", "no longer short", SHORT)
