"""Why an order must wait: each rule is a function of the normalised order and the evidence, chosen in the policy."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Final

from hub.order.model import OrderType
from hub.order.rules.normalise import NormalLine, NormalOrder, mains_of
from hub.review.verdict import Act, Hold, HoldType

SAFE_ADDRESS: Final = 0.6
"""The confidence from which on an address may be routed without a person (hub.address.match)."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an order does not say: one of the same buyer, day and total that came shortly before; the moment, here."""

    twin: int | None = None
    here: datetime | None = None


Rule = Callable[[NormalOrder, Evidence], Hold | None]
LineRule = Callable[[NormalLine], Hold | None]


def holds_of(
    order: NormalOrder, evidence: Evidence, rules: Sequence[Rule], line_rules: Sequence[LineRule] = ()
) -> list[Hold]:
    """Ask every rule, and some of each line; none hides another, so that a person sees all reasons at once."""
    held = [hold for rule in rules if (hold := rule(order, evidence))]
    return held + [hold for rule in line_rules for line in order.lines if (hold := rule(line))]


def blocked(holds: Sequence[Hold]) -> bool:
    """Say whether any hold keeps the whole order from being routed."""
    return any(hold.of_order and hold.stops(Act.ROUTE) for hold in holds)


def withheld(holds: Sequence[Hold], line_no: int) -> bool:
    """Say whether any hold keeps a line that needs no source from being handed over."""
    of = [hold for hold in holds if hold.of_order or hold.line_no == line_no]
    return any(hold.stops(Act.ROUTE) or hold.stops(Act.RELEASE) for hold in of)


def virtual_lines(order: NormalOrder, holds: Sequence[Hold]) -> list[NormalLine]:
    """Give the lines of an order that nothing is sent of and nothing keeps from being handed over."""
    return [line for line in order.virtual_lines if not withheld(holds, line.line_no)]


def held_lines(holds: Sequence[Hold], act: Act) -> frozenset[int]:
    """Give the lines that holds of their own keep from an act."""
    return frozenset([hold.line_no for hold in holds if hold.line_no is not None and hold.stops(act)])


def with_gifts(holds: Sequence[Hold], lines: Sequence[NormalLine]) -> Sequence[Hold]:
    """Hold the gifts of a line that is held for what it is held for: nothing is given with what does not leave."""
    held = [hold for hold in holds if hold.line_no is not None]
    if not held:
        return holds
    there = {(hold.rule, hold.version, hold.line_no) for hold in held}
    gifts = [
        replace(hold, line_no=gift, evidence={**hold.evidence, "with": main})
        for gift, main in mains_of(lines).items()
        for hold in held
        if hold.line_no == main and (hold.rule, hold.version, gift) not in there
    ]
    return [*holds, *gifts]


def unplaced_address(order: NormalOrder, _evidence: Evidence) -> Hold | None:
    if order.place.confidence >= SAFE_ADDRESS:
        return None
    return Hold(HoldType.ADDRESS, "unplaced_address", {"confidence": round(order.place.confidence, 3)})


def unpaid(order: NormalOrder, _evidence: Evidence) -> Hold | None:
    return None if order.order.paid_at else Hold(HoldType.FINANCE, "unpaid", quiet=True)


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


def refund_asked(line: NormalLine) -> Hold | None:
    """Hold what the buyer asks the money of back: sent all the same, it would have to come back."""
    if not line.refund_requested or line.kind == "bundle":
        return None
    acts = (Act.ROUTE.value, Act.RELEASE.value)
    return Hold(HoldType.FINANCE, "refund_asked", {"sku": line.product.sku}, acts, line_no=line.line_no)


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
