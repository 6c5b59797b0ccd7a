"""The terms that one order is sourced by: each location's lanes to where it goes, and the weights, as of this hour."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from hub.address.division import ancestry, divisions
from hub.sourcing.eligible import ANYWHERE
from hub.sourcing.model import Clearing, Lane, Site, Supply, Terms
from hub.sourcing.policy import Freight, SourcingPolicy, Weights
from hub.sourcing.promise import NO_CALENDAR, Calendar, carried_after, leaves_after
from hub.sourcing.rates import ANY, Card

KG: Final = 1000
NOTHING: Final[Mapping[tuple[str, str], int]] = {}


class Grounds(NamedTuple):
    """What terms are made from: a policy with its card and calendar, and the pieces sold in four weeks by (SKU, code).

    Without a card the policy's own tariff carries.
    """

    policy: SourcingPolicy
    card: Card | None = None
    calendar: Calendar = NO_CALENDAR
    sold: Mapping[tuple[str, str], int] = NOTHING


def terms_of(on: Grounds, sites: Sequence[Site], to: str, here: datetime, skus: Collection[str]) -> Terms | None:
    """Give the terms for some SKUs to a division; `here` is in the business zone.

    None where a policy has no card, no weights and no price of splitting. A location without a lane is not in them.
    """
    policy = on.policy
    weights, able = policy.weights, [site for site in sites if not site.barred]
    if policy.freight is None or on.card is None:
        if not weights.any and not policy.costs.split:
            return None
        lane = Lane("", "", KG, policy.costs.parcel, KG, policy.costs.per_further_kg, 0, 0)
        lanes = dict.fromkeys([site.code for site in able], (lane,))
        penalties = (policy.costs.split, 0, policy.costs.per_1000_km, 0)
    else:
        freight, destinations = policy.freight, destinations_of(policy, to)
        found = {site.code: tuple(_lanes(on, freight, on.card, site.code, destinations, here)) for site in able}
        lanes = {code: carried for code, carried in found.items() if carried}
        penalties = (freight.split, freight.per_day, freight.per_1000_km, freight.scarcity)
    supply = _supply(weights, on, able, skus) if weights.supply else None
    clearing = _clearing(policy, able, skus) if weights.markdown else None
    return Terms(here.date().isoformat(), lanes, *penalties, weights.unfilled, supply, clearing)


def destinations_of(policy: SourcingPolicy, to: str) -> Sequence[str]:
    """Name what a line of a card may call a division: itself, what it lies in, the zones of those, and anywhere.

    Of two zones the one that names what is nearer comes first.
    """
    codes = [each.code for each in reversed(ancestry(to))] if to in divisions() else []
    zones = dict.fromkeys([zone for code in codes for zone, of in policy.zones.items() if code in of])
    return [*codes, *zones, ANY]


def _lanes(
    on: Grounds, freight: Freight, card: Card, code: str, destinations: Sequence[str], here: datetime
) -> Iterator[Lane]:
    standing = on.policy.locations.get(code, ANYWHERE)
    after = leaves_after(standing, on.policy.closed, here, on.calendar)
    if after is None:
        return
    leaves = here.date() + timedelta(days=after)
    origins = [code, standing.zone, ANY] if standing.zone else [code, ANY]
    for rate in card.find(freight.method, origins, destinations, here.date()):
        if freight.couriers is None or rate.courier in freight.couriers:
            carried = carried_after(leaves, rate.days, freight.couriers_rest, on.calendar)
            yield rate.lane(after + carried - rate.days)


def _supply(weights: Weights, on: Grounds, able: Sequence[Site], skus: Collection[str]) -> Supply:
    by_site = {
        site.code: {sku: pieces for sku in sorted(skus) if (pieces := on.sold.get((sku, site.code), 0))}
        for site in able
    }
    return Supply(weights.supply, weights.weeks, {code: sold for code, sold in by_site.items() if sold})


def _clearing(policy: SourcingPolicy, able: Sequence[Site], skus: Collection[str]) -> Clearing | None:
    """Give what some location is to be cleared of; None where it is nothing of these."""
    marked: dict[str, tuple[str, ...]] = {}
    for site in able:
        clear = policy.locations.get(site.code, ANYWHERE).clear
        named = sorted(skus) if clear is True else sorted((clear or frozenset()).intersection(skus))
        if named:
            marked[site.code] = tuple(named)
    return Clearing(policy.weights.markdown, marked) if marked else None
