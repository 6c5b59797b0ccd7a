"""Decide where the goods of one order part come from: one location that has all of it, else the best cover."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from hub.sourcing.model import Candidate, Choice, Costs, Decision, Question, Site, Take, Want

FIRST_KG: Final = 1000


class Offer(NamedTuple):
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
    wanted: Sequence[Want] = question.wants
    obstacles = _obstacles(question)
    able = [site for site, obstacle in zip(question.sites, obstacles, strict=True) if not obstacle]
    choices: list[Choice] = []
    first = [offer(site, wanted, question.costs) for site in able]
    offers = first
    while wanted and (best := _best(offers, sum(want.quantity for want in wanted))):
        choices.append(Choice(best.site.code, best.cost, best.takes))
        wanted = _less(wanted, best.takes)
        if wanted:
            chosen = {choice.code for choice in choices}
            offers = [offer(site, wanted, question.costs) for site in able if site.code not in chosen]
    barred = [(site, obstacle) for site, obstacle in zip(question.sites, obstacles, strict=True) if obstacle]
    return Decision(
        choices=tuple(choices),
        unmet=tuple([Take(want.line_no, want.sku, want.quantity) for want in wanted]),
        candidates=tuple(_explain(question, first, barred, choices)),
        cost=sum(choice.cost for choice in choices),
        bound=_bound(question, able, choices) if choices else 0,
    )


def offer(site: Site, wants: Sequence[Want], costs: Costs) -> Offer:
    """Say what a location can give of these lines, and at which cost."""
    if len(wants) == 1:
        [want] = wants
        quantity = min(want.quantity, site.free.get(want.sku, 0))
        takes_one = (Take(want.line_no, want.sku, quantity),) if quantity > 0 else ()
        return Offer(site, takes_one, max(0, quantity), cost_of(site, quantity * want.grams, costs))
    free = dict(site.free)  # two lines may ask for one SKU
    takes: list[Take] = []
    grams = pieces = 0
    for want in wants:
        quantity = min(want.quantity, free.get(want.sku, 0))
        if quantity > 0:
            free[want.sku] -= quantity
            grams += quantity * want.grams
            pieces += quantity
            takes.append(Take(want.line_no, want.sku, quantity))
    return Offer(site, tuple(takes), pieces, cost_of(site, grams, costs))


def cost_of(site: Site, grams: int, costs: Costs) -> int:
    """Price one parcel in minor units: handling, first kilogram, further started kilograms, distance."""
    return site.handling + costs.parcel + _further(grams) * costs.per_further_kg + site.km * costs.per_1000_km // 1000


def _further(grams: int) -> int:
    """Count the started kilograms above the first."""
    return -(-(grams - FIRST_KG) // FIRST_KG) if grams > FIRST_KG else 0


def _obstacles(question: Question) -> list[str]:
    """Say of each site what keeps it from being asked at all, if anything does."""
    storages = {want.storage for want in question.wants}
    return [site.barred or ("" if storages.issubset(site.storages) else "storage") for site in question.sites]


def _best(offers: Sequence[Offer], wanted: int) -> Offer | None:
    whole = [one for one in offers if one.pieces == wanted]
    if whole:
        return min(whole, key=lambda one: (one.cost, one.site.code))
    part = [one for one in offers if one.pieces]
    return min(part, key=lambda one: (one.cost / one.pieces, one.site.code), default=None)


def _less(wanted: Sequence[Want], takes: Sequence[Take]) -> list[Want]:
    taken = {take.line_no: take.quantity for take in takes}
    left = [(want, want.quantity - taken.get(want.line_no, 0)) for want in wanted]
    return [
        replace(want, quantity=quantity) if want.quantity != quantity else want for want, quantity in left if quantity
    ]


def _bound(question: Question, able: Sequence[Site], choices: Sequence[Choice]) -> int:
    """Say what no plan for these pieces undercuts: each further kilogram is paid for, or opens a parcel of its own."""
    weight = {want.line_no: want.grams for want in question.wants}
    grams = sum(take.quantity * weight[take.line_no] for choice in choices for take in choice.takes)
    parcel = min(cost_of(site, 0, question.costs) for site in able)
    return parcel + _further(grams) * min(question.costs.per_further_kg, parcel)


def _explain(
    question: Question, offers: Sequence[Offer], barred: Sequence[tuple[Site, str]], choices: Sequence[Choice]
) -> list[Candidate]:
    """Tell of each location why it was or was not taken, and by how much it lost or which pieces it lacked."""
    chosen = {choice.code for choice in choices}
    wanted = sum(want.quantity for want in question.wants)
    told: list[Candidate] = []
    for site, takes, pieces, cost in offers:
        if site.code in chosen:
            told.append(Candidate(site.code, site.km, pieces, cost, "chosen"))
        elif pieces < wanted:
            told.append(Candidate(site.code, site.km, pieces, cost, "short", 0, _missing(takes, question.wants)))
        else:
            told.append(Candidate(site.code, site.km, pieces, cost, "dearer", cost - choices[0].cost))
    told += [Candidate(site.code, site.km, 0, 0, obstacle) for site, obstacle in barred]
    return told


def _missing(takes: Sequence[Take], wants: Sequence[Want]) -> dict[str, int]:
    given = {take.line_no: take.quantity for take in takes}
    missing: dict[str, int] = {}
    for want in wants:
        lack = want.quantity - given.get(want.line_no, 0)
        if lack:
            missing[want.sku] = missing.get(want.sku, 0) + lack
    return missing
