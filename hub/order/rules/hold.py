"""Why an order must wait: each rule is a function of the normalised order and the evidence, chosen in the policy."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from hub.order.model import OrderType
from hub.order.rules.normalise import NormalOrder
from hub.review.verdict import Act, Hold, HoldType

SAFE_ADDRESS: Final = 0.6
"""The confidence from which on an address may be routed without a person (hub.address.match)."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an order does not say: one of the same buyer, day and total that came shortly before; the moment, here."""

    twin: int | None = None
    here: datetime | None = None


Rule = Callable[[NormalOrder, Evidence], Hold | None]


def holds_of(order: NormalOrder, evidence: Evidence, rules: Sequence[Rule]) -> list[Hold]:
    """Ask every rule; none hides another, so that a person sees all reasons at once."""
    return [hold for rule in rules if (hold := rule(order, evidence))]


def unplaced_address(order: NormalOrder, _evidence: Evidence) -> Hold | None:
    if order.place.confidence >= SAFE_ADDRESS:
        return None
    return Hold(HoldType.ADDRESS, "unplaced_address", {"confidence": round(order.place.confidence, 3)})


def unpaid(order: NormalOrder, _evidence: Evidence) -> Hold | None:
    return None if order.order.paid_at else Hold(HoldType.FINANCE, "unpaid")


def planned(day: date, here: datetime) -> datetime:
    """Give the moment from which goods of a day may be sent: its beginning in the business zone."""
    return datetime.combine(day, time.min, here.tzinfo)


def presale(order: NormalOrder, evidence: Evidence) -> Hold | None:
    """Hold an order of a pre-sale until the day from which all of it can be sent, or for a person if none is known."""
    if order.order.type is not OrderType.PRESALE:
        return None
    of_goods = [line.product.traits.available_from for line in order.lines if line.ships and line.product.traits]
    days = [day for day in of_goods if day]
    if not days or evidence.here is None:
        return Hold(HoldType.PRESALE, "presale")
    moment = planned(max(days), evidence.here)
    if moment <= evidence.here:
        return None
    return Hold(HoldType.PRESALE, "presale", {"planned": max(days).isoformat()}, expires_at=moment)


def twin(_order: NormalOrder, evidence: Evidence) -> Hold | None:
    return Hold(HoldType.DUPLICATE, "twin", {"order": evidence.twin}) if evidence.twin else None


def remark_asks(pattern: str) -> Rule:
    """Make the rule that stops an order whose remark asks for something a machine cannot do."""
    wish = re.compile(pattern)

    def rule(order: NormalOrder, _evidence: Evidence) -> Hold | None:
        found = wish.search(order.order.remark)
        return Hold(HoldType.REMARK, "remark_asks", {"word": found[0]}) if found else None

    return rule


def heavier_than(limit: int) -> Rule:
    """Make the rule that has a person look at what is no parcel trade any more: above `limit` grams in one order."""

    def rule(order: NormalOrder, _evidence: Evidence) -> Hold | None:
        grams = sum(line.ordered * line.product.grams for line in order.lines if line.ships)
        return Hold(HoldType.FRAUD, "heavier_than", {"grams": grams, "limit": limit}) if grams > limit else None

    return rule


def total_above(limit: int) -> Rule:
    """Make the rule that has a person look at orders above `limit` minor units."""

    def rule(order: NormalOrder, _evidence: Evidence) -> Hold | None:
        if order.order.total <= limit:
            return None
        return Hold(HoldType.FRAUD, "total_above", {"total": order.order.total, "limit": limit})

    return rule


def blocked(holds: Sequence[Hold]) -> bool:
    """Say whether any hold keeps an order from being routed."""
    return any(hold.stops(Act.ROUTE) for hold in holds)


def withheld(holds: Sequence[Hold]) -> bool:
    """Say whether any hold keeps what needs no source from being handed over."""
    return any(hold.stops(Act.ROUTE) or hold.stops(Act.RELEASE) for hold in holds)
