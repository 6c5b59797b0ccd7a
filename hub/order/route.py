"""Put the parts of an order to sourcing one after another, each seeing what the parts before it have taken."""

from collections.abc import Iterator, Mapping, Sequence

from hub.address.division import Point, kilometres
from hub.order.split import Lines
from hub.sourcing.greedy import decide
from hub.sourcing.model import Costs, Decision, Place, Question, Site


class Shelf:
    """Free pieces by (location, SKU), used up as a batch is planned: no piece is promised twice."""

    def __init__(self, free: Mapping[tuple[str, str], int]) -> None:
        self._free = dict(free)

    def free(self, location: str, skus: Sequence[str]) -> dict[str, int]:
        return {sku: pieces for sku in skus if (pieces := self._free.get((location, sku), 0)) > 0}

    def take(self, decision: Decision) -> None:
        for choice in decision.choices:
            for take in choice.takes:
                self._free[choice.code, take.sku] -= take.quantity


def rank(to: Point, points: Mapping[str, Point]) -> list[tuple[int, str]]:
    """Give kilometres and code of each place, the nearest first."""
    return sorted([(round(kilometres(to, point)), code) for code, point in points.items()])


def route(  # the parts of a question, named once here
    parts: Sequence[Lines],
    ranked: Sequence[tuple[int, str]],
    places: Mapping[str, Place],
    shelf: Shelf,
    version: str,
    costs: Costs,
    barred: frozenset[str],
) -> Iterator[tuple[Question, Decision]]:
    """Decide for each part where it comes from; the places stand as they are `ranked`, by kilometres and code."""
    for part in parts:
        skus = sorted({want.sku for want in part})
        sites = [_site(places[code], km, shelf.free(code, skus), barred) for km, code in ranked]
        question = Question(version, part, tuple(sites), costs)
        decision = decide(question)
        shelf.take(decision)
        yield question, decision


def _site(place: Place, km: int, free: dict[str, int], barred: frozenset[str]) -> Site:
    obstacle = "rejected_before" if place.code in barred else "" if place.active else "closed"
    return Site(place.code, km, place.handling, place.storages, free, obstacle)
