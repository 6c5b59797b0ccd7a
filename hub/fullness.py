"""Whether the hub itself is full: the one thing for which a sender is told to come back later.

A chore looks every so often and writes down what it saw; whoever answers callers reads that one row. What is seen
stays believed until somebody looks again: a hub that was full when its last worker ended is full.
"""

import os
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from hub.columns import Table, moment, number, one_of, words
from hub.database import row, run
from hub.postgres_probe import HOST
from hub.settings import Limits

MIB: Final = 1024 * 1024

HUB: Final = "hub"
"""The name of the one row."""


class Full(StrEnum):
    """What is full, if anything."""

    NOTHING = "nothing"
    INBOX = "inbox"
    DISK = "disk"
    DATABASE = "database"


class Fullness(Table, table=True):
    """What the last look found: messages that wait (counted up to the limit), and sizes where they can be seen."""

    __table_args__ = (one_of("full_of", Full),)
    name: str = words(primary_key=True)
    full_of: str = words()
    inbox_waiting: int = number()
    free_disk_mb: int | None = number(default=None)
    database_mb: int | None = number(default=None)
    looked_at: datetime = moment()


def look(session: Session, limits: Limits, at: datetime) -> tuple[Full, Full]:
    """Look how full the hub is and write it down; give what was full before, and what is now."""
    waiting, database_mb = _waiting(session, limits.inbox_waiting), _database_mb(session, limits.database_mb)
    free_mb = _free_disk_mb(session)
    full = Full.NOTHING
    if free_mb is not None and free_mb < limits.free_disk_mb:
        full = Full.DISK
    elif database_mb is not None and database_mb > limits.database_mb:
        full = Full.DATABASE
    elif waiting >= limits.inbox_waiting:
        full = Full.INBOX
    before = full_of(session)
    run(
        session,
        """insert into fullness (name, full_of, inbox_waiting, free_disk_mb, database_mb, looked_at)
           values (:name, :full, :waiting, :free_mb, :database_mb, :at)
           on conflict (name) do update set full_of = excluded.full_of, inbox_waiting = excluded.inbox_waiting,
               free_disk_mb = excluded.free_disk_mb, database_mb = excluded.database_mb, looked_at = excluded.looked_at
        """,
        name=HUB,
        full=full,
        waiting=waiting,
        free_mb=free_mb,
        database_mb=database_mb,
        at=at,
    )
    return before, full


def full_of(session: Session) -> Full:
    """Say what the last look found full; nothing as long as nobody has looked."""
    found = row(session, "select full_of from fullness where name = :name", name=HUB)
    return Full(found.full_of) if found else Full.NOTHING


def _waiting(session: Session, most: int) -> int:
    """Count what waits in the inbox, up to the limit: one stretch of an index, 0.2 s for a million."""
    statement = "select count(*) as n from (select 1 from inbox where state = 'received' limit :most) counted"
    found = row(session, statement, most=most)
    return found.n if found else 0


def _free_disk_mb(session: Session) -> int | None:
    """Give what is free beside the database's files, if they are on this machine and we may see where."""
    found = row(session, "select setting from pg_settings where name = 'data_directory'")
    if session.get_bind().engine.url.host not in {HOST, "localhost", "::1"} or found is None or not found.setting:
        return None
    try:
        disk = os.statvfs(found.setting)
    except OSError:  # a server behind a forwarded port, or files of another user
        return None
    return disk.f_bavail * disk.f_frsize // MIB


def _database_mb(session: Session, limit_mb: int) -> int | None:
    if not limit_mb:
        return None
    found = row(session, "select pg_database_size(current_database()) as size")
    return int(found.size) // MIB if found else None
