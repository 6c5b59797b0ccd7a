"""Transactions whose connection is killed: in their middle, before the commit, or with the commit on its way."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast
from unittest.mock import patch

import psycopg
from psycopg import Connection
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from hub.database import Database, rows
from hub.errors import HubError
from hub.wire import Answer, Statements

PATIENCE_S: Final = 60


class Moment(StrEnum):
    """When a connection is killed; whether what was sent `after the commit` is done nobody can say but the database."""

    NEVER = "never"
    IN_THE_MIDDLE = "in the middle"
    BEFORE_COMMIT = "before the commit"
    AFTER_COMMIT = "after the commit was sent"


@dataclass(frozen=True, slots=True)
class Cut:
    """A connection killed at a moment (`statement` says before which one); the caller may ask `again`, or give up."""

    moment: Moment = Moment.NEVER
    statement: int = 1
    again: bool = True


def lose(database: Database, act: Callable[[Session], object], cut: Cut) -> None:
    """Do an act in a transaction whose connection is killed; gone when this returns, with what it did or without."""
    pids: list[int] = []
    refused = (HubError, IntegrityError)  # before the kill came
    with suppress(*refused, OperationalError), _killing(database, cut, pids), database.transaction() as session:
        act(session)
        if cut.moment is Moment.BEFORE_COMMIT:
            pids.append(_pid_of(session))
            _kill(database, pids[-1])
        elif cut.moment is Moment.AFTER_COMMIT:
            pids.append(_pid_of(session))
            _say_commit_and_kill(database, session, pids[-1])
    for pid in pids:
        _wait_until_gone(database, pid)


@contextmanager
def _killing(database: Database, cut: Cut, pids: list[int]) -> Generator[None]:
    """Kill the connection before its n-th statement, if that is when it is to be killed."""
    left = cut.statement if cut.moment is Moment.IN_THE_MIDDLE else 0

    send = Statements.send

    def counted(self: Statements, driver: Connection[Any], query: bytes, values: Sequence[object]) -> Answer:
        nonlocal left
        left -= 1
        if left == 0:
            pids.append(driver.info.backend_pid)
            _kill(database, pids[-1])
            _wait_until_gone(database, pids[-1])
        return send(self, driver, query, values)

    with patch.object(Statements, "send", counted):
        yield


def _say_commit_and_kill(database: Database, session: Session, pid: int) -> None:
    driver = _driver_of(session)
    rows(session, "select 1")  # takes along what waits to be sent: a commit by the driver itself would leave it out
    with database.transaction() as other:
        rows(other, "select 1")  # so that the kill comes as soon after the commit as it can
        driver.pgconn.send_query(b"commit")
        driver.pgconn.flush()
        rows(other, "select pg_terminate_backend(:pid)", pid=pid)
    driver.close()


def _pid_of(session: Session) -> int:
    return _driver_of(session).info.backend_pid


def _driver_of(session: Session) -> "psycopg.Connection[Any]":
    return cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)


def _kill(database: Database, pid: int) -> None:
    with database.transaction() as other:
        rows(other, "select pg_terminate_backend(:pid)", pid=pid)


def _wait_until_gone(database: Database, pid: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    with database.transaction() as other:
        while rows(other, "select pg_stat_clear_snapshot(), 1 from pg_stat_activity where pid = :pid", pid=pid):
            assert time.monotonic() < deadline, "the server keeps a connection that was killed"
            time.sleep(0.001)
