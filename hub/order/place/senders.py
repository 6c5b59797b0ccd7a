"""Which locations could send to a place now, by the rules of sourcing: what is promised to an address is theirs."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from hub.address.division import divisions, point_of
from hub.errors import Malformed
from hub.order.place.brand_policy import Own, own_policies, with_counts
from hub.order.rules.policy import POLICY, Policy
from hub.order.rules.route import rank
from hub.sourcing.location import find_places


def senders_to(session: Session, brand: str, division: str, at: datetime, policy: Policy = POLICY) -> frozenset[str]:
    """Name the locations of a brand that an order to a division would be sourced from, whatever they have.

    One that is closed, that the brand's policy leaves out for there, or that no courier carries from is not among them.
    `at` is in the business zone. Raises: Malformed for a division that there is not (unknown_division).
    """
    check_division(division)
    return senders_of(session, {(brand, division)}, at, policy)[brand, division]


def senders_of(
    session: Session, asked: Collection[tuple[str, str]], at: datetime, policy: Policy = POLICY
) -> Mapping[tuple[str, str], frozenset[str]]:
    """Name the senders to each of some (brand, division), as `senders_to`; the divisions are of the official table."""
    if not asked:
        return {}
    places = find_places(session).values()
    own = with_counts(session, own_policies(session, policy, {brand for brand, _ in asked}), (), at)
    found: dict[tuple[str, str], frozenset[str]] = {}
    for brand, division in asked:
        ranked = rank(point_of(division), [place for place in places if place.brand == brand])
        able, terms = own.get(brand, Own(policy)).ask(ranked, division, at, ())
        able = [site for site in able if not site.barred and (terms is None or site.code in terms.lanes)]
        found[brand, division] = frozenset([site.code for site in able])
    return found


def check_division(division: str) -> None:
    """Make sure that a code is of the official table.

    Raises: Malformed (unknown_division).
    """
    if division not in divisions():
        raise Malformed(
            f"no division has the code {division}: take one of the official table, 310115 for one",
            code="unknown_division",
            field="division",
            zh=f"没有代码为 {division} 的行政区划，请使用官方代码，例如 310115",
        )
