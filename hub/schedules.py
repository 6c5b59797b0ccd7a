"""The schedule: what is done every so often, as rows unique per (name, slot), safe with any number of schedulers.

A slot is the beginning of a period. Whoever writes its row first does the work; a slot whose worker died is done again
after its lease; of the slots that were missed while nobody ran, the latest is done once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Index
from sqlalchemy.orm import Session

from hub.columns import Table, moment, number, one_of, words
from hub.database import row, rows, run

EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""Where slots are counted from."""

AHEAD: Final = timedelta(minutes=5)
"""How far the clocks of schedulers may differ: a slot that begins later is a wrong clock's, and holds nobody up."""

KEPT_RUNS: Final = 50
"""How many runs of each name are kept; failures are kept for a month."""


class RunState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Schedule(Table, table=True):
    """One thing that is done every so often; a person may pause it."""

    name: str = words(primary_key=True)
    every_s: int = number()
    paused_at: datetime | None = moment(default=None)
    paused_by: str = words(default="")
    reason: str = words(default="")


class ScheduleRun(Table, table=True):
    """One slot that somebody has taken on."""

    __table_args__ = (one_of("state", RunState), Index("ix_schedule_run_started", "started_at"))
    name: str = words(primary_key=True)
    slot: datetime = moment(primary_key=True)
    state: str = words()
    token: int = number(default=1)
    started_at: datetime = moment()
    lease_until: datetime = moment()
    finished_at: datetime | None = moment(default=None)
    error: str = words(default="")


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that belongs to this scheduler until its lease ends."""

    name: str
    at: datetime
    token: int


def slot_of(every: timedelta, at: datetime) -> datetime:
    """Give the beginning of the period that a moment lies in."""
    return EPOCH + (at - EPOCH) // every * every


def plan_schedules(session: Session, periods: dict[str, timedelta]) -> None:
    """Make sure that each name has its row, with its period of now."""
    run(
        session,
        """insert into schedule (name, every_s, paused_by, reason)
           select name, every_s, '', '' from unnest(cast(:names as text[]), cast(:every as bigint[]))
                as new (name, every_s)
           order by 1 on conflict (name) do update set every_s = excluded.every_s
           where schedule.every_s <> excluded.every_s""",
        names=sorted(periods),
        every=[max(1, round(periods[name].total_seconds())) for name in sorted(periods)],
    )


def take_slot(
    session: Session, name: str, slot: datetime, at: datetime, lease: timedelta, again: timedelta
) -> Slot | None:
    """Take a slot on, unless somebody has, a later one has been, or a person has paused the name.

    One that failed may be taken on again `again` later.
    """
    found = row(
        session,
        """insert into schedule_run (name, slot, state, token, started_at, lease_until, error)
           select :name, :slot, 'running', 1, :at, :until, ''
           where not exists (select 1 from schedule where name = :name and paused_at is not null)
             and not exists (select 1 from schedule_run where name = :name and slot > :slot and slot <= :latest)
           on conflict (name, slot) do update set state = 'running', token = schedule_run.token + 1, started_at = :at,
                                                  lease_until = :until, finished_at = null, error = ''
               where schedule_run.state = 'running' and schedule_run.lease_until < :at
                  or schedule_run.state = 'failed' and schedule_run.finished_at < :failed_before
           returning token""",
        name=name,
        slot=slot,
        at=at,
        until=at + lease,
        latest=at + AHEAD,
        failed_before=at - again,
    )
    return Slot(name, slot, found.token) if found else None


def finish_slot(session: Session, slot: Slot, at: datetime, error: str = "") -> bool:
    """Write down how a slot ended; False when somebody else has taken it over."""
    changed = run(
        session,
        """update schedule_run set state = :state, finished_at = :at, error = :error
           where (name, slot, token) = (:name, :slot, :token) and state = 'running'""",
        name=slot.name,
        slot=slot.at,
        token=slot.token,
        state=RunState.FAILED if error else RunState.DONE,
        at=at,
        error=error,
    )
    return bool(changed)


def last_slots(session: Session, names: Sequence[str]) -> dict[str, datetime]:
    """Give the latest slot of each name that was done: one that failed, or whose worker died, is to be tried again."""
    found = rows(
        session,
        """select wanted.name, last.slot from unnest(cast(:names as text[])) as wanted (name)
           cross join lateral (select slot from schedule_run where name = wanted.name and state = 'done'
                               order by slot desc limit 1) last""",
        names=list(names),
    )
    return {one.name: one.slot for one in found}


def forget_runs(session: Session, at: datetime) -> int:
    """Forget old runs, but the last of each name and the failures of a month."""
    return run(
        session,
        """delete from schedule_run old using schedule s
           where old.name = s.name and old.state <> 'running'
             and old.slot < coalesce((select slot from schedule_run kept where kept.name = s.name
                                      order by slot desc offset :kept limit 1), '-infinity')
             and (old.state = 'done' or old.started_at < :before)""",
        kept=KEPT_RUNS - 1,
        before=at - timedelta(days=30),
    )
