"""Decide where goods come from and who carries them, by rate cards and penalties: location and courier at once.

The plans that are looked at do not depend on prices: each location alone, each pair, and where no pair has all, for
each location that begins the cover that takes most pieces next. The cheapest is chosen, so a lower price never makes
the chosen plan dearer.
"""

from collections.abc import Iterator, Sequence
from operator import mul
from typing import Final, NamedTuple

from hub.sourcing.model import Candidate, Choice, Decision, Lane, Option, Question, Site, Take, Terms, Want
from hub.sourcing.promise import arrives

FREIGHT: Final = "greedy-2"
KG: Final = 1000

Left = tuple[int, ...]
"""Pieces by line, in the order of the question's lines."""


class Stand(NamedTuple):
    """A location that may be asked: what it has by line, its lanes, and the least that a parcel of it costs.

    A lane stands beside what it costs whatever is in the parcel, but for its freight.
    """

    site: Site
    free: Left
    lanes: Sequence[tuple[int, Lane]]
    least: int


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
        self.wanted: Left = tuple([want.quantity for want in question.wants])
        self._grams = [want.grams for want in question.wants]
        self._cm3 = [want.traits.cm3 if want.traits else 0 for want in question.wants]
        self._skus = [want.sku for want in question.wants]
        self._twice = len(set(self._skus)) < len(self._skus)  # two lines may ask for one SKU
        self.barred = {site.code: reason for site in question.sites if (reason := _obstacle(site, question, terms))}
        self.able = [self.stand(site) for site in question.sites if site.code not in self.barred]
        free = tuple([sum(column) for column in zip(*(stand.free for stand in self.able), strict=True)])
        self.fill = sum(self.given(free, self.wanted)) if free else 0

    def stand(self, site: Site) -> Stand:
        """Prepare a location that has lanes."""
        terms = self.terms
        fixed = site.handling + site.km * terms.per_1000_km // 1000
        lanes = [(fixed + lane.days * terms.per_day, lane) for lane in terms.lanes[site.code]]
        free = tuple([max(0, site.free.get(sku, 0)) for sku in self._skus])
        return Stand(site, free, lanes, min([cost + lane.first_fen for cost, lane in lanes]))

    def given(self, free: Left, left: Left) -> Left:
        """Say what is given of each line; two lines of one SKU share what is free."""
        if not self._twice:
            return tuple(map(min, free, left))
        used: dict[str, int] = {}
        given: list[int] = []
        for sku, there, pieces in zip(self._skus, free, left, strict=True):
            given.append(part := min(pieces, there - used.get(sku, 0)))
            used[sku] = used.get(sku, 0) + part
        return tuple(given)

    def prices(self, stand: Stand, given: Left) -> Iterator[tuple[int, int, Lane]]:
        """Give cost and freight of a parcel by each courier."""
        grams, cm3, scarce = sum(map(mul, given, self._grams)), sum(map(mul, given, self._cm3)), 0
        if self.terms.scarcity:
            parts = zip(given, stand.free, strict=True)
            scarce = sum([self.terms.scarcity * part // free for part, free in parts if part])
        for cost, lane in stand.lanes:
            freight = freight_of(lane, grams, cm3)
            yield cost + freight + scarce, freight, lane

    def stop(self, stand: Stand, left: Left, *, further: bool) -> Stop:
        """Price what a location gives of what is left, by the courier that is cheapest."""
        given = self.given(stand.free, left)
        cost, _, lane = min(self.prices(stand, given), key=lambda one: (one[0], one[2].courier))
        return Stop(stand.site, lane, given, cost + self.terms.split * further)


def decide_freight(question: Question) -> Decision:
    """Choose locations and couriers. The same question always gets the same answer.

    Raises: ValueError for a question without terms.
    """
    if question.terms is None:
        raise ValueError("this solver decides questions with terms alone")
    asking = Asking(question, question.terms)
    whole = [asking.stop(stand, asking.wanted, further=False) for stand in asking.able]
    plan = min(_plans(asking, whole), default=None, key=lambda one: one[:4])
    stops = plan.stops if plan else ()
    left = asking.wanted
    for stop in stops:
        left = _less(left, stop.given)
    choices = tuple([_choice(stop, question) for stop in stops])
    return Decision(
        choices=choices,
        unmet=tuple(_takes(question.wants, left)),
        candidates=tuple(_candidates(question, asking, whole, choices)),
        cost=sum([choice.cost for choice in choices]),
        bound=min([stand.least for stand in asking.able]) if stops else 0,
        solver=FREIGHT,
        options=tuple(_options(asking, choices)),
    )


def freight_of(lane: Lane, grams: int, cm3: int) -> int:
    """Price what a courier carries: by weight, or by volume where that counts as more."""
    if lane.divisor:
        grams = max(grams, -(-cm3 * KG // lane.divisor))
    further = grams - lane.first_grams
    return lane.first_fen - (-further // lane.each_grams) * lane.each_fen if further > 0 else lane.first_fen


def _obstacle(site: Site, question: Question, terms: Terms) -> str:
    if site.barred:
        return site.barred
    if not {want.storage for want in question.wants}.issubset(site.storages):
        return "storage"
    return "" if terms.lanes.get(site.code) else "no_rate"


def _plans(asking: Asking, whole: Sequence[Stop]) -> Iterator[Plan]:
    """Give the plans that take all that can be taken; of pairs those that cannot be the cheapest are left out."""
    if not asking.fill:
        return
    singles = [_plan([stop]) for stop in whole if sum(stop.given) == asking.fill]
    yield from singles
    best = min([plan.cost for plan in singles], default=None)
    parts = [stop for stop in whole if 0 < sum(stop.given) < asking.fill]
    found = bool(singles)
    for stop in sorted(parts, key=lambda one: one.cost):
        for plan in _pairs(asking, stop, best):
            found, best = True, plan.cost if best is None else min(best, plan.cost)
            yield plan
    if not found:
        yield from (_cover(asking, stop) for stop in parts)


def _pairs(asking: Asking, first: Stop, best: int | None) -> Iterator[Plan]:
    """Give the plans of a location and one other that has the rest, unless they must cost more than the best."""
    left, rest = _less(asking.wanted, first.given), asking.fill - sum(first.given)
    cost = first.cost + asking.terms.split
    for stand in asking.able:
        if best is not None and cost + stand.least > best:
            continue
        if sum(asking.given(stand.free, left)) == rest and stand.site is not first.site:
            plan = _plan([first, asking.stop(stand, left, further=True)])
            best = plan.cost if best is None else min(best, plan.cost)
            yield plan


def _cover(asking: Asking, first: Stop) -> Plan:
    """Go on from a location by whoever has most of what is left, the nearest of those, until all is taken."""
    stops, left, rest = [first], _less(asking.wanted, first.given), asking.fill - sum(first.given)
    others = [stand for stand in asking.able if stand.site is not first.site]
    while rest:
        reach = [(-sum(asking.given(stand.free, left)), stand.site.km, stand.site.code) for stand in others]
        most = others.pop(reach.index(min(reach)))
        stops.append(asking.stop(most, left, further=True))
        left, rest = _less(left, stops[-1].given), rest - sum(stops[-1].given)
    return _plan(stops)


def _plan(stops: Sequence[Stop]) -> Plan:
    codes = tuple([stop.site.code for stop in stops])
    km = sum([stop.site.km for stop in stops])
    return Plan(sum([stop.cost for stop in stops]), len(stops), km, codes, tuple(stops))


def _less(left: Left, given: Left) -> Left:
    return tuple([pieces - part for pieces, part in zip(left, given, strict=True)])


def _takes(wants: Sequence[Want], pieces: Left) -> Iterator[Take]:
    return (Take(want.line_no, want.sku, part) for want, part in zip(wants, pieces, strict=True) if part)


def _choice(stop: Stop, question: Question) -> Choice:
    day = question.terms.day if question.terms else ""
    takes = tuple(_takes(question.wants, stop.given))
    return Choice(stop.site.code, stop.cost, takes, stop.lane.courier, arrives(day, stop.lane.days))


def _candidates(
    question: Question, asking: Asking, whole: Sequence[Stop], choices: Sequence[Choice]
) -> Iterator[Candidate]:
    """Tell of each location, by its cheapest courier, as the other solver does."""
    chosen, cost = {choice.code for choice in choices}, sum([choice.cost for choice in choices])
    wanted = sum(asking.wanted)
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
    chosen, total = {(choice.code, choice.courier) for choice in choices}, sum([choice.cost for choice in choices])
    wanted = sum(asking.wanted)
    for stand in asking.able:
        given, code = asking.given(stand.free, asking.wanted), stand.site.code
        pieces = sum(given)
        for cost, freight, lane in asking.prices(stand, given):
            verdict = "chosen" if (code, lane.courier) in chosen else "dearer" if pieces == wanted else "short"
            lost = cost - total if verdict == "dearer" else 0
            yield Option(code, lane.courier, lane.method, pieces, cost, freight, lane.days, verdict, lost)
