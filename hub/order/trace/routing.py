"""The decisions in an order's trace: every location that was looked at, at which cost, and why it was not taken."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from pydantic import ConfigDict
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import records, rows
from hub.document import Document
from hub.sourcing.asking import Asking, Stand, freight_of
from hub.sourcing.greedy import cost_of, offers_of
from hub.sourcing.model import Choice, Decision, LocationKind, Question, Site, Take, Terms, Want
from hub.sourcing.shared import BatchCost, batch_cost
from hub.sourcing.solver import SOLVERS

RANK: Final = {"chosen": 0, "kept": 1, "dearer": 1, "short": 2}
"""The verdicts on who could have shipped, in the order a reader wants them; the others were out of the question."""

OPEN: Final = 10
"""Candidates of a decision that stand open; the others are folded by their reasons."""

Known = Mapping[str, Mapping[str, Any]]
"""What a candidate is told with by its location's code: the fields of that name."""


class CostParts(Document):
    """What a parcel's cost is made of, in minor units.

    By a policy's weights `supply` is for thin stock and `markdown` for not clearing it; `penalty` is all else.
    """

    handling: int
    parcel: int
    weight: int
    distance: int
    supply: int = 0
    markdown: int = 0
    penalty: int = 0

    @property
    def total(self) -> int:
        known = self.handling + self.parcel + self.weight + self.distance
        return known + self.supply + self.markdown + self.penalty


class TracedCandidate(Document):
    """A location as the decision saw it; a dearer one wins when it costs more than `lost_by` less.

    Its names, its `kind` and whether it is `bonded` are those of today.
    """

    code: str
    name_zh: str
    name_en: str
    km: int
    pieces: int
    free: Mapping[str, int]
    parts: CostParts | None
    verdict: str
    lost_by: int
    missing: Mapping[str, int]
    kind: str = LocationKind.WAREHOUSE
    bonded: bool = False


class TracedDecision(Document):
    """One decision; `replays` says whether its input leads to its outcome again, None for another solver's.

    `unfilled` is what the pieces count, in minor units, that could have been given and were not. Of what was decided
    together with others, the `batch` says how good the answer is; its own `bound` and `gap` say nothing then.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)  # the decision's own values, which are not pydantic's

    no: int
    decided_at: datetime
    policy: str
    solver: str
    cost: int
    bound: int
    gap: float
    wants: tuple[Want, ...]
    unmet: tuple[Take, ...]
    candidates: tuple[TracedCandidate, ...]
    replays: bool | None
    unfilled: int
    batch: BatchCost | None

    @property
    def wanted(self) -> int:
        return sum(want.quantity for want in self.wants)

    @property
    def first(self) -> tuple[TracedCandidate, ...]:
        """Give those that stand open: all that were chosen, and who came next to them."""
        return self.candidates[: max(OPEN, len(self.chosen))]

    @property
    def folded(self) -> Mapping[str, Sequence[TracedCandidate]]:
        """Give the others by their verdicts."""
        folded: dict[str, list[TracedCandidate]] = {}
        for one in self.candidates[len(self.first) :]:
            folded.setdefault(one.verdict, []).append(one)
        return folded

    @property
    def chosen(self) -> tuple[TracedCandidate, ...]:
        return tuple(one for one in self.candidates if one.verdict == "chosen")


def trace_routing(session: Session, order_id: int) -> list[TracedDecision]:
    """Give an order's decisions, the first first."""
    found = rows(
        session,
        "select no, decided_at, input, outcome, input_hash from routing_decision where order_id = :id order by no",
        id=order_id,
    )
    places = records(session, "select code, name_zh, name_en, kind, bonded from location") if found else ()
    known = {str(one["code"]): one for one in places}
    return [_decision(one, known) for one in found]


