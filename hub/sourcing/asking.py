"""One question by rate cards and weights while it is decided: what each location has, and what parcels of it cost."""

from collections.abc import Iterator, Sequence
from operator import itemgetter, mul
from typing import Final, NamedTuple

from hub.sourcing.model import Clearing, Lane, Question, Site, Supply, Terms

KG: Final = 1000
FOUR_WEEKS: Final = 4

Left = tuple[int, ...]
"""Pieces by line, in the order of the question's lines."""


class Stand(NamedTuple):
    """A location that may be asked: what it has by line, its lanes, and the least that a parcel of it costs.

    A lane stands beside what it costs whatever is in the parcel, but for its freight. `thin` and `other` are what a
    piece of each line costs more here, by weeks of supply and for not being cleared; empty where no line does.
    """

    site: Site
    free: Left
    lanes: Sequence[tuple[int, Lane]]
    least: int
    thin: Left = ()
    other: Left = ()


class Reach(NamedTuple):
    """What each location that may be asked gives of what is left, how many pieces that is, and the `most` of these."""

    given: Sequence[Left]
    pieces: Sequence[int]
    most: int


class Stop(NamedTuple):
    """What one location gives by its cheapest courier."""

    site: Site
    lane: Lane
    given: Left
    cost: int


class Plan(NamedTuple):
    """Some stops, and what they cost with what they leave unfilled; plans compare by cost, parcels, km and codes."""

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
        self._reach: dict[Left, Reach] = {}
        self._column: dict[tuple[int, int], list[int]] = {}
        self._cheapest: dict[tuple[str, Left], tuple[int, str, Lane]] = {}
        self._twice = len(set(self._skus)) < len(self._skus)  # two lines may ask for one SKU
        self.barred = {site.code: reason for site in question.sites if (reason := _obstacle(site, question, terms))}
        able = [site for site in question.sites if site.code not in self.barred]
        self._cleared = cleared_of(able, terms.clearing) if terms.clearing else frozenset[str]()
        self.able = [self.stand(site) for site in able]
        free = tuple([sum(column) for column in zip(*(stand.free for stand in self.able), strict=True)])
        self.fill = sum(self.given(free, self.wanted)) if free else 0

    def stand(self, site: Site) -> Stand:
        """Prepare a location that has lanes."""
        terms = self.terms
        fixed = site.handling + site.km * terms.per_1000_km // 1000
        lanes = [(fixed + lane.days * terms.per_day, lane) for lane in terms.lanes[site.code]]
        free = tuple([max(0, site.free.get(sku, 0)) for sku in self._skus])
        thin = thin_of(terms.supply, site.code, self._skus, free) if terms.supply else ()
        other = other_of(terms.clearing, site.code, self._skus, self._cleared) if terms.clearing else ()
        return Stand(site, free, lanes, min([cost + lane.first_fen for cost, lane in lanes]), thin, other)

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

    def reach(self, left: Left) -> Reach:
        """Say what each location gives of what is left; remembered, for many plans leave the same."""
        if left not in self._reach:
            given = self._columns(left) if not self._twice else [self.given(stand.free, left) for stand in self.able]
            pieces = list(map(sum, given))
            self._reach[left] = Reach(given, pieces, max(pieces, default=0))
        return self._reach[left]

    def _columns(self, left: Left) -> list[Left]:
        """Give what each location gives, line by line: a number of pieces of a line is asked for again and again."""
        columns: list[list[int]] = []
        for line, pieces in enumerate(left):
            if (line, pieces) not in self._column:
                self._column[line, pieces] = [min(stand.free[line], pieces) for stand in self.able]
            columns.append(self._column[line, pieces])
        return list(zip(*columns, strict=True))

    def prices(self, stand: Stand, given: Left) -> Iterator[tuple[int, int, Lane]]:
        """Give cost and freight of a parcel by each courier."""
        grams, cm3, more = sum(map(mul, given, self._grams)), sum(map(mul, given, self._cm3)), 0
        if self.terms.scarcity:
            parts = zip(given, stand.free, strict=True)
            more = sum([self.terms.scarcity * part // free for part, free in parts if part])
        if stand.thin or stand.other:
            more += sum(map(mul, given, stand.thin)) + sum(map(mul, given, stand.other))
        for cost, lane in stand.lanes:
            freight = freight_of(lane, grams, cm3)
            yield cost + freight + more, freight, lane

    def stop(self, stand: Stand, left: Left, *, further: bool) -> Stop:
        """Price what a location gives of what is left, by the courier that is cheapest."""
        return self.parcel(stand, self.given(stand.free, left), further=further)

    def parcel(self, stand: Stand, given: Left, *, further: bool) -> Stop:
        """Price some pieces of a location by the courier that is cheapest."""
        key = (stand.site.code, given)
        if key not in self._cheapest:
            self._cheapest[key] = min(
                [(cost, lane.courier, lane) for cost, _, lane in self.prices(stand, given)], key=_by
            )
        cost, _, lane = self._cheapest[key]
        return Stop(stand.site, lane, given, cost + self.terms.split * further)

    def plan(self, stops: Sequence[Stop]) -> Plan:
        """Give some stops as a plan; what they leave of all that could be given counts where a weight says so."""
        codes = tuple([stop.site.code for stop in stops])
        cost, km = sum([stop.cost for stop in stops]), sum([stop.site.km for stop in stops])
        if self.terms.unfilled:
            cost += self.terms.unfilled * (self.fill - sum([sum(stop.given) for stop in stops]))
        return Plan(cost, len(stops), km, codes, tuple(stops))


_by: Final = itemgetter(0, 1)
"""By cost, then by courier."""


def freight_of(lane: Lane, grams: int, cm3: int) -> int:
    """Price what a courier carries: by weight, or by volume where that counts as more."""
    if lane.divisor:
        grams = max(grams, -(-cm3 * KG // lane.divisor))
    further = grams - lane.first_grams
    return lane.first_fen - (-further // lane.each_grams) * lane.each_fen if further > 0 else lane.first_fen


def thin_of(supply: Supply, code: str, skus: Sequence[str], free: Left) -> Left:
    """Say what a piece of each line costs more at a location, for the weeks that its free pieces last there."""
    sold = supply.sold.get(code, {})
    if not any(sold.get(sku) for sku in skus):
        return ()
    return tuple([_thin(supply, sold.get(sku, 0), there) for sku, there in zip(skus, free, strict=True)])


def _thin(supply: Supply, sold: int, free: int) -> int:
    """`sold` pieces go in four weeks, so `free` last 4 * free / sold weeks."""
    aim = supply.weeks * sold
    return supply.fen * max(0, aim - FOUR_WEEKS * free) // aim if aim else 0


def cleared_of(able: Sequence[Site], clearing: Clearing) -> frozenset[str]:
    """Name the SKUs of which some location that may be asked has pieces to clear."""
    marked = clearing.marked
    return frozenset([sku for site in able for sku in marked.get(site.code, ()) if site.free.get(sku, 0) > 0])


def other_of(clearing: Clearing, code: str, skus: Sequence[str], cleared: frozenset[str]) -> Left:
    """Say what a piece of each line costs more at a location because it should be taken where it is to be cleared."""
    here = clearing.marked.get(code, ())
    if not any(sku in cleared and sku not in here for sku in skus):
        return ()
    return tuple([clearing.fen if sku in cleared and sku not in here else 0 for sku in skus])


def _obstacle(site: Site, question: Question, terms: Terms) -> str:
    if site.barred:
        return site.barred
    if not {want.storage for want in question.wants}.issubset(site.storages):
        return "storage"
    return "" if terms.lanes.get(site.code) else "no_rate"
