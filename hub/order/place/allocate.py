"""Find a source for lines of orders that are there already, and write what was decided, for a whole batch at once.

Every way to a source goes through `write_sourced`: a new order (hub/order/place/batch.py), a rest that a location
could not ship, a hold that was released.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy.orm import Session

from hub.database import attempt, copy, rows, run
from hub.fulfilment.keep import keep_back
from hub.fulfilment.release import open_fulfilments
from hub.inventory.ledger import Movement, Shortage
from hub.inventory.quota import count_sold
from hub.inventory.reserve import reserve
from hub.merge.window import write_waits
from hub.order.place.hold_deliveries import hold_deliveries
from hub.order.place.mates import with_windows_again
from hub.order.place.need import Need, Plan, part_by_holds
from hub.order.place.plan import UNUSED, Numbers, Sourced, plan
from hub.order.place.presold import free_presold
from hub.order.place.told_back import NO_CUTS, Cuts
from hub.order.place.unmet import tell_unmet
from hub.order.rules.hold import Hold, HoldType
from hub.order.rules.policy import Policy
from hub.sourcing.day_count import DayFull, take_days
from hub.sourcing.model import digest_of
from hub.sourcing.open_count import LocationFull, take_open


def allocate(
    session: Session,
    needs: Sequence[Need],
    policy: Policy,
    at: datetime,
    carts: Sequence[Movement] = (),
    cut: Cuts = NO_CUTS,
) -> Sequence[Plan]:
    """Source a batch and write what was decided; what has no source becomes a stock hold and a case.

    `carts` is what the orders' carts held, booked back along with it, and `cut` what is cancelled after this, which
    rules count no more. Lines that holds of their own keep from being routed are left open. The orders' rows must be
    locked, and `at` is in the business zone. The first plan is made without locks; if somebody else took the pieces
    meanwhile, the second is made with the counters held still, so it cannot fail.
    """
    if not needs:
        return []
    numbers, held = numbers_and_holds(session, [need.order_id for need in needs])
    if held:
        needs = [part_by_holds(need, held.get(need.order_id, ())) for need in needs]
    try:
        with attempt(session):
            sourced = plan(session, needs, policy, numbers, at, carts)
            _write_all(session, sourced, numbers, at, carts, cut)
    except (Shortage, DayFull, LocationFull):
        sourced = plan(session, needs, policy, numbers, at, carts, lock=True)
        _write_all(session, sourced, numbers, at, carts, cut, still=True)
    tell_unmet(session, sourced.plans, policy.version, at)
    return sourced.plans


def _write_all(
    session: Session,
    sourced: Sourced,
    numbers: Mapping[int, Numbers],
    at: datetime,
    carts: Sequence[Movement],
    cut: Cuts,
    *,
    still: bool = False,
) -> None:
    write_sourced(session, with_windows_again(session, sourced, at), numbers, at)
    hold_deliveries(session, sourced.opened, at, cut)
    keep_back(session, {one.order_id for one in sourced.opened})
    _count_allocated(session, sourced)
    free_presold(session, {one.order_id for one in sourced.opened})
    reserve(session, list(sourced.claims()), at, along=carts)
    take_days(session, sourced.days, sourced.most)
    if not still:
        take_open(session, sourced.most_open)
    count_sold(session, {}, carts)


def write_sourced(session: Session, sourced: Sourced, numbers: Mapping[int, Numbers], at: datetime) -> None:
    """Write the decisions of a batch and the fulfilment orders that they lead to; reserving is the caller's, last."""
    columns = (
        "order_id", "no", "decided_at", "policy_version", "solver_version", "input_hash", "input", "outcome", "cost",
        "bound",
    )  # fmt: skip
    records = [
        (
            *(plan.need.order_id, no, at, question.policy, decision.solver, digest_of(written := question.written())),
            *(written.decode(), msgspec.json.encode(decision).decode(), decision.cost, decision.bound),
        )
        for plan in sourced.plans
        for no, (question, decision) in enumerate(plan.decisions, numbers.get(plan.need.order_id, UNUSED).decision + 1)
    ]
    copy(session, "routing_decision", columns, records)
    open_fulfilments(session, sourced.opened, at)
    write_waits(session, sourced.opened)


def numbers_and_holds(session: Session, order_ids: Sequence[int]) -> tuple[dict[int, Numbers], dict[int, list[Hold]]]:
    """Give the last numbers that orders have used, and what holds single lines of them, where anything does."""
    found = rows(
        session,
        """select asked.id,
                  coalesce((select max(no) from fulfilment_order where order_id = asked.id), 0) as fulfilment,
                  coalesce((select max(no) from routing_decision where order_id = asked.id), 0) as decision,
                  (select jsonb_agg(jsonb_build_array(type, rule, line_no, blocks)) from order_hold h
                   where h.order_id = asked.id and h.released_at is null and h.line_no is not null) as held
           from unnest(cast(:ids as bigint[])) as asked (id)""",
        ids=list(order_ids),
    )
    held = {
        row.id: [Hold(HoldType(kind), rule, blocks=tuple(acts), line_no=no) for kind, rule, no, acts in row.held]
        for row in found
        if row.held
    }
    return {row.id: Numbers(row.fulfilment, row.decision) for row in found}, held


def _count_allocated(session: Session, sourced: Sourced) -> None:
    pieces = sourced.pieces()
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
        ids=sorted({order_id for order_id, _ in pieces}),
    )
