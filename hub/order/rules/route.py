"""Put the parts of an order to sourcing one after another, each seeing what the parts before it have taken."""

from collections import defaultdict
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from msgspec.structs import replace

from hub.address.division import Point, kilometres
from hub.order.rules.keepers import Keepers
from hub.order.rules.split import Lines
from hub.sourcing.eligible import UNSOLD
from hub.sourcing.freight import decide_freight
from hub.sourcing.greedy import decide
from hub.sourcing.model import Costs, Decision, Place, Question, Site, Terms

NOTHING: Final[dict[str, int]] = {}
NOWHERE: Final[Mapping[str, Collection[str]]] = {}
NONE_KEPT: Final[Mapping[str, Mapping[str, int]]] = {}


class Shelf:
    """Free pieces by (location, SKU), used up as a batch is planned: no piece is promised twice.

    `unsold` names by SKU the locations that have pieces of it in lots that are not sold; `kept` are back-orders by SKU
    and location that only those have who reach for them.
    """

    def __init__(
        self,
        free: Mapping[tuple[str, str], int],
        unsold: Mapping[str, Collection[str]] = NOWHERE,
        kept: Mapping[str, Mapping[str, int]] = NONE_KEPT,
    ) -> None:
        self._unsold = unsold
        self._kept = {sku: dict(left) for sku, left in kept.items()}
        self._free: defaultdict[str, dict[str, dict[str, int]]] = defaultdict(dict)
        for (location, sku), pieces in free.items():
            if pieces > 0:
                self._free[sku][location] = {sku: pieces}

    def free(self, skus: Sequence[str]) -> Mapping[str, dict[str, int]]:
        """Give what is free of some SKUs, by location, until something is taken."""
        if len(skus) == 1:
            return self._free[skus[0]]
        found: dict[str, dict[str, int]] = {}
        for sku in skus:
            for location, pieces in self._free[sku].items():
                found[location] = found[location] | pieces if location in found else pieces
        return found

    def bar(self, sites: Sequence[Site], skus: Sequence[str]) -> Sequence[Site]:
        """Bar those of the sites that have some of these SKUs, and nothing of them but what is not sold."""
        there = {code for sku in skus for code in self._unsold.get(sku, ())} if self._unsold else ()
        if not there:
            return sites
        out = [not (site.barred or site.free) and site.code in there for site in sites]
        return [replace(site, barred=UNSOLD) if unsold else site for site, unsold in zip(sites, out, strict=True)]

    @contextmanager
    def reaching(self, skus: Collection[str]) -> Generator[None]:
        """Let back-orders of some SKUs be had that are kept from others; what is there goes first."""
        opened = [(sku, left) for sku in skus if (left := self._kept.get(sku))]
        for sku, left in opened:
            for location, pieces in left.items():
                self._put(location, sku, self._pieces(location, sku) + pieces)
        yield
        for sku, left in opened:
            for location, before in left.items():
                pieces = self._pieces(location, sku)
                left[location] = min(before, pieces)
                self._put(location, sku, pieces - left[location])

    def take(self, decision: Decision) -> None:
        for choice in decision.choices:
            for take in choice.takes:
                self._put(choice.code, take.sku, self._pieces(choice.code, take.sku) - take.quantity)

    def _pieces(self, location: str, sku: str) -> int:
        return self._free[sku].get(location, NOTHING).get(sku, 0)

    def _put(self, location: str, sku: str, pieces: int) -> None:
        if pieces > 0:
            self._free[sku][location] = {sku: pieces}  # questions keep what they were asked with
        else:
            self._free[sku].pop(location, None)


def rank(to: Point, places: Iterable[Place]) -> list[Site]:
    """Give the places as sites that nothing is asked of yet, the nearest first."""
    ranked = sorted([(round(kilometres(to, place.point)), place.code, place) for place in places])
    return [
        Site(place.code, km, place.handling, place.storages, NOTHING, "" if place.active else "closed")
        for km, _, place in ranked
    ]


def route(
    parts: Sequence[Lines],
    ranked: Sequence[Site],
    shelf: Shelf,
    version: str,
    costs: Costs,
    barred: Mapping[str, str],
    terms: Terms | None = None,
    keepers: Keepers | None = None,
) -> Iterator[tuple[Question, Decision]]:
    """Decide for each part where it comes from; the sites stand as they are `ranked`.

    With `terms`, which a brand with rate cards has, the courier is chosen together with the location.
    """
    for question in ask(parts, ranked, shelf, version, costs, barred, terms, keepers):
        decision = decide(question) if terms is None else decide_freight(question)
        shelf.take(decision)
        yield question, decision


def ask(
    parts: Sequence[Lines],
    ranked: Sequence[Site],
    shelf: Shelf,
    version: str,
    costs: Costs,
    barred: Mapping[str, str],
    terms: Terms | None = None,
    keepers: Keepers | None = None,
) -> Iterator[Question]:
    """Put each part as a question, on what is on the shelf when it comes to it; `barred` has a reason by location.

    What `keepers` alone may send is asked of them.
    """
    if barred:
        ranked = [replace(site, barred=barred[site.code]) if site.code in barred else site for site in ranked]
    for part in keepers.cut(parts) if keepers else parts:
        skus = sorted({want.sku for want in part})
        free = shelf.free(skus)
        sites = [
            Site(one.code, one.km, one.handling, one.storages, free.get(one.code, NOTHING), one.barred)
            if one.free or one.code in free
            else one
            for one in (keepers.bar(ranked, part) if keepers else ranked)
        ]
        yield Question(version, part, tuple(shelf.bar(sites, skus)), costs, terms)
