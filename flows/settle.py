"""Write down what became of a batch of attempts: outcomes, what follows from them, and what was said, in one commit."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from flows.effect import Claimed, Effect
from flows.verdict import Outcome
from hub.breakers import Called, Tolerance, note_calls
from hub.cases import NewCase, open_cases
from hub.connections import heed
from hub.database import copy, keyring_of, rows
from hub.errors import HubError, OutcomeUnknown, TryLater
from hub.exchange import Exchange, place, write_exchanges
from hub.failpoints import reach
from hub.keyring import Keyring
from hub.steps import StepState, promote
from hub.tracing import continuing

ATTEMPT: Final = ("step_id", "token", "started_at", "finished_at", "outcome", "error_code", "error", "exchanges")

NOT_THE_PARTNER: Final = frozenset({"worker_ended", "our_fault"})
"""Codes of unknown outcomes that say nothing about the partner."""

AWAY: Final = frozenset({"unreachable", "http_408", "http_503"})
"""Codes of refusals for now that a partner gives when it can take no call at all."""

OURS: Final = "paced"
"""The code of a call that this process held back itself."""

LONGEST_WISH: Final = timedelta(minutes=10)
"""How long one answer may hold back a whole connection; its own step waits as long as the partner asked."""


Claim = tuple[int, int]
"""A step's id and the token of one claim of it."""


class Result(NamedTuple):
    """One attempt that is over: its outcome, the partner's answer, and what was said meanwhile."""

    step: Claimed
    effect: Effect | None
    outcome: Outcome
    started: datetime
    finished: datetime
    answer: Any = None
    heard: Sequence[Exchange] = ()


def book(
    session: Session, results: Sequence[Result], brands: Mapping[str, str], tolerance: Tolerance, at: datetime
) -> set[Claim]:
    """Write a batch down, and give id and token of the claims that were still this worker's; of the others nothing is.

    A batch may hold two claims of one step: after an outage of the database the first still waits to be booked when its
    lease is over and this worker has claimed the step again.
    Orders are locked first, then steps, both in the order of their ids; `brands` are those of connections, for steps
    without an order.
    """
    orders = _lock_orders(session, {one.step.order_id for one in results if one.step.order_id is not None})
    ours = _write_done(session, [one.step for one in results if one.outcome.state is StepState.DONE], at)
    ours |= _write(session, [one for one in results if one.outcome.state is not StepState.DONE], at)
    booked = sorted((one for one in results if claim_of(one) in ours), key=lambda one: one.step.id)
    for one in booked:
        step, error = one.step, one.outcome.error
        brand = orders.get(step.order_id or 0, "") or brands.get(step.connection, "")
        if one.outcome.state is StepState.DONE and one.effect and one.answer is not None:
            with continuing(step.traceparent):  # what follows from it belongs to its trace
                one.effect.settle(session, step, one.answer, at)
        if error is not None:
            heed(session, step.connection, brand, error, one.started, at)
        if one.outcome.state is StepState.DEAD and error is not None:
            _bury(session, step, error, brand, at)
            if one.effect:
                one.effect.give_up(session, step, error, at)
    done = [one.step.lane for one in booked if one.outcome.state is StepState.DONE]
    if done:
        promote(session, done, at)
    _keep_attempts(session, [one for one in booked if not one.outcome.given_back])
    note_calls(session, [_called(one, at) for one in booked], tolerance, at)
    reach("settle.written")
    return ours


def claim_of(result: Result) -> Claim:
    """Name the claim that a result is of: a step's id alone does not."""
    return result.step.id, result.step.token


def bury_alone(session: Session, result: Result, error: HubError, brand: str, at: datetime) -> bool:
    """Let a step be dead whose own flow cannot even give it up; False when it is not this worker's any more."""
    if not _write(session, [result], at):
        return False
    _bury(session, result.step, error, brand, at)
    _keep_attempts(session, [result])
    return True


def _lock_orders(session: Session, ids: Collection[int]) -> Mapping[int, str]:
    if not ids:
        return {}
    statement = "select id, brand from sales_order where id = any(:ids) order by id for update"
    return {one.id: one.brand for one in rows(session, statement, ids=sorted(ids))}


