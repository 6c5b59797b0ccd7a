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

    Plans that cost more than one that was given before are left out.
    """
    if not asking.fill:
        return
    partly = asking.terms.unfilled > 0
    parts = sorted([stop for stop in whole if 0 < sum(stop.given) < asking.fill], key=lambda one: one.cost)
    alone = [asking.plan([stop]) for stop in whole if sum(stop.given) == asking.fill or (partly and any(stop.given))]
    yield from alone
    best = min([plan.cost for plan in alone], default=None)
    if partly:
        yield (nothing := asking.plan(()))
        best = nothing.cost if best is None else min(best, nothing.cost)
    found = len(parts) < len([stop for stop in whole if any(stop.given)])
    least = asking.terms.split + min([stand.least for stand in asking.able])
    for stop in parts:
        if found and _dearer(stop.cost + least, best):
            break
        all_taken, plans = _pairs(asking, stop, best, least)
        found |= all_taken
        yield from plans
        best = plans[-1].cost if plans else best
    if not found:
        covers = Covers(asking, max([sum(stop.given) for stop in whole]))
        for stop in parts:
            for plan in covers.begun(stop, best):
                best = plan.cost if best is None else min(best, plan.cost)
                yield plan


def _pairs(asking: Asking, first: Stop, best: int | None, least: int) -> tuple[bool, list[Plan]]:
    """Say of a location whether it has all with some other one, and give the plans that cost no more than the best.

    Each costs no more than the one before; a second parcel costs `least` or more. Two of which the second adds nothing
    are no plan, nor are two that do not have all where all must be given.
    """
    left, rest = less(asking.wanted, first.given), asking.fill - sum(first.given)
    cost, unfilled, reach = first.cost + asking.terms.split, asking.terms.unfilled, asking.reach(left)
    others = zip(asking.able, reach.pieces, strict=True)
    found = reach.most == rest and any(n == rest and stand.site is not first.site for stand, n in others)
    plans: list[Plan] = []
    if _dearer(first.cost + least + unfilled * (rest - reach.most), best):
        return found, plans
    for stand, given, pieces in zip(asking.able, reach.given, reach.pieces, strict=True):
        if not pieces or (pieces < rest and not unfilled) or stand.site is first.site:
            continue
        missing = unfilled * (rest - pieces)
        if _dearer(cost + stand.least + missing, best):
            continue
        second = asking.parcel(stand, given, further=True)
        if not _dearer(first.cost + second.cost + missing, best):
            plans.append(asking.plan([first, second]))
            best = plans[-1].cost
    return found, plans


def _dearer(cost: int, best: int | None) -> bool:
    return best is not None and cost > best


class Covers:
    """Finds the covers of a question: from a location on by whoever has most of what is left, until all is taken."""

    def __init__(self, asking: Asking, most: int) -> None:
        """`most` is how many pieces any location gives at once."""
        self._asking, self._most = asking, most
        self._further = asking.terms.split + min([stand.least for stand in asking.able])
        sites = [stand.site for stand in asking.able]
        self._nearest = sorted(range(len(sites)), key=lambda no: (sites[no].km, sites[no].code))

    def begun(self, first: Stop, best: int | None) -> Iterator[Plan]:
        """Give the cover that a location begins, and where pieces may stay unfilled the parts of it, as plans.

        It ends where whatever comes must cost more than the best.
        """
        asking, stops, cost = self._asking, [first], first.cost
        left, rest = less(asking.wanted, first.given), asking.fill - sum(first.given)
        while rest and not _dearer(cost + self._least(rest), best):
            stand, given, pieces = self._richest(left, stops)
            stops.append(asking.parcel(stand, given, further=True))
            left, rest, cost = less(left, given), rest - pieces, cost + stops[-1].cost
            if (not rest or asking.terms.unfilled) and not _dearer(cost + asking.terms.unfilled * rest, best):
                yield asking.plan(stops)

    def _least(self, rest: int) -> int:
        """Say what going on costs at least; each parcel costs the same or more, and no parcel has more than `most`.

        Each full parcel saves the same, so either one is the cheapest number of them or all there can be, and then the
        odd pieces go by one more or stay unfilled.
        """
        full, odd = divmod(rest, self._most)
        further, unfilled = self._further, self._asking.terms.unfilled
        whole = (full + (odd > 0)) * further
        if not unfilled or not full:
            return whole
        return min(whole, full * further + unfilled * odd, further + unfilled * (rest - self._most))

    def _richest(self, left: Left, stops: Sequence[Stop]) -> tuple[Stand, Left, int]:
        """Give who has most of what is left, of those the nearest, then the first by code; there is one that has."""
        reach, used = self._asking.reach(left), {stop.site.code for stop in stops}
        for most in range(reach.most, 0, -1):
            for no in self._nearest:
                if reach.pieces[no] == most and (stand := self._asking.able[no]).site.code not in used:
                    return stand, reach.given[no], most
        raise RuntimeError("nobody has what is left, though all that was asked for is there")