def _decision(found: Row[tuple[object, ...]], known: Known) -> TracedDecision:
    question, outcome = msgspec.convert(found.input, Question), msgspec.convert(found.outcome, Decision)
    solve = SOLVERS.get(outcome.solver)
    same = question.digest() == found.input_hash and solve(question) == outcome if solve else None
    return TracedDecision(
        no=found.no,
        decided_at=found.decided_at,
        policy=question.policy,
        solver=outcome.solver,
        cost=outcome.cost,
        bound=outcome.bound,
        gap=outcome.gap,
        wants=question.wants,
        unmet=outcome.unmet,
        candidates=tuple(_candidates(question, outcome, known)),
        replays=same,
        unfilled=_unfilled(question, outcome),
        batch=batch_cost(question.share) if question.share else None,
    )


def _unfilled(question: Question, outcome: Decision) -> int:
    if not question.terms or not question.terms.unfilled:
        return 0
    given = sum(take.quantity for choice in outcome.choices for take in choice.takes)
    return question.terms.unfilled * (Asking(question, question.terms).fill - given)


def _candidates(question: Question, outcome: Decision, known: Known) -> Iterator[TracedCandidate]:
    """Give the chosen locations first, then the near misses, then those that could not have shipped at all."""
    sites = {site.code: site for site in question.sites}
    taken = {choice.code: choice for choice in outcome.choices}
    asking = Asking(question, question.terms) if question.terms else None
    for one in sorted(outcome.candidates, key=lambda one: (RANK.get(one.verdict, 3), one.lost_by, one.cost, one.code)):
        site, choice, able = sites[one.code], taken.get(one.code), one.verdict in RANK
        takes = choice.takes if choice else offers_of([site], question.wants, question.costs)[0].takes(question.wants)
        yield TracedCandidate(
            **known.get(one.code, {"code": one.code, "name_zh": one.code, "name_en": one.code}),
            km=one.km,
            pieces=sum(take.quantity for take in takes) if able else 0,
            free=site.free,
            parts=_parts(site, question, asking, takes, choice.cost if choice else one.cost, choice) if able else None,
            verdict=one.verdict,
            lost_by=one.lost_by,
            missing=one.missing,
        )


def _parts(
    site: Site, question: Question, asking: Asking | None, takes: Sequence[Take], cost: int, choice: Choice | None
) -> CostParts:
    """Take a parcel's cost apart, as the solver put it together."""
    if asking:
        stand = next(stand for stand in asking.able if stand.site.code == site.code)
        return _carried(stand, asking.terms, question.wants, takes, cost, choice)
    weight = {want.line_no: want.grams for want in question.wants}
    grams = sum(take.quantity * weight[take.line_no] for take in takes)
    bare = cost_of(site, 0, question.costs)
    return CostParts(
        handling=site.handling,
        parcel=question.costs.parcel,
        weight=cost_of(site, grams, question.costs) - bare,
        distance=bare - site.handling - question.costs.parcel,
    )


def _carried(
    stand: Stand, terms: Terms, wants: Sequence[Want], takes: Sequence[Take], cost: int, choice: Choice | None
) -> CostParts:
    """Take apart what the chosen courier costs; for a location that lost, what its cheapest would."""
    site, taken = stand.site, {take.line_no: take.quantity for take in takes}
    given = [(taken.get(want.line_no, 0), want) for want in wants]
    grams = sum(pieces * want.grams for pieces, want in given)
    cm3 = sum(pieces * (want.traits.cm3 if want.traits else 0) for pieces, want in given)
    lanes = [lane for lane in terms.lanes[site.code] if choice is None or lane.courier == choice.courier]
    priced = [(freight_of(lane, grams, cm3), lane) for lane in lanes]
    freight, lane = min(priced, key=lambda one: (one[0] + one[1].days * terms.per_day, one[1].courier))
    distance = site.km * terms.per_1000_km // 1000
    supply, markdown = (
        sum(fen * pieces for fen, (pieces, _) in zip(each, given, strict=False)) for each in (stand.thin, stand.other)
    )
    return CostParts(
        handling=site.handling,
        parcel=lane.first_fen,
        weight=freight - lane.first_fen,
        distance=distance,
        supply=supply,
        markdown=markdown,
        penalty=cost - site.handling - freight - distance - supply - markdown,
    )
