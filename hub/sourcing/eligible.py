"""Which locations are asked at all, by the policy; each that is not is told of with its reason."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from msgspec.structs import replace

from hub.sourcing.model import LocationKind, Site
from hub.sourcing.policy import SourcingPolicy, Standing
from hub.sourcing.promise import NO_CALENDAR, Calendar, leaves_after

REASONS: Final = frozenset({"excluded", "kind", "too_far", "outside", "method", "not_open", "capacity", "day_full"})
"""What only a policy says; the other reasons are the location's, or the order's."""

UNSOLD: Final = "lots"
"""Why a location is not asked though the goods lie there: what is left of them is of lots that are not sold."""

REJECTED: Final = "rejected_before"
NOT_WISHED: Final = "not_wished"
STAYS: Final = "stays_where_it_was"
"""Why a location is not asked for an order: it would not ship it, a person wants another, or the order has its own."""

ANYWHERE: Final = Standing()
NONE: Final[Mapping[str, int]] = {}
UNKNOWN: Final[Mapping[str, LocationKind]] = {}


class Load(NamedTuple):
    """How many documents are open at each location, and how many are made for the day that one made now counts to."""

    open_at: Mapping[str, int] = NONE
    made_for: Mapping[str, int] = NONE


IDLE: Final = Load()


def eliminate(
    sites: Sequence[Site],
    policy: SourcingPolicy,
    here: datetime,
    load: Load = IDLE,
    calendar: Calendar = NO_CALENDAR,
    kinds: Mapping[str, LocationKind] = UNKNOWN,
) -> Sequence[Site]:
    """Bar the sites that the policy leaves out; one that is barred already keeps its reason.

    `here` is in the business zone, whose hours the locations have; `kinds` are known where the policy asks for them.
    """
    out = {code: "kind" for code, kind in kinds.items() if kind in policy.eliminate.kinds}
    out |= dict.fromkeys(policy.eliminate.locations, "excluded")
    reasons = [
        "" if site.barred else out.get(site.code) or _reason(site, policy, here, load, calendar) for site in sites
    ]
    return [replace(site, barred=reason) if reason else site for site, reason in zip(sites, reasons, strict=True)]


def _reason(site: Site, policy: SourcingPolicy, here: datetime, load: Load, calendar: Calendar) -> str:
    rules, standing = policy.eliminate, policy.locations.get(site.code, ANYWHERE)
    if rules.max_km is not None and site.km > rules.max_km:
        return "too_far"
    if standing.radius_km is not None and site.km > standing.radius_km:
        return "outside"
    if policy.freight and standing.methods is not None and policy.freight.method not in standing.methods:
        return "method"
    if leaves_after(standing, policy.closed, here, calendar) is None:
        return "not_open"
    return _full(site.code, standing, load)


def _full(code: str, standing: Standing, load: Load) -> str:
    if standing.most_open is not None and load.open_at.get(code, 0) >= standing.most_open:
        return "capacity"
    return "day_full" if standing.most_a_day is not None and load.made_for.get(code, 0) >= standing.most_a_day else ""
