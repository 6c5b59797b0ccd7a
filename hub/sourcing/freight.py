"""Decide where goods come from and who carries them, by rate cards and penalties: location and courier at once.

The plans that are looked at do not depend on prices: each location alone, each pair, and for each location that begins
the cover that takes most pieces next. The cheapest is chosen, so a lower price never makes the chosen plan dearer.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from hub.sourcing.model import Candidate, Choice, Decision, Lane, Option, Question, Site, Take, Terms, Want
from hub.sourcing.promise import arrives

FREIGHT: Final = "greedy-2"
KG: Final = 1000

Left = tuple[int, ...]
"""Pieces by line, in the order of the question's lines."""


class Stop(NamedTuple):
    """What one location gives by its cheapest courier."""

    site: Site
    lane: Lane
    given: Left
    cost: int


class Plan(NamedTuple):
    """Some stops that together give all that can be given; plans compare by cost, parcels, distance and codes."""

    cost: int
    parcels: int
    km: int
    codes: tuple[str, ...]
    stops: tuple[Stop, ...]


class Asking:
    """One question while it is decided."""

    def __init__(self, question: Question, terms: Terms) -> None:
        self.terms, self.wants = terms, question.wants
        self.barred = {site.code: reason for site in question.sites if (reason := _obstacle(site, question, terms))}
        self.able = [site for site in question.sites if site.code not in self.barred]
        self.wanted: Left = tuple([want.quantity for want in question.wants])
        free = {
            sku: sum(max(0, site.free.get(sku, 0)) for site in self.able) for sku in {want.sku for want in self.wants}
        }
        self.fill = sum(_given(free, self.wants, self.wanted))

    def stop(self, site: Site, left: Left, *, further: bool) -> Stop:
        """Price what a location gives of what is left, by the courier that is cheapest."""
        given = _given(site.free, self.wants, left)
        lanes = self.terms.lanes[site.code]
        cost, lane = min(
            [(self.cost(site, lane, given), lane) for lane in lanes],
            key=lambda one: (one[0], one[1].courier, one[1].method),
        )
        return Stop(site, lane, given, cost + self.terms.split * further)

    def cost(self, site: Site, lane: Lane, given: Left) -> int:
        terms = self.terms
        scarce = sum(
            [
                terms.scarcity * pieces // site.free[want.sku]
                for want, pieces in zip(self.wants, given, strict=True)
                if pieces and terms.scarcity
            ]
        )
        penalties = site.km * terms.per_1000_km // 1000 + lane.days * terms.per_day + scarce
        return site.handling + freight_of(lane, self.wants, given) + penalties


def decide_freight(question: Question) -> Decision:
    """Choose locations and couriers. The same question always gets the same answer.

    Raises: ValueError for a question without terms.
    """
    if question.terms is None:
        raise ValueError("this solver decides questions with terms alone")
    asking = Asking(question, question.terms)
    plan = min(_plans(asking), default=None, key=lambda one: one[:4])
    stops = plan.stops if plan else ()
    left = asking.wanted
    for stop in stops:
        left = _less(left, stop.given)
    day = question.terms.day
    choices = [
        Choice(
            stop.site.code,
            stop.cost,
            tuple(_takes(question.wants, stop.given)),
            stop.lane.courier,
            arrives(day, stop.lane.days),
        )
        for stop in stops
    ]
    whole = [asking.stop(site, asking.wanted, further=False) for site in asking.able]
    return Decision(
        choices=tuple(choices),
        unmet=tuple(_takes(question.wants, left)),
        candidates=tuple(_candidates(question, asking, whole, choices)),
        cost=sum([choice.cost for choice in choices]),
        bound=_bound(asking, stops),
        solver=FREIGHT,
        options=tuple(_options(asking, choices)),
    )


