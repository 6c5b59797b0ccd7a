"""What a rehearsed policy would have left on the shelves: the stock that was seen then, less what it took otherwise."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from hub.sourcing.model import Decision, Question, Site

Shelves = Mapping[tuple[str, str], int]
"""Pieces by (location, SKU)."""

NOTHING: Final[Shelves] = {}


class Carried:
    """The running stock of one policy: what history took and it did not is there still, and the other way about.

    Receipts and counts are in what each order saw. What history gave back, of a cancelled order say, is too, whether or
    not this policy had taken it there.
    """

    def __init__(self) -> None:
        self._more = Counter[tuple[str, str]]()
        self._of_batch: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self._used_up: set[tuple[str, str]] = set()

    def copy(self) -> "Carried":
        """Give one that goes on from here by itself."""
        other = Carried()
        other._more.update(self._more)
        other._of_batch.update({batch: Counter(taken) for batch, taken in self._of_batch.items()})
        other._used_up |= self._used_up
        return other

    def see(self, sites: Iterable[Site], skus: Iterable[str], batch: str = "") -> tuple[Site, ...]:
        """Give locations as they would stand to an order that wants these SKUs.

        An order of a batch that was decided together saw what history had not yet given to the others of it.
        """
        wanted, unseen = sorted(skus), self._of_batch.get(batch, NOTHING)
        return tuple([replace(site, free=self._free(site, wanted, unseen)) for site in sites])

    def take(self, history: Shelves, decided: Iterable[tuple[Question, Decision]], batch: str = "") -> None:
        """Carry on what this policy takes, beside what history took for the same order."""
        self._more.update(history)
        if batch:
            self._of_batch[batch].update(history)
        self._more.subtract(taken_by(decision for _, decision in decided))

    def emptied(self) -> Mapping[str, int]:
        """Count by location the SKUs that some order found gone here alone."""
        return dict(sorted(Counter([code for code, _ in self._used_up]).items()))

    def _free(self, site: Site, skus: Iterable[str], unseen: Shelves) -> dict[str, int]:
        free: dict[str, int] = {}
        for sku in skus:
            then = site.free.get(sku, 0)
            now = then + self._more[site.code, sku] - unseen.get((site.code, sku), 0)
            if now > 0:
                free[sku] = now
            elif then > 0:
                self._used_up.add((site.code, sku))
        return free


def taken_by(decisions: Iterable[Decision]) -> Counter[tuple[str, str]]:
    """Give the pieces that decisions take, by (location, SKU)."""
    taken = Counter[tuple[str, str]]()
    for decision in decisions:
        for choice in decision.choices:
            for take in choice.takes:
                taken[choice.code, take.sku] += take.quantity
    return taken
