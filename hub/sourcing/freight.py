"""Decide where goods come from and who carries them, by rate cards and weights: location and courier at once.

The plans that are looked at do not depend on prices: each location alone, each pair, and where no pair has all, for
each location that begins the cover that takes most pieces next. The cheapest is chosen, so a lower price never makes
the chosen plan dearer. Where pieces may stay unfilled at a price, plans that leave some, or all, are among them.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from hub.sourcing.asking import Asking, Left, Plan, Stand, Stop
from hub.sourcing.model import Choice, Decision, Question
from hub.sourcing.promise import arrives
from hub.sourcing.tell_carried import candidates_of, less, options_of, takes_of

FREIGHT: Final = "greedy-2"
WEIGHED: Final = "greedy-3"
"""The same with a policy's weights; what is decided without any keeps the name that it had."""


def decide_freight(question: Question) -> Decision:
    """Choose locations and couriers. The same question always gets the same answer.

    Raises: ValueError for a question without terms.
    """
    if question.terms is None:
        raise ValueError("this solver decides questions with terms alone")
    asking = Asking(question, question.terms)
    whole = [asking.stop(stand, asking.wanted, further=False) for stand in asking.able]
    plan = min(_plans(asking, whole), default=asking.plan(()), key=lambda one: one[:4])
    left = asking.wanted
    for stop in plan.stops:
        left = less(left, stop.given)
    choices = tuple([choice_of(stop, question) for stop in plan.stops])
    return Decision(
        choices=choices,
        unmet=tuple(takes_of(question.wants, left)),
        candidates=tuple(candidates_of(question, asking, whole, choices, plan.cost)),
        cost=sum([choice.cost for choice in choices]),
        bound=min([stand.least for stand in asking.able]) if choices else 0,
        solver=WEIGHED if question.terms.weighed else FREIGHT,
        options=tuple(options_of(asking, choices, plan.cost)),
    )


def choice_of(stop: Stop, question: Question) -> Choice:
    """Give a stop as it is kept: without a courier it promises no day."""
    day, lane = question.terms.day if question.terms else "", stop.lane
    takes = tuple(takes_of(question.wants, stop.given))
    return Choice(stop.site.code, stop.cost, takes, lane.courier, arrives(day, lane.days) if lane.courier else "")


def _plans(asking: Asking, whole: Sequence[Stop]) -> Iterator[Plan]:
    """Give the plans that take all that can be taken, and where a piece may stay unfilled also those that do not.

    Of pairs those that cannot be the cheapest are left out.
    """
    if not asking.fill:
        return
    partly = asking.terms.unfilled > 0
    parts = [stop for stop in whole if 0 < sum(stop.given) < asking.fill]
    alone = [asking.plan([stop]) for stop in whole if sum(stop.given) == asking.fill or (partly and any(stop.given))]
    yield from alone
    best = min([plan.cost for plan in alone], default=None)
    if partly:
        yield (nothing := asking.plan(()))
        best = nothing.cost if best is None else min(best, nothing.cost)
    most = [sum(stop.given) for stop in whole]
    found = len(parts) < len([pieces for pieces in most if pieces])
    for stop in sorted(parts, key=lambda one: one.cost):
        for all_taken, plan in _pairs(asking, stop, most, best):
            found |= all_taken
            if plan:
                best = plan.cost if best is None else min(best, plan.cost)
                yield plan
    if not found:
        ranked = sorted(zip(most, asking.able, strict=True), key=lambda one: -one[0])
        for stop in sorted(parts, key=lambda one: one.cost):
            for plan in _cover(asking, stop, ranked, best):
                best = plan.cost if best is None else min(best, plan.cost)
                yield plan


def _pairs(asking: Asking, first: Stop, most: Sequence[int], best: int | None) -> Iterator[tuple[bool, Plan | None]]:
    """Say of a location with each other one whether they have all, with their plan unless it must cost more than best.

    Two of which the second adds nothing are no plan, nor are two that do not have all where all must be given. `most`
    is how many pieces each gives when it is asked first.
    """
    left, rest = less(asking.wanted, first.given), asking.fill - sum(first.given)
    cost, unfilled = first.cost + asking.terms.split, asking.terms.unfilled
    for stand, reach in zip(asking.able, most, strict=True):
        if reach < rest and (not unfilled or _dearer(cost + stand.least + unfilled * (rest - reach), best)):
            continue
        if not unfilled and _dearer(cost + stand.least, best):
            continue
        given = asking.given(stand.free, left)
        pieces = sum(given)
        if not pieces or (pieces < rest and not unfilled) or stand.site is first.site:
            continue
        if _dearer(cost + stand.least + unfilled * (rest - pieces), best):
            yield pieces == rest, None
            continue
        plan = asking.plan([first, asking.parcel(stand, given, further=True)])
        best = plan.cost if best is None else min(best, plan.cost)
        yield pieces == rest, plan


def _dearer(cost: int, best: int | None) -> bool:
    return best is not None and cost > best


def _cover(asking: Asking, first: Stop, ranked: Sequence[tuple[int, Stand]], best: int | None) -> Iterator[Plan]:
    """Go on from a location by whoever has most of what is left, the nearest of those, until all is taken.

    It ends where whatever comes must cost more than the best; parts of it are plans where pieces may stay unfilled. The
    locations are `ranked` by how many pieces each gives when it is asked first, which is the most that it ever gives.
    """
    stops, left, rest = [first], less(asking.wanted, first.given), asking.fill - sum(first.given)
    further, cost = asking.terms.split + min([stand.least for stand in asking.able]), first.cost
    while rest and not _dearer(cost + further, best):
        stops.append(asking.stop(_richest(asking, left, ranked, stops), left, further=True))
        left, rest = less(left, stops[-1].given), rest - sum(stops[-1].given)
        cost += stops[-1].cost
        if not rest or asking.terms.unfilled:
            yield asking.plan(stops)


def _richest(asking: Asking, left: Left, ranked: Sequence[tuple[int, Stand]], stops: Sequence[Stop]) -> Stand:
    """Give who has most of what is left, of those the nearest, then the first by code; there is one that has some."""
    used = {stop.site.code for stop in stops}
    found, key = ranked[0][1], (0, 0, "")
    for most, stand in ranked:
        if most < -key[0]:
            break
        if stand.site.code not in used:
            mine = (-sum(asking.given(stand.free, left)), stand.site.km, stand.site.code)
            if mine < key:
                found, key = stand, mine
    return found
