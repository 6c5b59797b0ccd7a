"""Remember which places are nearest to where goods go."""

from collections.abc import Sequence
from functools import lru_cache

from hub.address.division import Point, point_of
from hub.order.rules.keepers import keepers_of
from hub.order.rules.route import rank
from hub.sourcing.model import Place, Site


class Rankings:
    """Remembers how far some places are from a few thousand divisions."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self.keepers = keepers_of(places)
        self._known: dict[str, Sequence[Site]] = {}
        self._ranked: dict[Point, Sequence[Site]] = {}

    def nearest(self, to: str) -> Sequence[Site]:
        """Rank the places for a division; its towns lie where it does."""
        if to not in self._known:
            point = point_of(to)
            if point not in self._ranked:
                self._ranked[point] = rank(point, self._places)
            self._known[to] = self._ranked[point]
        return self._known[to]


@lru_cache(maxsize=32)
def rankings(places: tuple[Place, ...]) -> Rankings:
    """Give the rankings of some places, the same ones each time."""
    return Rankings(places)
