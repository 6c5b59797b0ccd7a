"""Work jobs off at their rates: a portion of one job in one transaction, by as many workers as there are.

A worker that looks takes the job whose rate has been unused for longest; a job that another has in hand is left alone,
so that no rate is spent twice. Each thing is acted on only if it is still in the right state, and only as long as
whoever confirmed the job may still do so.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import attempt, row, rows, run
from hub.errors import Conflict, HubError, NotFound
from hub.repair import cancel_step
from hub.replay_acts import discard_all, lock_orders_of, replay_all, retry_all
from hub.replay_filter import Act, What
from hub.replay_right import Right, right_of
from hub.replay_steps import call_again, skip_step
from hub.replay_table import ItemState
from hub.replay_view import NOW
from hub.roles import SYSTEM
from hub.settings import Settings
from hub.steps import StepState

PORTION: Final = 500
"""How many things one transaction takes at most."""

SAVED: Final = timedelta(seconds=10)
"""How long a rate may be saved up while nobody looks: a job must not come down on a partner all at once."""

GONE: Final = "gone"
"""The outcome of a thing that is past its retention, or not to be seen any more by whoever confirmed."""

STUCK: Final = {What.STEP: frozenset({"dead"}), What.MESSAGE: frozenset({"parked", "refused"})}
"""States that are acted on: a thing that is left in one of them was not to be seen."""

Outcomes = Mapping[int, tuple[ItemState, str]]


def work_off(session: Session, at: datetime, settings: Settings) -> int:
    """Do a portion of the job that has waited longest, and give how many things were looked at.

    A job whose maker may not any more is stopped; one who may see less goes on with that.
    """
    job = row(
        session,
        """select * from replay_job
           where state = 'running' and extract(epoch from cast(:at as timestamptz) - refilled_at) * rate_per_s >= 1
           order by refilled_at, id limit 1 for update skip locked""",
        at=at,
    )
    if job is None:
        return 0
    right = right_of(session, job, settings)
    if right is None:
        _stop(session, job, at)
        return 0
    number, refilled_at = allowance(job.refilled_at, job.rate_per_s, at)
    items = rows(
        session,
        """select place, thing_id from replay_item where job_id = :id and state = 'waiting'
           order by place limit :number""",
        id=job.id,
        number=number,
    )
    _write(session, job, _act(session, job, right, [one.thing_id for one in items], at), refilled_at, at)
    return len(items)


def allowance(refilled_at: datetime, rate_per_s: Decimal, at: datetime) -> tuple[int, datetime]:
    """Give how many things a rate allows now, and up to when it is used then; a part of a thing stays saved up.

    What lies further back than may be saved up is lost; one thing may always be saved up for.
    """
    us, each_us = timedelta(microseconds=1), Decimal(1_000_000) / rate_per_s
    most = max(Decimal(SAVED // us), each_us)
    since_us = min(Decimal((at - refilled_at) // us), most)
    number = int(since_us // each_us)
    if number > PORTION:
        return PORTION, at
    rest_us = since_us - number * each_us
    return number, at - int(rest_us) * us


def _act(session: Session, job: Row[Any], right: Right, ids: Sequence[int], at: datetime) -> Outcomes:
    """Act on a portion, and say of each thing what became of it."""
    actor, act, what = right.actor, Act(job.act), What(job.what)
    outcomes: dict[int, tuple[ItemState, str]] = {}
    if act in {Act.SKIP, Act.CANCEL}:
        return _each(session, job, right, ids, at)
    if job.again:
        lock_orders_of(session, ids)
    if act is Act.RETRY:
        changed = retry_all(session, actor, ids, job.reason, at, right.connections, job.id)
    else:
        of_messages = replay_all if act is Act.REPLAY else discard_all
        changed = of_messages(session, actor, ids, job.reason, at, right.connections, job.id)
    outcomes |= dict.fromkeys(changed, (ItemState.DONE, ""))
    rest = [one for one in ids if one not in outcomes]
    states = _states(session, what, rest)
    completed = [one for one in rest if states.get(one) == StepState.DONE] if job.again else []
    if completed:
        outcomes |= _each(session, job, right, completed, at)
    moved_on = {one: state for one, state in states.items() if state not in STUCK[what]}
    return {one: (ItemState.LEFT, moved_on.get(one, GONE)) for one in rest} | outcomes


def _each(session: Session, job: Row[Any], right: Right, ids: Sequence[int], at: datetime) -> Outcomes:
    """Act on each thing by itself, after all their orders are locked; one that fails takes no other with it."""
    lock_orders_of(session, ids)
    acts = {
        Act.SKIP: partial(skip_step, although_it_may_have_been_executed=job.in_doubt),
        Act.CANCEL: cancel_step,
        Act.RETRY: call_again,
    }
    act = acts[Act(job.act)]
    outcomes: dict[int, tuple[ItemState, str]] = {}
    for one in ids:
        try:
            with attempt(session):
                act(session, right.actor, one, job.reason, at, connections=right.connections, job=job.id)
            outcomes[one] = (ItemState.DONE, "")
        except (Conflict, NotFound) as error:
            outcomes[one] = (ItemState.LEFT, error.code)
        except HubError as error:
            outcomes[one] = (ItemState.FAILED, error.code)
        except (IntegrityError, DataError) as error:
            outcomes[one] = (ItemState.FAILED, type(error.orig).__name__)
    return outcomes


def _stop(session: Session, job: Row[Any], at: datetime) -> None:
    """End a job that nobody stands for any more; what it has not come to may be taken by another."""
    run(
        session,
        "update replay_job set state = 'stopped', ended_at = :at, updated_at = :at where id = :id",
        at=at,
        id=job.id,
    )
    reason = f"{job.actor}, who confirmed it, may not do this any more"
    record(session, at, SYSTEM.name, "replay.stop", f"replay:{job.id}", reason=reason)


def _states(session: Session, what: What, ids: Collection[int]) -> dict[int, str]:
    """Give the state of each, live or finished, in which it was left alone."""
    found = rows(
        session,
        f"""select i.thing_id, {NOW[what]} as now from unnest(cast(:ids as bigint[])) as i (thing_id)""",
        ids=list(ids),
    )
    return {one.thing_id: one.now for one in found if one.now}


def _write(session: Session, job: Row[Any], outcomes: Outcomes, refilled_at: datetime, at: datetime) -> None:
    """Write what became of a portion; a job with nothing left to do is done."""
    run(
        session,
        """update replay_item i set state = t.state, outcome = t.outcome, acted_at = :at
           from unnest(cast(:ids as bigint[]), cast(:states as text[]), cast(:outcomes as text[]))
                as t (id, state, outcome)
           where i.job_id = :job and i.thing_id = t.id and i.state = 'waiting'""",
        job=job.id,
        ids=list(outcomes),
        states=[state for state, _ in outcomes.values()],
        outcomes=[outcome for _, outcome in outcomes.values()],
        at=at,
    )
    counts = {state: sum(found is state for found, _ in outcomes.values()) for state in ItemState}
    ended = row(
        session,
        """update replay_job set done = done + :done, left_out = left_out + :left, failed = failed + :failed,
               refilled_at = :refilled_at, updated_at = :at,
               state = case when total = done + left_out + failed + :number then 'done' else state end,
               ended_at = case when total = done + left_out + failed + :number then cast(:at as timestamptz) end
           where id = :id returning state, done, left_out, failed""",
        done=counts[ItemState.DONE],
        left=counts[ItemState.LEFT],
        failed=counts[ItemState.FAILED],
        number=len(outcomes),
        refilled_at=refilled_at,
        at=at,
        id=job.id,
    )
    if ended and ended.state == "done":
        told = {"done": ended.done, "left_out": ended.left_out, "failed": ended.failed}
        record(session, at, job.actor, "replay.done", f"replay:{job.id}", **told)
