"""Polls: what a connection must be asked for regularly, as rows that one worker at a time takes on.

A poll's watermark moves only when everything before it lies in the inbox, so a worker that dies repeats its window.
While a poll is under way it is due when its lease ends; who hastens it meanwhile is seen by that when it is finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Index
from sqlalchemy.orm import Session

from hub.columns import Table, moment, number, words
from hub.database import rows, run

ORDERS: Final = "orders"
HINTS: Final = "hints"
TOKEN: Final = "token"  # noqa: S105 # the poll's name
PROBE: Final = "probe"
STOCK: Final = "stock"
"""What there is to ask for: changed orders, a queue of hints, a fresh token, a sign of life (by a person's wish),
stock (where the connection wishes it)."""


class Poll(Table, table=True):
    """One thing to ask one connection for; `watermark` is up to when it is known. A person may pause it."""

    __table_args__ = (Index("ix_poll_due", "run_at"),)
    connection: str = words(primary_key=True)
    name: str = words(primary_key=True)
    run_at: datetime = moment()
    watermark: datetime = moment()
    lease_until: datetime | None = moment(default=None)
    token: int = number(default=0)
    failures: int = number(default=0)
    last_success_at: datetime | None = moment(default=None)
    last_error: str = words(default="")
    paused_at: datetime | None = moment(default=None)


@dataclass(frozen=True, slots=True)
class Turn:
    """A poll that belongs to this worker until its lease ends."""

    connection: str
    name: str
    watermark: datetime
    token: int
    failures: int


def plan_polls(session: Session, wanted: Sequence[tuple[str, str]], at: datetime, since: datetime) -> None:
    """Make sure that each wanted (connection, name) has its row; a new one asks from `since` on."""
    run(
        session,
        """insert into poll (connection, name, run_at, watermark, token, failures, last_error)
           select connection, name, :at, :since, 0, 0, ''
           from unnest(cast(:connections as text[]), cast(:names as text[])) as new (connection, name)
           order by 1, 2 on conflict do nothing""",
        connections=[connection for connection, _ in wanted],
        names=[name for _, name in wanted],
        at=at,
        since=since,
    )


def claim_polls(
    session: Session, wanted: Sequence[tuple[str, str]], limit: int, at: datetime, lease: timedelta
) -> list[Turn]:
    """Take due polls of these (connection, name); a paused connection is only asked for a sign of life."""
    found = rows(
        session,
        """with due as (
               select connection, name from poll
               where run_at <= :at and (lease_until is null or lease_until < :at) and paused_at is null
                 and (connection, name) in (
                     select * from unnest(cast(:connections as text[]), cast(:names as text[])))
                 and (name = 'probe'
                      or connection not in (select connection from connection_health where paused_at is not null))
               order by run_at limit :limit for update skip locked)
           update poll set lease_until = :until, run_at = :until, token = token + 1 from due
           where (poll.connection, poll.name) = (due.connection, due.name)
           returning poll.connection, poll.name, poll.watermark, poll.token, poll.failures""",
        connections=[connection for connection, _ in wanted],
        names=[name for _, name in wanted],
        at=at,
        limit=limit,
        until=at + lease,
    )
    return [Turn(*one) for one in found]


def prolong_poll(session: Session, turn: Turn, until: datetime) -> bool:
    """Keep a poll for longer; False when somebody else has taken it on."""
    return bool(
        run(
            session,
            """update poll set lease_until = :until, run_at = case when run_at < lease_until then run_at else :until end
               where (connection, name) = (:connection, :name) and token = :token""",
            until=until,
            connection=turn.connection,
            name=turn.name,
            token=turn.token,
        )
    )


def finish_poll(
    session: Session,
    turn: Turn,
    at: datetime,
    again_at: datetime,
    *,
    watermark: datetime | None = None,
    error: str = "",
) -> bool:
    """Write down how a turn ended; False when somebody else has taken the poll on meanwhile.

    What was hastened since it began is due at once: what was asked for may have been seen too early. One that failed
    keeps its rest all the same, but for a sign of life: who hastens a token does so with every call.
    """
    return bool(
        run(
            session,
            """update poll set lease_until = null, watermark = coalesce(:watermark, watermark), last_error = :error,
                               run_at = case when run_at < lease_until and (:error = '' or name = :probe)
                                             then least(run_at, :again_at) else :again_at end,
                               failures = case when :error = '' then 0 else failures + 1 end,
                               last_success_at = case when :error = '' then :at else last_success_at end
               where (connection, name) = (:connection, :name) and token = :token""",
            again_at=again_at,
            watermark=watermark,
            error=error,
            probe=PROBE,
            at=at,
            connection=turn.connection,
            name=turn.name,
            token=turn.token,
        )
    )


def hasten_poll(session: Session, connection: str, name: str, at: datetime) -> None:
    """Let a poll be due at once; one that is under way is asked once more."""
    run(
        session,
        "update poll set run_at = least(run_at, :at) where (connection, name) = (:connection, :name)",
        at=at,
        connection=connection,
        name=name,
    )


def turn_back(session: Session, connection: str, name: str, since: datetime, at: datetime) -> bool:
    """Ask again from an earlier time on; say whether there is such a poll.

    Whoever has taken the poll on loses it, so that it does not move the watermark forward again.
    """
    return bool(
        run(
            session,
            """update poll set watermark = least(watermark, :since), run_at = :at, lease_until = null, token = token + 1
               where (connection, name) = (:connection, :name)""",
            since=since,
            at=at,
            connection=connection,
            name=name,
        )
    )
