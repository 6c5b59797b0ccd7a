"""A lane that stands still is let go on without its dead call, and a completed call is made once more."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import row
from hub.errors import Conflict, NotFound
from hub.repair import check_step
from hub.replay_acts import REPEATABLE, lock_orders_of, put_right, refuse_holding, why
from hub.roles import Actor, Permission
from hub.scope import STEP_SEEN, scope
from hub.steps import NewStep, StepState, add, promote

AGAIN = ":again:"
"""What stands between the idempotency key of a call and the number of the job that has it made once more."""


def skip_step(
    session: Session,
    actor: Actor,
    step_id: int,
    reason: str,
    at: datetime,
    *,
    although_it_may_have_been_executed: bool = False,
    connections: Collection[str] = (),
    job: int | None = None,
) -> None:
    """Give a dead call up, so that its lane goes on without it; whether it was executed stays noted as its doubt.

    Raises: Unauthorised; NotFound; Malformed without a reason; Conflict when it is not dead (step_state), may have been
    executed and nobody said that this does not matter (step_in_doubt), or holds stock (step_holds_stock).
    """
    actor.require(Permission.BULK)
    said = why(reason)
    check_step(session, actor, step_id, connections)
    refuse_holding(session, step_id)
    lock_orders_of(session, [step_id])
    found = row(session, "select state, lane, doubt from step where id = :id for update", id=step_id)
    if found is None or found.state != StepState.DEAD:
        raise Conflict(f"step {step_id} is {found.state if found else 'over'}, not dead", code="step_state")
    if found.doubt and not although_it_may_have_been_executed:
        told = "the partner may have executed this call: ask it, then say so to skip the call all the same"
        raise Conflict(told, code="step_in_doubt")
    row(
        session,
        "update step set state = 'cancelled', settled_at = :at where id = :id returning 1",
        id=step_id,
        at=at,
    )
    promote(session, [found.lane], at)
    put_right(session, actor, "step.skip", [f"step:{step_id}"], said, at, job, {"doubt": found.doubt})


def call_again(
    session: Session,
    actor: Actor,
    step_id: int,
    reason: str,
    at: datetime,
    *,
    connections: Collection[str] = (),
    job: int,
) -> None:
    """Make a completed call once more: a new one at the end of its lane, under a key of its own.

    Raises: Unauthorised; NotFound; Malformed without a reason; Conflict when it has not completed (step_state), when a
    second call would do harm (not_repeatable), or when this job has made it already (called_again).
    """
    actor.require(Permission.BULK)
    said = why(reason)
    found = row(
        session,
        f"""select * from (
                select id, flow, lane, connection, idempotency_key, order_id, subject, traceparent, state from step
                union all
                select id, flow, lane, connection, idempotency_key, order_id, subject, traceparent, state
                from step_history) s
            where s.id = :id and {STEP_SEEN}""",
        id=step_id,
        **scope(actor, connections),
    )
    if found is None:
        raise NotFound(f"there is no step {step_id}", code="unknown_step")
    if found.state != StepState.DONE:
        raise Conflict(f"step {step_id} is {found.state}: it has not completed", code="step_state")
    if found.flow not in REPEATABLE:
        raise Conflict(f"a second {found.flow} would be a second effect at the partner", code="not_repeatable")
    lock_orders_of(session, [step_id])
    key = f"{found.idempotency_key.partition(AGAIN)[0]}{AGAIN}{job}"
    if row(session, "select 1 from step where idempotency_key = :key", key=key):
        raise Conflict("this job has made the call again already", code="called_again")
    new = NewStep(found.flow, found.lane, found.connection, key, found.order_id, found.subject, found.traceparent)
    add(session, [new], at)
    put_right(session, actor, "step.again", [f"step:{step_id}"], said, at, job, {"key": key})
