"""Decide the questions of the last days again, by the policy in force and by a draft, and compare what comes."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import inf
from time import monotonic
from typing import Final

from sqlalchemy.orm import Session

from hub.database import run
from hub.document import Document
from hub.order.place.brand_policy import Own, own_policies, under
from hub.order.rehearse.asked import Asked, asked_since, with_values
from hub.order.rules.policy import Policy
from hub.order.rules.route import Shelf, route
from hub.order.rules.split import split
from hub.sourcing.freight import Asking
from hub.sourcing.greedy import cost_of
from hub.sourcing.model import Choice, Decision, Question
from hub.sourcing.policy import SourcingPolicy
from hub.sourcing.rerun import stored_decisions

MEANS: Final = ("own_cost", "km", "days", "promised")


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
    """One of the two policies: its sums, and those of each day."""

    version: str
    total: Figures
    series: Mapping[date, Figures]


class Comparison(Document):
    """Both policies over the same questions; `moved` counts the orders that would ship otherwise.

    `more` says that later ones were left for want of time.
    """

    brand: str
    orders: int
    moved: int
    more: bool
    in_force: Side
    draft: Side


def compare_policies(
    session: Session,
    draft: SourcingPolicy,
    policy: Policy,
    since: datetime,
    longest_s: float = inf,
    clock: Callable[[], float] = monotonic,
) -> Comparison:
    """Compare a draft with what its brand is sourced by, over what was asked since then; nothing can be written.

    Each order is decided on the stock that it saw then, so what one policy would have left for the next order is not
    in it. `since` is in the business zone, whose days the series has. After `longest_s` it tells of what was decided
    until then.
    """
    run(session, "set transaction read only")
    now = own_policies(session, policy, {draft.brand}).get(draft.brand, Own(policy))
    then = under(session, policy, draft)
    sums: tuple[defaultdict[date, Sum], ...] = (defaultdict(Sum), defaultdict(Sum))
    orders, moved, more, until_s = 0, 0, False, clock() + longest_s
    every = asked_since(stored_decisions(session, since=since, brand=draft.brand), since)
    for asked in with_values(session, every) if now.valued or then.valued else every:
        if more := clock() >= until_s:
            break
        plans = [list(plan_again(asked, own)) for own in (now, then)]
        for plan, by_day in zip(plans, sums, strict=True):
            _add(by_day[asked.here.date()], plan, Prices(now, asked))
        orders += 1
        moved += _takes(plans[0]) != _takes(plans[1])
    sides = [_side(own.policy.version, by_day) for own, by_day in zip((now, then), sums, strict=True)]
    return Comparison(brand=draft.brand, orders=orders, moved=moved, more=more, in_force=sides[0], draft=sides[1])


def plan_again(asked: Asked, own: Own) -> Iterator[tuple[Question, Decision]]:
    """Decide what an order needed by a policy, as placing it would."""
    shelf = Shelf({(site.code, sku): pieces for site in asked.sites for sku, pieces in site.free.items()})
    policy, (ranked, terms) = own.policy, own.ask(asked.sites, asked.to, asked.here)
    return route(split(asked.wants, policy.splitters), ranked, shelf, policy.version, policy.costs, frozenset(), terms)


class Prices:
    """What parcels of one order cost by the policy in force, whoever has planned them."""

    def __init__(self, own: Own, asked: Asked) -> None:
        self._costs, self._terms = own.policy.costs, own.ask(asked.sites, asked.to, asked.here)[1]

    def price(self, question: Question, choice: Choice) -> int:
        """Price one parcel; by the tariff where the card in force does not go."""
        site = next(one for one in question.sites if one.code == choice.code)
        taken = {take.line_no: take.quantity for take in choice.takes}
        given = tuple([taken.get(want.line_no, 0) for want in question.wants])
        if self._terms and site.code in self._terms.lanes:
            asking = Asking(question, self._terms)
            return min(cost for cost, _, _ in asking.prices(asking.stand(site), given))
        grams = sum(pieces * want.grams for want, pieces in zip(question.wants, given, strict=True))
        return cost_of(site, grams, self._costs)


def _add(to: Sum, plan: Sequence[tuple[Question, Decision]], prices: Prices) -> None:
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


def _takes(plan: Sequence[tuple[Question, Decision]]) -> list[tuple[str, int, int]]:
    chosen = [choice for _, decision in plan for choice in decision.choices]
    return sorted((choice.code, take.line_no, take.quantity) for choice in chosen for take in choice.takes)


def _side(version: str, by_day: Mapping[date, Sum]) -> Side:
    total = Sum()
    for one in by_day.values():
        for name in ("orders", "whole", "parcels", "pieces", "wanted", "cost", *MEANS):
            setattr(total, name, getattr(total, name) + getattr(one, name))
        total.by_location.update(one.by_location)
    return Side(version=version, total=_figures(total), series={day: _figures(by_day[day]) for day in sorted(by_day)})


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
