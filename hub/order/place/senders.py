"""Which locations could send to a place now, by the rules of sourcing: what is promised to an address is theirs."""

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
    places = [place for place in find_places(session).values() if place.brand == brand]
    own = with_counts(session, own_policies(session, policy, {brand}), (), at).get(brand, Own(policy))
    able, terms = own.ask(rank(point_of(division), places), division, at, ())
    return frozenset([site.code for site in able if not site.barred and (terms is None or site.code in terms.lanes)])


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
