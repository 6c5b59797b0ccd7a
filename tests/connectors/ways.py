"""The ways that errands go: which there are, and each with a road of its own between connector and stand-in."""

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final, final

import pytest

from hub.settings import Http
from sandbox.rough_road import RoughRoad, rough_road
from tests.connectors.errands import PATIENT, Errand, Stand, partner_of
from tests.connectors.stands import (
    KdniaoStand,
    QimenStand,
    SfStand,
    StorefrontStand,
    kdniao_stand,
    qimen_stand,
    sf_stand,
    storefront_stand,
)
from tests.connectors.stands_asked import SapStand, TaobaoStand, sap_stand, taobao_stand

OPENERS: Final[Mapping[type[Stand], Callable[[], AbstractContextManager[Stand]]]] = {
    StorefrontStand: storefront_stand,
    TaobaoStand: taobao_stand,
    QimenStand: qimen_stand,
    SapStand: sap_stand,
    KdniaoStand: kdniao_stand,
    SfStand: sf_stand,
}
ERRANDS: Final = [(kind, name) for kind in OPENERS for name in kind.errands]

every_errand = pytest.mark.parametrize(
    ("kind", "name"), ERRANDS, ids=[f"{kind.kind}: {name}" for kind, name in ERRANDS]
)


@final
class Way:
    """An errand, and the road to its partner."""

    def __init__(self, stand: Stand, road: RoughRoad, name: str) -> None:
        self.stand, self.road = stand, road
        self.errand: Errand = stand.errands[name](stand)

    def partner(self, limits: Http = PATIENT) -> Any:  # noqa: ANN401 # whatever ports it serves
        return partner_of(self.stand, self.road.url, limits, **self.errand.fields)

    def times_passed(self) -> int:
        """Say how often the request that meets the trouble has reached the partner."""
        return sum(self.errand.holding in request for request in self.road.rest().passed_on)

    def executed(self) -> int | None:
        """Say how often the partner has executed it, by its own books; None for a question."""
        return self.errand.effects() if self.errand.effects else None


@contextmanager
def stands() -> Generator[Callable[[type[Stand]], Stand]]:
    """Start each stand-in when it is first asked for, and end all of them."""
    with ExitStack() as stack:
        opened: dict[type[Stand], Stand] = {}

        def find(kind: type[Stand]) -> Stand:
            if kind not in opened:
                opened[kind] = stack.enter_context(OPENERS[kind]())
            return opened[kind]

        yield find


@contextmanager
def way_of(stand: Stand, name: str) -> Generator[Way]:
    with rough_road(stand.url) as road:
        yield Way(stand, road, name)
