"""What would have had to be otherwise for a location that was not chosen, asked of the solver itself."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from msgspec.structs import replace

from hub.document import Document
from hub.sourcing.eligible import UNSOLD
from hub.sourcing.model import Candidate, Question, Site
from hub.sourcing.solver import Solver


class Change(StrEnum):
    """How a location would be different: cheaper, with the pieces that it lacked, or let in at all."""

    CHEAPER = "cheaper"
    STOCKED = "stocked"
    ADMITTED = "admitted"


class WhatIf(Document):
    """What the solver answers with one location changed.

    `by` is the least that a dearer one must cost less (minor units), `km` how near it would have to be instead, where
    nearness alone can do it; `pieces` are those that a short one would need. `wins` says whether it is then chosen;
    if not, `lost_by` is what it would still be dearer, or 0 where it would give nothing.
    """

    change: Change
    wins: bool
    by: int = 0
    km: int | None = None
    pieces: Mapping[str, int] = {}
    lost_by: int = 0


def what_if(question: Question, one: Candidate, solve: Solver) -> WhatIf | None:
    """Ask what would have had to be otherwise for a candidate; None for one that was chosen, or decided with others.

    None also where the question knows nobody who carries from there: its terms have lanes of who might be asked alone.
    """
    if one.verdict == "chosen" or question.share or (question.terms and not question.terms.lanes.get(one.code)):
        return None
    if one.verdict == "dearer":
        return _cheaper(question, one, solve)
    if one.verdict == "short":
        lacking = one.missing
        return _asked(question, one, solve, WhatIf(change=Change.STOCKED, wins=False, pieces=lacking))
    if one.verdict == UNSOLD:
        wanted = Counter[str]()
        for want in question.wants:
            wanted[want.sku] += want.quantity
        return _asked(question, one, solve, WhatIf(change=Change.STOCKED, wins=False, pieces=wanted))
    return _asked(question, one, solve, WhatIf(change=Change.ADMITTED, wins=False))


def changed(question: Question, code: str, told: WhatIf) -> Question:
    """Give the question with one location as a counterfactual would have it."""
    return replace(
        question, sites=tuple([_site(one, question, told) if one.code == code else one for one in question.sites])
    )


def _cheaper(question: Question, one: Candidate, solve: Solver) -> WhatIf:
    told = _asked(question, one, solve, WhatIf(change=Change.CHEAPER, wins=False, by=one.lost_by))
    if not told.wins:  # of two that cost the same, the other is taken
        told = _asked(question, one, solve, told.model_copy(update={"by": one.lost_by + 1}))
    per_1000_km = question.terms.per_1000_km if question.terms else question.costs.per_1000_km
    return told.model_copy(update={"km": _near(one.km, told.by, per_1000_km)})


def _near(km: int, by: int, per_1000_km: int) -> int | None:
    """Say from which distance on a location costs `by` less, if any does."""
    left = km * per_1000_km // 1000 - by
    return ((left + 1) * 1000 - 1) // per_1000_km if per_1000_km and left >= 0 else None


def _asked(question: Question, one: Candidate, solve: Solver, told: WhatIf) -> WhatIf:
    answer = solve(changed(question, one.code, told))
    then = next(each for each in answer.candidates if each.code == one.code)
    return told.model_copy(update={"wins": then.verdict == "chosen", "lost_by": then.lost_by})


def _site(site: Site, question: Question, told: WhatIf) -> Site:
    match told.change:
        case Change.CHEAPER:
            return replace(site, handling=site.handling - told.by)
        case Change.STOCKED:
            return replace(
                site, free=_with(site.free, told.pieces), barred="" if site.barred == UNSOLD else site.barred
            )
        case Change.ADMITTED:
            storages = {*site.storages, *(want.storage for want in question.wants)}
            return replace(site, barred="", storages=tuple(sorted(storages)))


def _with(free: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {sku: free.get(sku, 0) + more.get(sku, 0) for sku in {**free, **more}}
