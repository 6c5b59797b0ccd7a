"""Find a source for order lines: split, route, reserve, and open the fulfilment orders, for a whole batch at once.

Every way to a source goes through here: a new order, a rest that a location could not ship, a hold that was released.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from hub.address.division import Point, point_of
from hub.cases import NewCase, open_cases
from hub.database import copy, rows, run
from hub.fulfilment.release import NewFulfilment, NewLine, open_fulfilments
from hub.inventory.ledger import Shortage
from hub.inventory.level import free_pieces
from hub.inventory.reserve import reserve
from hub.order.hold import Hold, HoldType
from hub.order.policy import Policy
from hub.order.route import Shelf, route
from hub.order.split import split
from hub.sourcing.location import find_places
from hub.sourcing.model import Decision, Place, Question, Take, Want


@dataclass(frozen=True, slots=True)
class Need:
    """Pieces of one order that need a source; `barred` locations have refused or failed this order before."""

    order_id: int
    brand: str
    division: str
    wants: tuple[Want, ...]
    attempt: int = 1
    replaces_no: int | None = None
    barred: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided for one need, part by part."""

    need: Need
    decisions: tuple[tuple[Question, Decision], ...]

    @property
    def unmet(self) -> list[Take]:
        return [take for _, decision in self.decisions for take in decision.unmet]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The last numbers an order has used."""

    fulfilment: int = 0
    decision: int = 0


def allocate(
    session: Session, needs: Sequence[Need], policy: Policy, at: datetime, *, fresh: bool = False
) -> list[Plan]:
    """Source a batch and write what was decided; what has no source becomes a stock hold and a case.

    The orders' rows must be locked, or made by this transaction (`fresh`). The first plan is made without locks; if
    somebody else took the pieces meanwhile, the second is made with the counters held still, so it cannot fail.
    """
    if not needs:
        return []
    places = find_places(session)
    skus = {want.sku for need in needs for want in need.wants}
    numbers = {} if fresh else _last_numbers(session, [need.order_id for need in needs])
    plans = _plan(needs, places, Shelf(free_pieces(session, skus)), policy)
    opened = _fulfilments(plans, places, numbers)
    try:
        with session.begin_nested():
            reserve(session, [claim for new in opened for claim in new.claims()], at)
    except Shortage:
        plans = _plan(needs, places, Shelf(free_pieces(session, skus, lock=True)), policy)
        opened = _fulfilments(plans, places, numbers)
        reserve(session, [claim for new in opened for claim in new.claims()], at)
    _write_decisions(session, plans, numbers, at)
    open_fulfilments(session, opened, at)
    _count_allocated(session, opened)
    _hold_unmet(session, plans, policy, at)
    return plans


def _plan(needs: Sequence[Need], places: Mapping[str, Place], shelf: Shelf, policy: Policy) -> list[Plan]:
    points: dict[str, Point] = {}
    plans: list[Plan] = []
    for need in needs:
        to = points.setdefault(need.division, point_of(need.division))
        parts = split(need.wants, policy.splitters)
        ours = {code: place for code, place in places.items() if place.brand == need.brand}
        plans.append(Plan(need, tuple(route(parts, to, ours, shelf, policy.version, policy.costs, need.barred))))
    return plans


def _fulfilments(
    plans: Sequence[Plan], places: Mapping[str, Place], numbers: Mapping[int, _Numbers]
) -> list[NewFulfilment]:
    opened: list[NewFulfilment] = []
    for plan in plans:
        need = plan.need
        last = numbers.get(need.order_id, _Numbers())
        no = last.fulfilment
        for decision_no, (_, decision) in enumerate(plan.decisions, last.decision + 1):
            for choice in decision.choices:
                no += 1
                place = places[choice.code]
                opened.append(
                    NewFulfilment(
                        brand=need.brand,
                        order_id=need.order_id,
                        no=no,
                        location=place.code,
                        connection=place.connection,
                        owner=place.owner,
                        courier=place.courier,
                        attempt=need.attempt,
                        replaces_no=need.replaces_no,
                        decision_no=decision_no,
                        lines=tuple(NewLine(take.line_no, take.sku, take.quantity) for take in choice.takes),
                    )
                )
    return opened


def _last_numbers(session: Session, order_ids: Sequence[int]) -> dict[int, _Numbers]:
    found = rows(
        session,
        """select asked.id,
                  coalesce((select max(no) from fulfilment_order where order_id = asked.id), 0) as fulfilment,
                  coalesce((select max(no) from routing_decision where order_id = asked.id), 0) as decision
           from unnest(cast(:ids as bigint[])) as asked (id)""",
        ids=list(order_ids),
    )
    return {row.id: _Numbers(row.fulfilment, row.decision) for row in found}


def _write_decisions(session: Session, plans: Sequence[Plan], numbers: Mapping[int, _Numbers], at: datetime) -> None:
    records = [
        (
            plan.need.order_id,
            no,
            at,
            question.policy,
            decision.solver,
            question.digest(),
            question.model_dump_json(),
            decision.model_dump_json(),
            decision.cost,
            decision.bound,
        )
        for plan in plans
        for no, (question, decision) in enumerate(
            plan.decisions, numbers.get(plan.need.order_id, _Numbers()).decision + 1
        )
    ]
    columns = [
        "order_id",
        "no",
        "decided_at",
        "policy_version",
        "solver_version",
        "input_hash",
        "input",
        "outcome",
        "cost",
        "bound",
    ]
    copy(session, "routing_decision", columns, records)


def _count_allocated(session: Session, opened: Sequence[NewFulfilment]) -> None:
    pieces: defaultdict[tuple[int, int], int] = defaultdict(int)
    for new in opened:
        for line in new.lines:
            pieces[new.order_id, line.line_no] += line.quantity
    run(
        session,
        """update order_line line set allocated = line.allocated + new.pieces
           from unnest(cast(:orders as bigint[]), cast(:lines as bigint[]), cast(:pieces as bigint[]))
                as new (order_id, line_no, pieces)
           where (line.order_id, line.line_no) = (new.order_id, new.line_no)""",
        orders=[order_id for order_id, _ in pieces],
        lines=[line_no for _, line_no in pieces],
        pieces=list(pieces.values()),
    )
    run(
        session,
        """update sales_order set lifecycle = 'in_fulfilment', version = version + 1
           where id = any(:ids) and lifecycle = 'accepted'""",
        ids=sorted({new.order_id for new in opened}),
    )


def _hold_unmet(session: Session, plans: Sequence[Plan], policy: Policy, at: datetime) -> None:
    short = [plan for plan in plans if plan.unmet]
    holds = {
        plan.need.order_id: [Hold(HoldType.STOCK, "no_source", {"missing": _missing(plan.unmet)})] for plan in short
    }
    write_holds(session, holds, policy.version, at)
    open_cases(
        session,
        [
            NewCase(
                "stock",
                f"order:{plan.need.order_id}",
                plan.need.brand,
                ", ".join(f"{sku} x {pieces}" for sku, pieces in _missing(plan.unmet).items()),
                plan.need.order_id,
            )
            for plan in short
        ],
        at,
    )


def _missing(unmet: Sequence[Take]) -> dict[str, int]:
    missing: defaultdict[str, int] = defaultdict(int)
    for take in unmet:
        missing[take.sku] += take.quantity
    return dict(missing)


def write_holds(session: Session, holds: Mapping[int, Sequence[Hold]], version: str, at: datetime) -> None:
    """Write the holds of orders, numbered behind those they have."""
    ids = [order_id for order_id, of_order in holds.items() if of_order]
    if not ids:
        return
    found = rows(
        session,
        """select asked.id, coalesce((select max(no) from order_hold where order_id = asked.id), 0) as no
           from unnest(cast(:ids as bigint[])) as asked (id)""",
        ids=ids,
    )
    last = {row.id: row.no for row in found}
    columns = [
        "order_id",
        "no",
        "type",
        "blocks",
        "rule",
        "rule_version",
        "evidence",
        "created_at",
        "released_by",
        "reason",
    ]
    records = [
        (
            *(order_id, last[order_id] + n, hold.type, list(hold.blocks), hold.rule, version),
            *(json.dumps(hold.evidence), at, "", ""),
        )
        for order_id, of_order in holds.items()
        for n, hold in enumerate(of_order, 1)
    ]
    copy(session, "order_hold", columns, records)
