"""Which locations are asked at all, by the policy; each that is not is told of with its reason."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from hub.sourcing.model import Site
from hub.sourcing.policy import SourcingPolicy, Standing
from hub.sourcing.promise import leaves_after

REASONS: Final = frozenset({"excluded", "too_far", "outside", "method", "not_open", "capacity"})
"""What only a policy says; the other reasons are the location's, or the order's."""

ANYWHERE: Final = Standing()
NONE: Final[Mapping[str, int]] = {}


def eliminate(
    sites: Sequence[Site], policy: SourcingPolicy, here: datetime, open_at: Mapping[str, int] = NONE
) -> Sequence[Site]:
    """Bar the sites that the policy leaves out; one that is barred already keeps its reason.

    `here` is in the business zone, whose hours the locations have; `open_at` says how many documents are open at each.
    """
    return [
        replace(site, barred=reason) if not site.barred and (reason := _reason(site, policy, here, open_at)) else site
        for site in sites
    ]


def _reason(site: Site, policy: SourcingPolicy, here: datetime, open_at: Mapping[str, int]) -> str:
    rules, standing = policy.eliminate, policy.locations.get(site.code, ANYWHERE)
    if site.code in rules.locations:
        return "excluded"
    if rules.max_km is not None and site.km > rules.max_km:
        return "too_far"
    if standing.radius_km is not None and site.km > standing.radius_km:
        return "outside"
    if policy.freight and standing.methods is not None and policy.freight.method not in standing.methods:
        return "method"
    if leaves_after(standing, policy.closed, here) is None:
        return "not_open"
    full = standing.most_open is not None and open_at.get(site.code, 0) >= standing.most_open
    return "capacity" if full else ""
