"""What rehearsed plans come to: sums by day, and the figures that are told of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol

from hub.document import Document
from hub.order.rehearse.batch import Batches
from hub.sourcing.model import Choice, Decision, Question

MEANS: Final = ("own_cost", "km", "days", "promised")


class Pricing(Protocol):
    """Prices one parcel."""

    def price(self, question: Question, choice: Choice) -> int: ...


@dataclass(slots=True)
class Sum:
    """What some plans come to. `cost` is by the prices in force, `own_cost` by the policy's own; minor units."""

    orders: int = 0
    whole: int = 0
    parcels: int = 0
    pieces: int = 0
    wanted: int = 0
    cost: int = 0
    own_cost: int = 0
    km: int = 0
    days: int = 0
    promised: int = 0
    by_location: Counter[str] = field(default_factory=Counter[str])


class Figures(Document):
    """A policy's sums: `one_parcel` counts orders that left whole in one, `km` is the mean of a parcel, `fill` a part.

    `share` says which part of the pieces each location gave, `days` how many it takes a parcel on average to arrive,
    None where nobody promises.
    """

    orders: int
    one_parcel: int
    parcels: int
    pieces: int
    cost: int
    own_cost: int
    km: float
    days: float | None
    fill: float
    share: Mapping[str, float]


class Side(Document):
    """One of the two policies: its sums, and those of each day.

    `emptied` counts by location the SKUs that an order found gone because of it; `full_days` the days that got all the
    documents that they may; `batches` those that it decided together, where it does so.
    """

    version: str
    total: Figures
    series: Mapping[date, Figures]
    emptied: Mapping[str, int] = {}
    full_days: Mapping[str, int] = {}
    batches: Batches | None = None


def add(to: Sum, plan: Sequence[tuple[Question, Decision]], prices: Pricing) -> None:
    """Count what was decided for one order."""
    to.orders += 1
    parcels = missing = 0
    for question, decision in plan:
        km = {site.code: site.km for site in question.sites}
        missing += sum(take.quantity for take in decision.unmet)
        to.wanted += sum(want.quantity for want in question.wants)
        to.own_cost += decision.cost
        for choice in decision.choices:
            parcels += 1
            to.km += km[choice.code]
            to.by_location[choice.code] += sum(take.quantity for take in choice.takes)
            to.cost += prices.price(question, choice)
            if question.terms and choice.promise:
                to.days += (date.fromisoformat(choice.promise) - date.fromisoformat(question.terms.day)).days
                to.promised += 1
    to.parcels += parcels
    to.whole += parcels == 1 and not missing
    to.pieces = to.by_location.total()


def side_of(
    version: str,
    by_day: Mapping[date, Sum],
    emptied: Mapping[str, int],
    full_days: Mapping[str, int],
    batches: Batches | None = None,
) -> Side:
    """Give the figures of a policy, over all days and by day."""
    total = Sum()
    for one in by_day.values():
        for name in ("orders", "whole", "parcels", "pieces", "wanted", "cost", *MEANS):
            setattr(total, name, getattr(total, name) + getattr(one, name))
        total.by_location.update(one.by_location)
    series = {day: _figures(by_day[day]) for day in sorted(by_day)}
    return Side(
        version=version,
        total=_figures(total),
        series=series,
        emptied=emptied,
        full_days=full_days,
        batches=batches,
    )


def _figures(one: Sum) -> Figures:
    return Figures(
        orders=one.orders,
        one_parcel=one.whole,
        parcels=one.parcels,
        pieces=one.pieces,
        cost=one.cost,
        own_cost=one.own_cost,
        km=round(one.km / one.parcels, 1) if one.parcels else 0.0,
        days=round(one.days / one.promised, 2) if one.promised else None,
        fill=round(one.pieces / one.wanted, 4) if one.wanted else 1.0,
        share={code: round(pieces / one.pieces, 4) for code, pieces in sorted(one.by_location.items())},
    )
