"""Who serves each brand: which connection books its sales, follows its parcels, and has a courier's brought back."""

from collections.abc import Callable

from connectors.registry import Registry
from hub.audience import COURIERS, ERP, STOPS
from hub.ports import InterceptDesk, ParcelTracker

Find = Callable[[str], object | None]
"""Gives the partner of a connection; None for one that cannot be made now."""


def serving(connectors: Registry, find: Find) -> dict[tuple[str, str], str]:
    """Name the connection of each (brand, family): the first by its name that can.

    A courier that cannot be made now (its secret is missing) is taken for one that follows parcels where no other does:
    what is to be asked of it waits. It stops none meanwhile: a person is asked to.
    """
    served: dict[tuple[str, str], str] = {}
    for brand in {connectors.brand_of(name) for name in connectors.names()}:
        erps = connectors.serving(ERP, brand)
        couriers = {name: find(name) for name in connectors.serving(COURIERS, brand)}
        follow = [name for name, one in couriers.items() if not _only_stops(one)]
        trackers = sorted(follow, key=lambda name: couriers[name] is None)  # else in the order of their names
        served |= {(brand, family): names[0] for family, names in ((ERP, erps), (COURIERS, trackers)) if names}
        for name, partner in couriers.items():
            for courier in partner.stops if isinstance(partner, InterceptDesk) else ():
                served.setdefault((brand, f"{STOPS}{courier}"), name)
    return served


def _only_stops(partner: object | None) -> bool:
    return isinstance(partner, InterceptDesk) and not isinstance(partner, ParcelTracker)
