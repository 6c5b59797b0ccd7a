"""Take due steps, and write down what became of them: all SQL of the engine, with time as a parameter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from flows.effect import Claimed
from hub.database import keyring_of, rows, run
from hub.errors import HubError, OutcomeUnknown
from hub.exchange import Exchange, place, write_exchanges
from hub.steps import StepState, promote

CLAIM: Final = """
    with due as (
        select id, state as was, run_at as due_at from step
        where state in ('pending', 'unknown', 'in_flight') and run_at <= :at and connection <> all(:full)
          and connection not in (select connection from connection_health where paused_at is not null)
        order by run_at, id limit :limit for update skip locked),
    claimed as (
        update step set state = 'in_flight', token = token + 1, attempts = attempts + 1, lease_until = :lease_until,
                        run_at = :reclaim_at, doubt = doubt or due.was = 'in_flight',
                        unheard = unheard + (due.was = 'in_flight')::int
        from due where step.id = due.id
        returning step.*, due.was, due.due_at)
    select id, flow, lane, connection, idempotency_key, order_id, subject, attempts, unheard, token, was, doubt,
           lease_until
    from claimed order by due_at, id"""
"""An expired lease is due like anything else: while a step is in flight, run_at is lease end plus grace."""


class Fenced(Exception):
    """Somebody else has claimed the step since: nothing of this attempt may be booked."""


def claim(
    session: Session,
    limit: int,
    at: datetime,
    clock_s: float,
    lease: timedelta,
    grace: timedelta,
    full: Sequence[str] = (),
) -> list[Claimed]:
    """Claim the steps that are due, heads of their lanes all of them; `full` and paused connections are left alone."""
    until = at + lease
    found = rows(session, CLAIM, at=at, limit=limit, lease_until=until, reclaim_at=until + grace, full=list(full))
    return [Claimed(*tuple(one), claimed_s=clock_s) for one in found]


def prolong(session: Session, step: Claimed, at: datetime, lease: timedelta, grace: timedelta) -> None:
    """Give a step its whole lease once more, if it is still this worker's.

    Raises: Fenced.
    """
    until = at + lease
    changed = run(
        session,
        """update step set lease_until = :until, run_at = :reclaim_at
           where id = :id and token = :token and state = 'in_flight'""",
        until=until,
        reclaim_at=until + grace,
        id=step.id,
        token=step.token,
    )
    if not changed:
        raise Fenced


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt, and when the step is due again if it is."""

    state: StepState
    run_at: datetime
    error: HubError | None = None


def settle(session: Session, step: Claimed, outcome: Outcome, at: datetime) -> None:
    """Write the outcome of an attempt, if the step is still this worker's.

    Raises: Fenced.
    """
    ended = outcome.state in {StepState.DONE, StepState.DEAD}
    changed = run(
        session,
        """update step set state = :state, run_at = :run_at, lease_until = null, last_error = :error,
                           doubt = doubt or :unheard, unheard = unheard + (:unheard)::int,
                           settled_at = :settled_at
           where id = :id and token = :token and state = 'in_flight'""",
        state=outcome.state,
        run_at=outcome.run_at,
        error=outcome.error.message if outcome.error else "",
        unheard=isinstance(outcome.error, OutcomeUnknown),
        settled_at=at if ended else None,
        id=step.id,
        token=step.token,
    )
    if not changed:
        raise Fenced
    if outcome.state is StepState.DONE:
        promote(session, step.lane, at)


def keep_attempt(
    session: Session, step: Claimed, outcome: Outcome, heard: Sequence[Exchange], started: datetime, at: datetime
) -> None:
    """Keep what was said in an attempt, sealed."""
    sealed = keyring_of(session).seal_body(write_exchanges(heard), place(step.id, step.token)) if heard else None
    run(
        session,
        """insert into attempt (step_id, token, started_at, finished_at, outcome, error_code, error, exchanges)
           values (:id, :token, :started, :finished, :outcome, :code, :error, :exchanges)""",
        id=step.id,
        token=step.token,
        started=started,
        finished=at,
        outcome=outcome.state,
        code=outcome.error.code if outcome.error else "",
        error=outcome.error.message if outcome.error else "",
        exchanges=sealed,
    )