def _write_done(session: Session, steps: Sequence[Claimed], at: datetime) -> set[Claim]:
    """Write that steps are done, if they are still this worker's: nearly all of a batch, with nothing else to say."""
    if not steps:
        return set()
    steps = sorted(steps, key=attrgetter("id"))
    found = rows(
        session,
        """update step set state = 'done', run_at = :at, settled_at = :at, lease_until = null, last_error = ''
           from unnest(cast(:ids as bigint[]), cast(:tokens as bigint[])) as told (id, token)
           where step.id = told.id and step.token = told.token and step.state = 'in_flight'
           returning step.id, step.token""",
        # Written out here: the driver would write an array value by value.
        ids=f"{{{','.join(str(step.id) for step in steps)}}}",
        tokens=f"{{{','.join(str(step.token) for step in steps)}}}",
        at=at,
    )
    return {(one.id, one.token) for one in found}


def _write(session: Session, results: Sequence[Result], at: datetime) -> set[Claim]:
    """Write all other outcomes of steps that are still this worker's, as one document."""
    if not results:
        return set()
    found = rows(
        session,
        """with told as (
               select * from json_to_recordset(cast(:told as json)) as t (
                   id bigint, token bigint, state text, run_at timestamptz, error text, unheard boolean, ended boolean,
                   back boolean)),
           mine as (
               select told.* from told join step s on s.id = told.id
               where s.token = told.token and s.state = 'in_flight' order by s.id for update of s)
           update step set state = mine.state, run_at = mine.run_at, lease_until = null, last_error = mine.error,
                           doubt = doubt or mine.unheard, unheard = step.unheard + mine.unheard::int,
                           attempts = attempts - mine.back::int,
                           settled_at = case when mine.ended then cast(:at as timestamptz) end
           from mine where step.id = mine.id returning step.id, step.token""",
        told=json.dumps([_told(one.step, one.outcome) for one in results]),
        at=at,
    )
    return {(one.id, one.token) for one in found}


def _told(step: Claimed, outcome: Outcome) -> dict[str, object]:
    return {
        "id": step.id,
        "token": step.token,
        "state": outcome.state,
        "run_at": outcome.run_at.isoformat(),
        "error": outcome.error.message if outcome.error else "",
        "unheard": outcome.unheard,
        "ended": outcome.ended,
        "back": outcome.given_back,
    }


def _keep_attempts(session: Session, results: Sequence[Result]) -> None:
    """Keep what was said in each attempt, sealed."""
    if results:
        ring = keyring_of(session)
        copy(session, "attempt", ATTEMPT, (_attempt(one, ring) for one in results))


def _attempt(one: Result, ring: Keyring) -> Sequence[object]:
    step, outcome = one.step, one.outcome
    sealed = ring.seal_body(write_exchanges(one.heard), place(step.id, step.token)) if one.heard else None
    code, message = (outcome.error.code, outcome.error.message) if outcome.error else ("", "")
    return step.id, step.token, one.started, one.finished, str(outcome.state), code, message, sealed


def _called(one: Result, at: datetime) -> Called:
    error = one.outcome.error
    away = isinstance(error, TryLater) and error.code in AWAY
    silent = isinstance(error, OutcomeUnknown) and error.code not in NOT_THE_PARTNER
    wish = None
    if isinstance(error, TryLater) and error.after_s and error.code != OURS:
        wish = at + min(timedelta(seconds=error.after_s), LONGEST_WISH)
    met = bool(one.heard) or one.answer is not None
    failed = True if away or silent else False if met else None
    return Called(one.step.connection, one.step.id, one.step.token, failed, wish)


def _bury(session: Session, step: Claimed, error: HubError, brand: str, at: datetime) -> None:
    message = f"{step.flow} to {step.connection}: {error.message}"
    case = NewCase("step_dead", f"step:{step.id}", brand, message, step.order_id, {"step": step.id})
    open_cases(session, [case], at)