def freight_of(lane: Lane, wants: Sequence[Want], given: Sequence[int]) -> int:
    """Price what a courier carries: by weight, or by volume where that counts as more."""
    grams = cm3 = 0
    for want, pieces in zip(wants, given, strict=True):
        grams += pieces * want.grams
        cm3 += pieces * (want.traits.cm3 if want.traits else 0)
    if lane.divisor:
        grams = max(grams, -(-cm3 * KG // lane.divisor))
    return lane.first_fen + max(0, -(-(grams - lane.first_grams) // lane.each_grams)) * lane.each_fen


def _obstacle(site: Site, question: Question, terms: Terms) -> str:
    if site.barred:
        return site.barred
    if not {want.storage for want in question.wants}.issubset(site.storages):
        return "storage"
    return "" if terms.lanes.get(site.code) else "no_rate"


def _plans(asking: Asking) -> Iterator[Plan]:
    """Give the plans that take all that can be taken; those that cannot be the cheapest any more are left out."""
    if not asking.fill:
        return
    best: int | None = None
    starts = [asking.stop(site, asking.wanted, further=False) for site in asking.able]
    for stop in starts:
        if sum(stop.given) == asking.fill:
            best = stop.cost if best is None else min(best, stop.cost)
            yield _plan([stop])
    for stop in starts:
        pieces = sum(stop.given)
        if not pieces or pieces == asking.fill or (best is not None and stop.cost + asking.terms.split > best):
            continue
        left = _less(asking.wanted, stop.given)
        for site in asking.able:
            if site is not stop.site and sum(_given(site.free, asking.wants, left)) == asking.fill - pieces:
                plan = _plan([stop, asking.stop(site, left, further=True)])
                best = plan.cost if best is None else min(best, plan.cost)
                yield plan
        yield _cover(asking, stop)


def _cover(asking: Asking, first: Stop) -> Plan:
    """Go on from a location by whoever has most of what is left, the nearest of those, until all is taken."""
    stops, left, rest = [first], _less(asking.wanted, first.given), asking.fill - sum(first.given)
    while rest:
        asked = {stop.site.code for stop in stops}
        others = [site for site in asking.able if site.code not in asked]
        most = min(others, key=lambda site: (-sum(_given(site.free, asking.wants, left)), site.km, site.code))
        stops.append(asking.stop(most, left, further=True))
        left, rest = _less(left, stops[-1].given), rest - sum(stops[-1].given)
    return _plan(stops)


def _plan(stops: Sequence[Stop]) -> Plan:
    codes = tuple([stop.site.code for stop in stops])
    km = sum([stop.site.km for stop in stops])
    return Plan(sum([stop.cost for stop in stops]), len(stops), km, codes, tuple(stops))


def _given(free: dict[str, int], wants: Sequence[Want], left: Left) -> Left:
    """Say what is given of each line; two lines of one SKU share what is free."""
    used: dict[str, int] = {}
    given: list[int] = []
    for want, pieces in zip(wants, left, strict=True):
        part = max(0, min(pieces, free.get(want.sku, 0) - used.get(want.sku, 0)))
        used[want.sku] = used.get(want.sku, 0) + part
        given.append(part)
    return tuple(given)


def _less(left: Left, given: Left) -> Left:
    return tuple([pieces - part for pieces, part in zip(left, given, strict=True)])


def _takes(wants: Sequence[Want], pieces: Left) -> Iterator[Take]:
    return (Take(want.line_no, want.sku, part) for want, part in zip(wants, pieces, strict=True) if part)


def _bound(asking: Asking, stops: Sequence[Stop]) -> int:
    """Say what no plan undercuts: one parcel of nothing from whoever is cheapest."""
    nothing: Left = (0,) * len(asking.wants)
    return min([asking.stop(site, nothing, further=False).cost for site in asking.able]) if stops else 0


def _candidates(
    question: Question, asking: Asking, whole: Sequence[Stop], choices: Sequence[Choice]
) -> Iterator[Candidate]:
    """Tell of each location, by its cheapest courier, as the other solver does."""
    chosen, cost, wanted = (
        {choice.code for choice in choices},
        sum([choice.cost for choice in choices]),
        sum(asking.wanted),
    )
    for stop in whole:
        site, pieces = stop.site, sum(stop.given)
        if site.code in chosen:
            yield Candidate(site.code, site.km, pieces, stop.cost, "chosen")
        elif pieces == wanted:
            yield Candidate(site.code, site.km, pieces, stop.cost, "dearer", stop.cost - cost)
        else:
            missing: dict[str, int] = {}
            for take in _takes(asking.wants, _less(asking.wanted, stop.given)):
                missing[take.sku] = missing.get(take.sku, 0) + take.quantity
            yield Candidate(site.code, site.km, pieces, stop.cost, "short", 0, missing)
    for site in question.sites:
        if site.code in asking.barred:
            yield Candidate(site.code, site.km, 0, 0, asking.barred[site.code])


def _options(asking: Asking, choices: Sequence[Choice]) -> Iterator[Option]:
    """Tell of each location with each courier that goes there, the whole asked of it."""
    chosen, cost = {(choice.code, choice.courier) for choice in choices}, sum([choice.cost for choice in choices])
    for site in asking.able:
        given = _given(site.free, asking.wants, asking.wanted)
        pieces = sum(given)
        for lane in asking.terms.lanes[site.code]:
            own = asking.cost(site, lane, given)
            if (site.code, lane.courier) in chosen:
                verdict = "chosen"
            else:
                verdict = "dearer" if pieces == sum(asking.wanted) else "short"
            lost = own - cost if verdict == "dearer" else 0
            freight = freight_of(lane, asking.wants, given)
            yield Option(site.code, lane.courier, lane.method, pieces, own, freight, lane.days, verdict, lost)
