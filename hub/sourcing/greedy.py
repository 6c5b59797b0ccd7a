"""Decide where the goods of one order part come from: one location that has all of it, else the best cover."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from hub.sourcing.model import Candidate, Choice, Costs, Decision, Question, Site, Take, Want

FIRST_KG: Final = 1000


class Offer(msgspec.Struct, gc=False):
    """What one location can give of what is still wanted, and what sending that would cost; `given` line by line."""

    site: Site
    given: Sequence[int]
    pieces: int
    cost: int

    def takes(self, wants: Sequence[Want]) -> tuple[Take, ...]:
        """Name the pieces that it would give of these lines, which it was asked for."""
        return tuple(
            [
                Take(want.line_no, want.sku, quantity)
                for want, quantity in zip(wants, self.given, strict=True)
                if quantity
            ]
        )


def decide(question: Question) -> Decision:
    """Choose locations for the wanted pieces. The same question always gets the same answer.

    A location that has everything wins by cost, then by code. When none has, the cheapest per piece goes first and the
    rest is asked again: the classical greedy cover, at most ln(n)+1 times the optimum (Chvatal 1979).
    """
    wanted: Sequence[Want] = question.wants
    obstacles = _obstacles(question)
    able = question.sites
    if any(obstacles):
        able = [site for site, obstacle in zip(able, obstacles, strict=True) if not obstacle]
    choices: list[Choice] = []
    first = offers_of(able, wanted, question.costs)
    offers = first
    while wanted and (best := _best(offers, sum([want.quantity for want in wanted]))):
        choices.append(Choice(best.site.code, best.cost, best.takes(wanted)))
        wanted = _less(wanted, best.given)
        if wanted:
            chosen = {choice.code for choice in choices}
            offers = offers_of([site for site in able if site.code not in chosen], wanted, question.costs)
    barred = [(site, obstacle) for site, obstacle in zip(question.sites, obstacles, strict=True) if obstacle]
    return Decision(
        choices=tuple(choices),
        unmet=tuple([Take(want.line_no, want.sku, want.quantity) for want in wanted]),
        candidates=tuple(_explain(question, first, barred, choices)),
        cost=sum([choice.cost for choice in choices]),
        bound=_bound(question, able, choices) if choices else 0,
    )


def offers_of(sites: Sequence[Site], wants: Sequence[Want], costs: Costs) -> list[Offer]:
    """Say what each location can give of these lines, and at which cost."""
    parcel, per_1000_km, per_kg = costs.parcel, costs.per_1000_km, costs.per_further_kg
    asked = [(want.sku, want.quantity, want.grams) for want in wants]
    twice = len({want.sku for want in wants}) < len(wants)  # two lines may ask for one SKU
    offers: list[Offer] = []
    for site in sites:
        free = site.free.copy() if twice else site.free
        given: list[int] = []
        grams = pieces = 0
        for sku, quantity, each in asked:
            there = free.get(sku, 0)
            given.append(part := min(there, quantity))
            pieces += part
            grams += part * each
            if twice and part:
                free[sku] -= part
        cost = site.handling + parcel + site.km * per_1000_km // 1000
        offers.append(Offer(site, given, pieces, cost + _further(grams) * per_kg if grams > FIRST_KG else cost))
    return offers


def cost_of(site: Site, grams: int, costs: Costs) -> int:
    """Price one parcel in minor units: handling, first kilogram, further started kilograms, distance."""
    return site.handling + costs.parcel + _further(grams) * costs.per_further_kg + site.km * costs.per_1000_km // 1000


def _further(grams: int) -> int:
    """Count the started kilograms above the first."""
    return -(-(grams - FIRST_KG) // FIRST_KG) if grams > FIRST_KG else 0


def _obstacles(question: Question) -> list[str]:
    """Say of each site what keeps it from being asked at all, if anything does."""
    storages = {want.storage for want in question.wants}
    if len(storages) == 1:
        [storage] = storages
        return [site.barred or ("" if storage in site.storages else "storage") for site in question.sites]
    return [site.barred or ("" if storages.issubset(site.storages) else "storage") for site in question.sites]


def _best(offers: Sequence[Offer], wanted: int) -> Offer | None:
    whole = [one for one in offers if one.pieces == wanted]
    if whole:
        return min(whole, key=lambda one: (one.cost, one.site.code))
    part = [one for one in offers if one.pieces]
    return min(part, key=lambda one: (one.cost / one.pieces, one.site.code), default=None)


def _less(wanted: Sequence[Want], given: Sequence[int]) -> list[Want]:
    left = [(want, want.quantity - quantity) for want, quantity in zip(wanted, given, strict=True)]
    return [
        replace(want, quantity=quantity) if want.quantity != quantity else want for want, quantity in left if quantity
    ]


def _bound(question: Question, able: Sequence[Site], choices: Sequence[Choice]) -> int:
    """Say what no plan for these pieces undercuts: each further kilogram is paid for, or opens a parcel of its own."""
    weight = {want.line_no: want.grams for want in question.wants}
    grams = sum([take.quantity * weight[take.line_no] for choice in choices for take in choice.takes])
    parcel = min([cost_of(site, 0, question.costs) for site in able])
    return parcel + _further(grams) * min(question.costs.per_further_kg, parcel)


def _explain(
    question: Question, offers: Sequence[Offer], barred: Sequence[tuple[Site, str]], choices: Sequence[Choice]
) -> list[Candidate]:
    """Tell of each location why it was or was not taken, and by how much it lost or which pieces it lacked."""
    chosen = {choice.code for choice in choices}
    wanted = sum([want.quantity for want in question.wants])
    told: list[Candidate] = []
    for one in offers:
        site, pieces, cost = one.site, one.pieces, one.cost
        if site.code in chosen:
            told.append(Candidate(site.code, site.km, pieces, cost, "chosen"))
        elif pieces < wanted:
            told.append(Candidate(site.code, site.km, pieces, cost, "short", 0, _missing(one.given, question.wants)))
        else:
            told.append(Candidate(site.code, site.km, pieces, cost, "dearer", cost - choices[0].cost))
    told += [Candidate(site.code, site.km, 0, 0, obstacle) for site, obstacle in barred]
    return told


def _missing(given: Sequence[int], wants: Sequence[Want]) -> dict[str, int]:
    missing: dict[str, int] = {}
    for want, quantity in zip(wants, given, strict=True):
        lack = want.quantity - quantity
        if lack:
            missing[want.sku] = missing.get(want.sku, 0) + lack
    return missing
