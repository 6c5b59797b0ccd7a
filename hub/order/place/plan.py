"""Plan where order lines come from: a whole batch on one reading of places and free pieces; nothing is written."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy.orm import Session

from hub.fulfilment.release import NewFulfilment, NewLine
from hub.inventory.ledger import Movement
from hub.inventory.level import free_and_unsold
from hub.inventory.reserve import Claim
from hub.order.place.brand_policy import Own, own_policies, with_counts
from hub.order.place.nearest import Rankings, rankings
from hub.order.place.need import Need, Plan
from hub.order.place.travelling import Travelling
from hub.order.rules.keepers import Keepers
from hub.order.rules.policy import Policy
from hub.order.rules.route import Shelf, ask, route
from hub.sourcing.day_count import LocationDay
from hub.sourcing.location import find_places
from hub.sourcing.model import Decision, Place, Question, Site


class Numbers(NamedTuple):
    """The last numbers an order has used."""

    fulfilment: int = 0
    decision: int = 0


UNUSED = Numbers()


class Sourced(msgspec.Struct, frozen=True):
    """The plans of a batch, and the fulfilment orders that they lead to.

    `days` are the documents among them that count to a location's day that may have only so many, which are the `most`;
    `most_open` is how many may be open at each location that is given one and may have only so many.
    """

    plans: Sequence[Plan]
    opened: Sequence[NewFulfilment]
    days: Mapping[LocationDay, int] = {}
    most: Mapping[LocationDay, int] = {}
    most_open: Mapping[str, int] = {}

    def claims(self) -> Iterator[Claim]:
        """Give what must be reserved."""
        return (claim for new in self.opened for claim in new.claims())

    def pieces(self) -> dict[tuple[int, int], int]:
        """Give the pieces that have a source, by (order, line)."""
        pieces: defaultdict[tuple[int, int], int] = defaultdict(int)
        for new in self.opened:
            for line in new.lines:
                pieces[new.order_id, line.line_no] += line.quantity
        return pieces


def plan(
    session: Session,
    needs: Sequence[Need],
    policy: Policy,
    numbers: Mapping[int, Numbers],
    at: datetime,
    returned: Sequence[Movement] = (),
    own: Mapping[str, Own] | None = None,
    *,
    lock: bool = False,
) -> Sourced:
    """Plan a batch, each order seeing what those before it take; with `lock` the counters are held still for it.

    `returned` is what the orders' carts held, which will be free when this batch is booked, and `own` the policies of
    its brands, where they are known already; `at` is in the business zone, whose day it is that lots expire by. The
    batch is planned once more where that lets gifts travel with what they came with, and where an order has no source
    for something of which enough is there, but out of its reach: it, and no other, may have back-orders of that then.
    """
    gifts, beyond = Travelling(needs), dict[int, set[str]]()
    while True:
        sourced, kept = _plan(session, gifts.needs(), policy, numbers, at, returned, own, beyond, lock=lock)
        if not gifts.settled(sourced.plans):
            continue
        lacking = {(one.need.order_id, take.sku) for one in sourced.plans for take in one.unmet if take.sku in kept}
        lacking -= {(order_id, sku) for order_id, skus in beyond.items() for sku in skus}
        if not lacking:
            return sourced
        gifts = Travelling(needs)
        for order_id, sku in lacking:
            beyond.setdefault(order_id, set()).add(sku)


def _plan(
    session: Session,
    needs: Sequence[Need],
    policy: Policy,
    numbers: Mapping[int, Numbers],
    at: datetime,
    returned: Sequence[Movement],
    own: Mapping[str, Own] | None,
    beyond: Mapping[int, Collection[str]],
    *,
    lock: bool,
) -> tuple[Sourced, Collection[str]]:
    """Plan a batch, and name the SKUs of which back-orders are kept for orders that enough of it is `beyond`."""
    places = find_places(session)
    wanted = Counter[str]()
    for need in needs:
        for want in need.wants:
            wanted[want.sku] += want.quantity
    free, unsold, kept = free_and_unsold(session, wanted, at, returned, lock=lock)
    own = own_policies(session, policy, {need.brand for need in needs}) if own is None else own
    own = with_counts(session, own, wanted, at, lock=lock) if own else {}
    plans = _plans(needs, places, Shelf(free, unsold, kept), policy, own, beyond, at)
    opened = list(_fulfilments(plans, places, numbers))
    days = {day: n for one in own.values() if one.booked for day, n in one.booked.items()}
    most = {day: n for one in own.values() for day, n in one.most().items()}
    limits = {code: n for one in own.values() for code, n in one.most_open.items()}
    most_open = {new.location: limits[new.location] for new in opened if new.location in limits} if limits else limits
    return Sourced(plans, opened, days, most, most_open), kept.keys()


def _plans(
    needs: Sequence[Need],
    places: Mapping[str, Place],
    shelf: Shelf,
    policy: Policy,
    own: Mapping[str, Own],
    beyond: Mapping[int, Collection[str]],
    at: datetime,
) -> list[Plan]:
    known = {
        brand: rankings(tuple([place for place in places.values() if place.brand == brand]))
        for brand in {need.brand for need in needs}
    }
    shared = _together(needs, known, shelf, own, beyond, at) if own else {}
    built_in = Own(policy)
    plans: list[Plan] = []
    for no, need in enumerate(needs):
        if no in shared:
            plans.append(Plan(need, shared[no]))
            own[need.brand].book(shared[no], at)
            continue
        near, keepers = known[need.brand].nearest(need.division), known[need.brand].keepers
        with shelf.reaching(beyond.get(need.order_id, ())):
            plans.append(Plan(need, tuple(in_turn(need, near, shelf, own.get(need.brand, built_in), at, keepers))))
    return plans


def in_turn(
    need: Need, near: Sequence[Site], shelf: Shelf, own: Own, at: datetime, keepers: Keepers | None
) -> Iterator[tuple[Question, Decision]]:
    """Decide the parts of one need; where documents are counted, a part sees those that the parts before it open."""
    by, skus = own.policy, need.skus
    parts = need.parts(by.splitters)
    for some in [[part] for part in parts] if own.counts else [parts]:
        ranked, terms = own.ask(near, need.division, at, skus)
        decided = list(route(some, ranked, shelf, by.version, by.costs, need.barred, terms, keepers))
        own.book(decided, at)
        yield from decided


def at_once(
    need: Need, near: Sequence[Site], shelf: Shelf, own: Own, at: datetime, keepers: Keepers | None
) -> list[Question]:
    """Put the parts of one need as questions, all on what is on the shelf now."""
    by = own.policy
    ranked, terms = own.ask(near, need.division, at, need.skus)
    return list(ask(need.parts(by.splitters), ranked, shelf, by.version, by.costs, need.barred, terms, keepers))


def _together(
    needs: Sequence[Need],
    known: Mapping[str, Rankings],
    shelf: Shelf,
    own: Mapping[str, Own],
    beyond: Mapping[int, Collection[str]],
    at: datetime,
) -> dict[int, tuple[tuple[Question, Decision], ...]]:
    """Decide the needs of a brand together where its policy says so and they want more than there is; by number.

    Those that may have other pieces than the rest are decided behind them, in turn.
    """
    found: dict[int, tuple[tuple[Question, Decision], ...]] = {}
    for brand, one in own.items():
        rule = one.said.together if one.said else None
        if rule is None:
            continue
        mine = [no for no, need in enumerate(needs) if need.brand == brand and need.order_id not in beyond]
        if len(mine) < rule.orders:
            continue
        from hub.sourcing.together import decide_together  # noqa: PLC0415 # scipy is loaded only where a policy asks

        near, keepers = known[brand].nearest, known[brand].keepers
        asked = [at_once(need, near(need.division), shelf, one, at, keepers) for need in [needs[no] for no in mine]]
        for no, decided in zip(mine, decide_together(asked, rule.most_ms / 1_000, one.room(at)), strict=False):
            found[no] = tuple(decided)
            for _, decision in decided:
                shelf.take(decision)
    return found


def _fulfilments(
    plans: Sequence[Plan], places: Mapping[str, Place], numbers: Mapping[int, Numbers]
) -> Iterator[NewFulfilment]:
    for one in plans:
        need = one.need
        no, last_decision = numbers.get(need.order_id, UNUSED)
        for decision_no, (_, decision) in enumerate(one.decisions, last_decision + 1):
            for choice in decision.choices:
                no += 1
                place = places[choice.code]
                yield NewFulfilment(
                    brand=need.brand,
                    order_id=need.order_id,
                    no=no,
                    location=place.code,
                    connection=place.connection,
                    owner=place.owner,
                    courier=choice.courier or place.courier,
                    promise=choice.promise,
                    attempt=need.attempt,
                    replaces_no=need.replaces_no,
                    decision_no=decision_no,
                    lines=tuple([NewLine(take.line_no, take.sku, take.quantity) for take in choice.takes]),
                )
