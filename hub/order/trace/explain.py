"""Why an order's goods come from where they do: every decision, every candidate, and what would have changed it."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import UNSET, structs
from sqlalchemy.orm import Session

from hub.document import Document
from hub.errors import Conflict, NotFound
from hub.order.find import get_order, get_orders
from hub.order.trace.cuts import cuts_of
from hub.order.trace.routing import TracedCandidate, TracedDecision, trace_routing
from hub.replay_filter import order_ids_of
from hub.roles import Actor
from hub.sourcing.counterfactual import WhatIf, what_if
from hub.sourcing.model import Decision, Question
from hub.sourcing.rerun import Stored, stored_decisions
from hub.sourcing.shared import BatchCost
from hub.sourcing.solver import SOLVERS


class Pieces(Document):
    """Pieces of a line."""

    line_no: int
    sku: str
    quantity: int


class ExplainedCandidate(TracedCandidate):
    """A candidate with what would have had to be otherwise for it; None where it was chosen, or nobody can say."""

    what_if: WhatIf | None


class Carrier(Document):
    """A location with one of its couriers, asked for all that was wanted; `days` after the decision it arrives."""

    code: str
    courier: str
    method: str
    pieces: int
    cost: int
    freight: int
    days: int
    verdict: str
    lost_by: int


class ExplainedDecision(Document):
    """One decision whole; amounts in minor units. `replays` is None for a solver that cannot be asked again.

    `cut_by` names the rules of splitting that cut its goods off, None where nobody can say any more; `unfilled` is what
    the pieces count that were there and are not given. Of what was decided together with others, `batch` says what all
    of it costs and how good that is: `bound` and `gap` are of this share alone, and say nothing then. Where rate cards
    say who carries, `carriers` are all that could have, and `promises` the day of arrival by location.
    """

    no: int
    decided_at: datetime
    policy: str
    solver: str
    input_hash: str
    cost: int
    bound: int
    gap: float
    wants: tuple[Pieces, ...]
    unmet: tuple[Pieces, ...]
    unfilled: int
    batch: BatchCost | None
    candidates: tuple[ExplainedCandidate, ...]
    carriers: tuple[Carrier, ...]
    promises: Mapping[str, str]
    cut_by: tuple[str, ...] | None
    replays: bool | None


class Routing(Document):
    """How an order was sourced, the first decision first."""

    id: str
    currency: str
    decisions: tuple[ExplainedDecision, ...]


def routing_of(session: Session, number: str, actor: Actor) -> Routing:
    """Explain an order by the hub's number or a shop's own.

    Raises: NotFound; Conflict when several shops that the actor may see use the number.
    """
    found = list(get_orders(session, order_ids_of(session, [number]), actor))
    if not found:
        raise NotFound(f"there is no order {number[:20]}", code="unknown_order")
    if len(found) > 1:
        raise Conflict(f"{len(found)} shops have an order {number}: use the hub's number", code="ambiguous_number")
    return explain_routing(session, found[0], actor)


def explain_routing(session: Session, order_id: int, actor: Actor) -> Routing:
    """Explain every decision of an order that the actor may see.

    Raises: NotFound, also for an order of somebody else's shop.
    """
    order = get_order(session, order_id, actor)
    stored = {one.no: one for one in stored_decisions(session, [order_id])}
    traced = trace_routing(session, order_id)
    cuts = cuts_of(session, order_id, traced)
    decisions = [_explained(one, stored[one.no], cuts.get(one.no)) for one in traced]
    return Routing(id=order.id, currency=order.currency, decisions=tuple(decisions))


def _explained(traced: TracedDecision, row: Stored, cut_by: tuple[str, ...] | None) -> ExplainedDecision:
    decision = row.decision()
    told = {"wants", "unmet", "candidates", "carriers", "promises", "cut_by", "input_hash"}
    asked = _what_ifs(row.question(), decision)
    options = () if decision.options is UNSET else decision.options
    return ExplainedDecision(
        **traced.model_dump(include=set(ExplainedDecision.model_fields) - told),
        input_hash=row.input_hash,
        wants=tuple([Pieces(line_no=one.line_no, sku=one.sku, quantity=one.quantity) for one in traced.wants]),
        unmet=tuple([Pieces(line_no=one.line_no, sku=one.sku, quantity=one.quantity) for one in traced.unmet]),
        candidates=tuple(
            [ExplainedCandidate(**one.model_dump(), what_if=asked.get(one.code)) for one in traced.candidates]
        ),
        carriers=tuple([Carrier(**structs.asdict(one)) for one in options]),
        cut_by=cut_by,
        promises={one.code: one.promise for one in decision.choices if one.promise},
    )


def _what_ifs(question: Question, decision: Decision) -> Mapping[str, WhatIf | None]:
    solve = SOLVERS.get(decision.solver)
    return {one.code: what_if(question, one, solve) for one in decision.candidates} if solve else {}
