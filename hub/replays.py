"""Jobs that repair many calls or messages: counted first, fixed when confirmed, worked off at a rate, paused at will.

A job acts under the name and within the brands and shops of whoever confirmed it, as long as they may. Its things are
fixed when it begins; what is in another state when its turn comes is left alone and counted. `hub/replay_work.py` works
jobs off, `hub/replay_view.py` shows them.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import copy, row, rows, run
from hub.errors import Conflict, Malformed
from hub.ids import month_before
from hub.replay_acts import why
from hub.replay_filter import Wanted, What, check_wanted, find_messages, find_steps
from hub.replay_outlook import Lot, Outlook, outlook_of, sort
from hub.replay_table import JobState
from hub.replay_view import JOB_SEEN, get_job
from hub.roles import Actor, Permission
from hub.scope import scope
from hub.settings import Retention

MOST: Final = 100_000
"""How many things one job takes at most."""

TYPED_ABOVE: Final = 500
"""Above this the number must be repeated by whoever confirms."""

LOCK: Final = 7005
"""The advisory lock under which jobs begin, one after the other: two would take the same things."""

SLOWEST, FASTEST = Decimal("0.01"), Decimal(200)
"""Things a second."""


def dry_run(session: Session, actor: Actor, wanted: Wanted, at: datetime, connections: Collection[str] = ()) -> Outlook:
    """Say what an act on many would meet; nothing is changed.

    Raises: Unauthorised; Malformed for what cannot be meant.
    """
    return _look(session, actor, wanted, at, connections)[0]


def start_job(
    session: Session,
    actor: Actor,
    wanted: Wanted,
    at: datetime,
    *,
    reason: str,
    rate_per_s: float,
    confirm: int | None = None,
    connections: Collection[str] = (),
) -> int:
    """Fix what a job acts on and let it begin; give its number. `confirm` is the number of things, as it was shown.

    Raises: Unauthorised; Malformed without a reason, for a rate that will not do, or when the number is missing above
    500 or not the right one; Conflict when there is nothing to act on, or more than a job takes.
    """
    said, rate = why(reason), _rate(rate_per_s)
    actor.require(Permission.BULK)
    run(session, "select pg_advisory_xact_lock(:lock)", lock=LOCK)
    outlook, ids = _look(session, actor, wanted, at, connections)
    if outlook.more:
        raise Conflict(f"more than {MOST} match: narrow the filter, for example by a period", code="replay_too_many")
    if not ids:
        raise Conflict("there is nothing to act on: look at the dry run", code="replay_nothing")
    if confirm != len(ids) and (confirm is not None or len(ids) > TYPED_ABOVE):
        raise Malformed(f"it is {len(ids)} now: repeat that number", code="number_not_typed", field="confirm")
    job_id = _write_job(session, actor, wanted, at, said, rate, len(ids), connections)
    columns = ("job_id", "place", "thing_id", "state", "outcome")
    copy(session, "replay_item", columns, ((job_id, place, one, "waiting", "") for place, one in enumerate(ids, 1)))
    told = {
        "what": wanted.what,
        "does": wanted.act,
        "total": len(ids),
        "again": outlook.again,
        "rate_per_s": float(rate),
    }
    record(session, at, actor.name, "replay.start", f"replay:{job_id}", reason=said, **told)
    return job_id


def pause_job(session: Session, actor: Actor, job_id: int, reason: str, at: datetime) -> None:
    """Let a running job rest.

    Raises: Unauthorised; NotFound; Malformed without a reason; Conflict when it does not run.
    """
    _turn(session, actor, job_id, JobState.PAUSED, (JobState.RUNNING,), reason, at)


def resume_job(session: Session, actor: Actor, job_id: int, reason: str, at: datetime) -> None:
    """Let a paused job go on, at its rate from now.

    Raises: as `pause_job`.
    """
    _turn(session, actor, job_id, JobState.RUNNING, (JobState.PAUSED,), reason, at)


def stop_job(session: Session, actor: Actor, job_id: int, reason: str, at: datetime) -> None:
    """End a job; what it has not come to stays as it is, and may be taken by another.

    Raises: as `pause_job`.
    """
    _turn(session, actor, job_id, JobState.STOPPED, (JobState.RUNNING, JobState.PAUSED), reason, at)


def set_rate(session: Session, actor: Actor, job_id: int, rate_per_s: float, at: datetime) -> None:
    """Let a job go on faster or slower from now.

    Raises: Unauthorised; NotFound; Malformed; Conflict when it has ended.
    """
    actor.require(Permission.BULK)
    rate = _rate(rate_per_s)
    found = row(
        session,
        f"""update replay_job j set rate_per_s = :rate, updated_at = :at, refilled_at = :at
            where j.id = :id and j.state in ('running', 'paused') and {JOB_SEEN} returning 1""",
        rate=rate,
        at=at,
        id=job_id,
        **scope(actor),
    )
    if found is None:
        raise Conflict(f"job {job_id} is {get_job(session, actor, job_id).state}", code="replay_state")
    record(session, at, actor.name, "replay.rate", f"replay:{job_id}", rate_per_s=float(rate))


def forget_jobs(session: Session, at: datetime, retention: Retention, jobs: int = 100, things: int = 20_000) -> int:
    """Delete ended jobs when what they acted on is kept no longer, so many things at a time; give how many those were.

    A job goes with the last of its things; the audit log keeps what was done.
    """
    today = at.astimezone(UTC).date()
    old = rows(
        session,
        """select id from replay_job
           where ended_at < case what when 'step' then cast(:history as timestamptz) else :inbox end
           order by id limit :jobs for update skip locked""",
        history=datetime.combine(month_before(today, retention.history_months), time.min, UTC),
        inbox=datetime.combine(month_before(today, retention.inbox_months), time.min, UTC),
        jobs=jobs,
    )
    ids = [one.id for one in old]
    deleted = run(
        session,
        """delete from replay_item where (job_id, place) in (
               select job_id, place from replay_item where job_id = any(:ids) order by job_id, place limit :things)""",
        ids=ids,
        things=things,
    )
    run(
        session,
        """delete from replay_job j where id = any(:ids)
           and not exists (select 1 from replay_item i where i.job_id = j.id)""",
        ids=ids,
    )
    return deleted


def _write_job(
    session: Session,
    actor: Actor,
    wanted: Wanted,
    at: datetime,
    said: str,
    rate: Decimal,
    total: int,
    connections: Collection[str],
) -> int:
    """Write a job that begins to run, and give its number."""
    [job] = rows(
        session,
        """insert into replay_job (what, act, filter, again, in_doubt, reason, actor, brands, shops, connections,
               rate_per_s, state, total, done, left_out, failed, refilled_at, created_at, updated_at)
           values (:what, :act, cast(:filter as jsonb), :again, :in_doubt, :reason, :actor, :brands, :shops,
                   :connections, :rate, 'running', :total, 0, 0, 0, :at, :at, :at) returning id""",
        what=wanted.what,
        act=wanted.act,
        filter=wanted.filter.model_dump_json(exclude_defaults=True),
        again=wanted.again,
        in_doubt=wanted.although_it_may_have_been_executed,
        reason=said,
        actor=actor.name,
        brands=sorted(actor.brands),
        shops=sorted(actor.shops),
        connections=sorted(connections),
        rate=rate,
        total=total,
        at=at,
    )
    return job.id


def _turn(
    session: Session, actor: Actor, job_id: int, to: JobState, frm: Sequence[JobState], reason: str, at: datetime
) -> None:
    actor.require(Permission.BULK)
    said = why(reason)
    changed = run(
        session,
        f"""update replay_job j set state = :to, updated_at = :at,
                   refilled_at = case when :to = 'running' then :at else j.refilled_at end,
                   ended_at = case when :to = 'stopped' then cast(:at as timestamptz) end
            where j.id = :id and j.state = any(:frm) and {JOB_SEEN}""",
        to=to,
        frm=list(frm),
        at=at,
        id=job_id,
        **scope(actor),
    )
    if not changed:
        raise Conflict(f"job {job_id} is {get_job(session, actor, job_id).state}", code="replay_state")
    acts = {JobState.PAUSED: "replay.pause", JobState.RUNNING: "replay.resume", JobState.STOPPED: "replay.stop"}
    record(session, at, actor.name, acts[to], f"replay:{job_id}", reason=said)


def _look(
    session: Session, actor: Actor, wanted: Wanted, at: datetime, connections: Collection[str]
) -> tuple[Outlook, list[int]]:
    """Count, and give the ids of what is eligible."""
    actor.require(Permission.BULK)
    check_wanted(wanted)
    if wanted.what is What.STEP:
        found = find_steps(session, actor, wanted.filter, at, MOST + 1, connections)
    else:
        found = find_messages(session, actor, wanted.filter, MOST + 1, connections)
    taken = found[:MOST]
    lots = sort(taken, wanted, _busy(session, wanted.what, [one.id for one in taken]))
    until = wanted.filter.until or at
    eligible = [one.id for one in taken if lots[one.id] in {Lot.ELIGIBLE, Lot.AGAIN}]
    return outlook_of(taken, lots, wanted, until, more=len(found) > MOST), eligible


def _busy(session: Session, what: What, ids: Sequence[int]) -> set[int]:
    """Give those that wait in a job that has not ended."""
    found = rows(
        session,
        """select i.thing_id from replay_item i join replay_job j on j.id = i.job_id
           where i.state = 'waiting' and i.thing_id = any(:ids) and j.what = :what
             and j.state in ('running', 'paused')""",
        ids=list(ids),
        what=what,
    )
    return {one.thing_id for one in found}


def _rate(rate_per_s: float) -> Decimal:
    rate = Decimal(str(rate_per_s))
    if not (rate.is_finite() and SLOWEST <= rate <= FASTEST):
        raise Malformed(f"a rate is {SLOWEST} to {FASTEST} a second", code="replay_rate", field="rate_per_s")
    return rate
