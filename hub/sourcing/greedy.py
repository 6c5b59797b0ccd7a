"""Decide where the goods of one order part come from: one location that has all of it, else the best cover."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from hub.sourcing.model import Candidate, Choice, Costs, Decision, Question, Site, Take, Want

FIRST_KG: Final = 1000
NOTHING: Final[dict[str, int]] = {}


class Load(msgspec.Struct, gc=False):
    """What a location would give, line by line: how many pieces, what of each SKU is missing, and the weight.

    `further` is what the kilograms above the first cost. Most locations can give all or nothing and share their loads.
    """

    given: Sequence[int]
    pieces: int
    missing: dict[str, int]
    grams: int
    further: int


class Offer(msgspec.Struct, order=True, gc=False):
    """A location with what it can give of what is still wanted; offers compare by cost, then by code.

    `least` is what any parcel from there costs.
    """

    cost: int
    code: str
    km: int
    least: int
    load: Load

    def takes(self, wants: Sequence[Want]) -> tuple[Take, ...]:
        """Name the pieces that it would give of these lines, which it was asked for."""
        lines = zip(wants, self.load.given, strict=True)
        return tuple([Take(want.line_no, want.sku, part) for want, part in lines if part])


def decide(question: Question) -> Decision:
    """Choose locations for the wanted pieces. The same question always gets the same answer.

    A location that has everything wins by cost, then by code. When none has, the cheapest per piece goes first and the
    rest is asked again: the classical greedy cover, at most ln(n)+1 times the optimum (Chvatal 1979).
    """
    wanted: Sequence[Want] = question.wants
    able: Sequence[Site] = question.sites
    barred = _barred(question)
    if barred:
        out = {one.code for one in barred}
        able = [site for site in able if site.code not in out]
    choices: list[Choice] = []
    grams = 0
    first = offers = offers_of(able, wanted, question.costs)
    while wanted and (best := _best(offers)):
        choices.append(Choice(best.code, best.cost, best.takes(wanted)))
        grams += best.load.grams
        wanted = _less(wanted, best.load.given) if best.load.missing else ()
        if wanted:
            chosen = {choice.code for choice in choices}
            offers = offers_of([site for site in able if site.code not in chosen], wanted, question.costs)
    return Decision(
        choices=tuple(choices),
        unmet=tuple([Take(want.line_no, want.sku, want.quantity) for want in wanted]),
        candidates=(*_explain(first, choices), *barred),
        cost=sum([choice.cost for choice in choices]),
        bound=_bound(min([one.least for one in first]), grams, question.costs) if choices else 0,
    )


def offers_of(sites: Sequence[Site], wants: Sequence[Want], costs: Costs) -> list[Offer]:
    """Say what each location can give of these lines, and at which cost."""
    parcel, per_1000_km = costs.parcel, costs.per_1000_km
    everything = _load([want.quantity for want in wants], wants, costs)
    asked: dict[str, int] = {}
    for want in wants:
        asked[want.sku] = asked.get(want.sku, 0) + want.quantity
    nothing = Load([0] * len(wants), 0, asked, 0, 0)
    loads: dict[tuple[int, ...], Load] = {}
    offers: list[Offer] = []
    for site in sites:
        load, free = nothing, site.free
        if free:
            for sku, pieces in asked.items():
                if free.get(sku, 0) < pieces:
                    given = _given(free, wants, twice=len(asked) < len(wants))
                    if given not in loads:
                        loads[given] = _load(given, wants, costs)
                    load = loads[given]
                    break
            else:
                load = everything
        least = site.handling + parcel + site.km * per_1000_km // 1000
        offers.append(Offer(least + load.further, site.code, site.km, least, load))
    return offers


def _given(free: Mapping[str, int], wants: Sequence[Want], *, twice: bool) -> tuple[int, ...]:
    """Give some lines what is free; with `twice` two of them ask for one SKU."""
    if not twice:
        return tuple([there if (there := free.get(want.sku, 0)) < want.quantity else want.quantity for want in wants])
    left = dict(free)
    given: list[int] = []
    for want in wants:
        given.append(part := min(left.get(want.sku, 0), want.quantity))
        left[want.sku] = left.get(want.sku, 0) - part
    return tuple(given)


def _load(given: Sequence[int], wants: Sequence[Want], costs: Costs) -> Load:
    grams = pieces = 0
    missing: dict[str, int] = {}
    for want, part in zip(wants, given, strict=True):
        pieces += part
        grams += part * want.grams
        if lack := want.quantity - part:
            missing[want.sku] = missing.get(want.sku, 0) + lack
    return Load(given, pieces, missing, grams, _further(grams) * costs.per_further_kg)


def cost_of(site: Site, grams: int, costs: Costs) -> int:
    """Price one parcel in minor units: handling, first kilogram, further started kilograms, distance."""
    return site.handling + costs.parcel + _further(grams) * costs.per_further_kg + site.km * costs.per_1000_km // 1000


def _further(grams: int) -> int:
    """Count the started kilograms above the first."""
    return -(-(grams - FIRST_KG) // FIRST_KG) if grams > FIRST_KG else 0


def _barred(question: Question) -> list[Candidate]:
    """Tell of each site that something keeps from being asked at all."""
    storages = {want.storage for want in question.wants}
    if len(storages) == 1:
        [storage] = storages
        barred = [site for site in question.sites if site.barred or storage not in site.storages]
    else:
        barred = [site for site in question.sites if site.barred or not storages.issubset(site.storages)]
    return [Candidate(site.code, site.km, 0, 0, site.barred or "storage") for site in barred]


def _best(offers: Sequence[Offer]) -> Offer | None:
    whole = [one for one in offers if not one.load.missing]
    if whole:
        return min(whole)
    part = [one for one in offers if one.load.pieces]
    return min(part, key=lambda one: (one.cost / one.load.pieces, one.code), default=None)


def _less(wanted: Sequence[Want], given: Sequence[int]) -> list[Want]:
    left = [(want, want.quantity - quantity) for want, quantity in zip(wanted, given, strict=True)]
    return [
        replace(want, quantity=quantity) if want.quantity != quantity else want for want, quantity in left if quantity
    ]


def _bound(least: int, grams: int, costs: Costs) -> int:
    """Say what no plan for so many grams undercuts: each further kilogram is paid for, or opens another parcel."""
    return least + _further(grams) * min(costs.per_further_kg, least)


def _explain(offers: Sequence[Offer], choices: Sequence[Choice]) -> list[Candidate]:
    """Tell of each location why it was or was not taken, and by how much it lost or which pieces it lacked."""
    chosen = {choice.code for choice in choices}
    told: list[Candidate] = []
    for one in offers:
        cost, code, load = one.cost, one.code, one.load
        if code in chosen:
            told.append(Candidate(code, one.km, load.pieces, cost, "chosen", 0, NOTHING))
        elif load.missing:
            told.append(Candidate(code, one.km, load.pieces, cost, "short", 0, load.missing))
        else:
            told.append(Candidate(code, one.km, load.pieces, cost, "dearer", cost - choices[0].cost, NOTHING))
    return told
