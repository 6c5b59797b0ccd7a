"""Monthly partitions: made ahead of time, dropped when their retention is over."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.ids import first_id_of, month_before, months_from
from hub.settings import Retention

AHEAD: Final = 3
"""Months made ahead, so that a scheduler that is down for weeks stops nobody."""

LOCK: Final = 7001
"""The advisory lock under which one process at a time makes or drops partitions."""


def partitioned(session: Session) -> Mapping[str, bool]:
    """Name the partitioned tables, and whether they are cut by time (else by an id that carries its month)."""
    statement = (
        "select partrelid::regclass::text as name, pg_get_partkeydef(partrelid) as cut from pg_partitioned_table"
    )
    return {found.name: found.cut.endswith("_at)") for found in rows(session, statement)}


def make_partitions(session: Session, at: datetime) -> list[str]:
    """Make the partitions of last month (for clocks that differ), this one and those ahead; give the new names."""
    run(session, "select pg_advisory_xact_lock(:lock)", lock=LOCK)
    today = at.astimezone(UTC).date()
    months = months_from(month_before(today, 1), AHEAD + 3)
    there = _existing(session)
    made: list[str] = []
    for table, by_time in partitioned(session).items():
        for month, after in pairwise(months):
            name = f"{table}_y{month:%Ym%m}"
            if name in there:
                continue
            low, high = (f"'{month}'", f"'{after}'") if by_time else (first_id_of(month), first_id_of(after))
            run(session, f"create table {name} partition of {table} for values from ({low}) to ({high})")
            made.append(name)
    return made


def drop_partitions(session: Session, at: datetime, retention: Retention) -> list[str]:
    """Drop the partitions by time whose retention is over; give their names."""
    run(session, "select pg_advisory_xact_lock(:lock)", lock=LOCK)
    keep = {
        "inbox": retention.inbox_months,
        "attempt": retention.attempt_months,
        "step_history": retention.history_months,
    }
    today = at.astimezone(UTC).date()
    dropped: list[str] = []
    for table, months in keep.items():
        oldest = month_before(today, months)
        limit = f"{table}_y{oldest:%Ym%m}"
        for name in sorted(_existing(session)):
            if name.rpartition("_y")[0] == table and name < limit:
                run(session, f"drop table {name}")
                dropped.append(name)
    return dropped


def _existing(session: Session) -> set[str]:
    statement = """select child.relname as name from pg_inherits
                   join pg_class child on child.oid = inhrelid where child.relkind = 'r'"""
    return {found.name for found in rows(session, statement)}
