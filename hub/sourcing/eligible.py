"""Which locations are asked at all, by the policy; each that is not is told of with its reason."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from hub.sourcing.model import Site
from hub.sourcing.policy import Elimination

REASONS: Final = frozenset({"excluded", "too_far"})
"""What only a policy says; the other reasons are the location's, or the order's."""


def eliminate(sites: Sequence[Site], rules: Elimination) -> Sequence[Site]:
    """Bar the sites that the policy leaves out; one that is barred already keeps its reason."""
    return [replace(site, barred=reason) if (reason := _reason(site, rules)) else site for site in sites]


def _reason(site: Site, rules: Elimination) -> str:
    if site.barred:
        return ""
    if site.code in rules.locations:
        return "excluded"
    return "too_far" if rules.max_km is not None and site.km > rules.max_km else ""
