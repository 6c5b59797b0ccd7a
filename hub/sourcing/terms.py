"""The terms that one order is sourced by: each location's lanes to where it goes, as they are at this hour."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from hub.address.division import ancestry, divisions
from hub.sourcing.eligible import ANYWHERE
from hub.sourcing.model import Lane, Site, Terms
from hub.sourcing.policy import Freight, SourcingPolicy
from hub.sourcing.promise import leaves_after
from hub.sourcing.rates import ANY, Card


def terms_of(
    policy: SourcingPolicy, freight: Freight, card: Card, sites: Sequence[Site], to: str, here: datetime
) -> Terms:
    """Give the terms for a division; `here` is in the business zone. A location without a lane is not in them."""
    destinations = destinations_of(policy, to)
    lanes = {
        site.code: found
        for site in sites
        if not site.barred and (found := tuple(_lanes(policy, freight, card, site.code, destinations, here)))
    }
    weights = (freight.split, freight.per_day, freight.per_1000_km, freight.scarcity)
    return Terms(here.date().isoformat(), lanes, *weights)


def destinations_of(policy: SourcingPolicy, to: str) -> Sequence[str]:
    """Name what a line of a card may call a division: itself, what it lies in, the zones of those, and anywhere."""
    codes = [each.code for each in reversed(ancestry(to))] if to in divisions() else []
    zones = [zone for zone, of in policy.zones.items() if not set(of).isdisjoint(codes)]
    return [*codes, *zones, ANY]


def _lanes(
    policy: SourcingPolicy, freight: Freight, card: Card, code: str, destinations: Sequence[str], here: datetime
) -> Iterator[Lane]:
    standing = policy.locations.get(code, ANYWHERE)
    after = leaves_after(standing, policy.closed, here)
    if after is None:
        return
    origins = [code, standing.zone, ANY] if standing.zone else [code, ANY]
    for rate in card.find(freight.method, origins, destinations, here.date()):
        if freight.couriers is None or rate.courier in freight.couriers:
            yield rate.lane(after)
