"""Decide where the goods of one order part come from: one location that has all of it, else the best cover."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hub.sourcing.model import Candidate, Choice, Costs, Decision, Question, Site, Take, Want

FIRST_KG: Final = 1000


@dataclass(frozen=True, slots=True)
class Offer:
    """What one location can give of what is still wanted, and what sending that would cost."""

    site: Site
    takes: tuple[Take, ...]
    pieces: int
    cost: int


def decide(question: Question) -> Decision:
    """Choose locations for the wanted pieces. The same question always gets the same answer.

    A location that has everything wins by cost, then by code. When none has, the cheapest per piece goes first and the
    rest is asked again: the classical greedy cover, at most ln(n)+1 times the optimum (Chvatal 1979).
    """
    wanted = {want.line_no: want for want in question.wants}
    able = [site for site in question.sites if not _obstacle(site, question.wants)]
    choices: list[Choice] = []
    first = [offer(site, list(wanted.values()), question.costs) for site in able]
    offers = first
    while wanted and (best := _best(offers, sum(want.quantity for want in wanted.values()))):
        choices.append(Choice(code=best.site.code, cost=best.cost, takes=best.takes))
        wanted = _less(wanted, best.takes)
        chosen = {choice.code for choice in choices}
        offers = [offer(site, list(wanted.values()), question.costs) for site in able if site.code not in chosen]
    return Decision(
        choices=tuple(choices),
        unmet=tuple(Take(line_no=w.line_no, sku=w.sku, quantity=w.quantity) for w in wanted.values()),
        candidates=tuple(_explain(question, first, choices)),
        cost=sum(choice.cost for choice in choices),
        bound=_bound(question, able, choices) if choices else 0,
    )


def offer(site: Site, wants: Sequence[Want], costs: Costs) -> Offer:
    """Say what a location can give of these lines, and at which cost."""
    free = dict(site.free)
    takes: list[Take] = []
    grams = 0
    for want in wants:
        quantity = min(want.quantity, free.get(want.sku, 0))
        if quantity > 0:
            free[want.sku] -= quantity
            grams += quantity * want.grams
            takes.append(Take(line_no=want.line_no, sku=want.sku, quantity=quantity))
    return Offer(site, tuple(takes), sum(take.quantity for take in takes), cost_of(site, grams, costs))


def cost_of(site: Site, grams: int, costs: Costs) -> int:
    """Price one parcel in minor units: handling, first kilogram, further started kilograms, distance."""
    return site.handling + costs.parcel + _further(grams) * costs.per_further_kg + site.km * costs.per_1000_km // 1000


def _further(grams: int) -> int:
    """Count the started kilograms above the first."""
    return -(-max(0, grams - FIRST_KG) // FIRST_KG)


def _obstacle(site: Site, wants: Sequence[Want]) -> str:
    if site.barred:
        return site.barred
    if any(want.storage not in site.storages for want in wants):
        return "storage"
    return ""


def _best(offers: Sequence[Offer], wanted: int) -> Offer | None:
    whole = [one for one in offers if one.pieces == wanted]
    if whole:
        return min(whole, key=lambda one: (one.cost, one.site.code))
    part = [one for one in offers if one.pieces]
    return min(part, key=lambda one: (one.cost / one.pieces, one.site.code), default=None)


def _less(wanted: Mapping[int, Want], takes: Sequence[Take]) -> dict[int, Want]:
    taken = {take.line_no: take.quantity for take in takes}
    rest = {no: want.model_copy(update={"quantity": want.quantity - taken.get(no, 0)}) for no, want in wanted.items()}
    return {no: want for no, want in rest.items() if want.quantity}


def _bound(question: Question, able: Sequence[Site], choices: Sequence[Choice]) -> int:
    """Say what no plan for these pieces undercuts: each further kilogram is paid for, or opens a parcel of its own."""
    weight = {want.line_no: want.grams for want in question.wants}
    grams = sum(take.quantity * weight[take.line_no] for choice in choices for take in choice.takes)
    parcel = min(cost_of(site, 0, question.costs) for site in able)
    return parcel + _further(grams) * min(question.costs.per_further_kg, parcel)


def _explain(question: Question, offers: Sequence[Offer], choices: Sequence[Choice]) -> list[Candidate]:
    """Tell of each location why it was or was not taken, and by how much it lost or which pieces it lacked."""
    chosen = {choice.code for choice in choices}
    wanted = sum(want.quantity for want in question.wants)
    told: list[Candidate] = []
    for one in offers:
        short = _missing(one, question.wants)
        verdict = "chosen" if one.site.code in chosen else "short" if one.pieces < wanted else "dearer"
        lost_by = one.cost - choices[0].cost if verdict == "dearer" else 0
        told.append(_candidate(one, verdict, lost_by, short if verdict != "chosen" else {}))
    barred = [(site, obstacle) for site in question.sites if (obstacle := _obstacle(site, question.wants))]
    told += [Candidate(code=s.code, km=s.km, pieces=0, cost=0, verdict=obstacle) for s, obstacle in barred]
    return told


def _candidate(one: Offer, verdict: str, lost_by: int, missing: dict[str, int]) -> Candidate:
    return Candidate(
        code=one.site.code,
        km=one.site.km,
        pieces=one.pieces,
        cost=one.cost,
        verdict=verdict,
        lost_by=lost_by,
        missing=missing,
    )


def _missing(one: Offer, wants: Sequence[Want]) -> dict[str, int]:
    given = {take.line_no: take.quantity for take in one.takes}
    missing: dict[str, int] = {}
    for want in wants:
        lack = want.quantity - given.get(want.line_no, 0)
        if lack:
            missing[want.sku] = missing.get(want.sku, 0) + lack
    return missing
