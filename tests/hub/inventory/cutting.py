"""Transactions whose connection breaks: the server ends it before the commit, or we go before we hear of the commit."""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

import psycopg
import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.database import Database, row, rows

Result = TypeVar("Result")

PATIENCE_S: Final = 20


class Cut(StrEnum):
    NONE = "none"
    BEFORE_COMMIT = "before commit"
    AT_COMMIT = "at commit"


def act_through(database: Database, act: Callable[[Session], Result], cut: Cut) -> Result:
    """Do an act in a transaction until it is known to be committed; the first attempt loses its connection by `cut`."""
    if cut is not Cut.NONE:
        found, xid = _lose(database, act, cut)
        if _is_committed(database, xid):
            return found
    with database.transaction() as session:
        return act(session)


def _lose(database: Database, act: Callable[[Session], Result], cut: Cut) -> tuple[Result, str]:
    """Do an act and lose the connection; give what it gave, and the number of its transaction."""
    found: list[tuple[Result, str, int]] = []

    def do_and_break(session: Session) -> None:
        result = act(session)
        here = row(session, "select pg_current_xact_id()::text as xid, pg_backend_pid() as pid")
        assert here is not None
        found.append((result, here.xid, here.pid))
        if cut is Cut.AT_COMMIT:
            _say_commit_and_go(session)
        else:
            with database.transaction() as other:
                rows(other, "select pg_terminate_backend(:pid)", pid=here.pid)
                _wait_until_gone(other, here.pid)

    with pytest.raises(OperationalError), database.transaction() as session:
        do_and_break(session)
    result, xid, pid = found[0]
    with database.transaction() as other:
        _wait_until_gone(other, pid)
    return result, xid


def _say_commit_and_go(session: Session) -> None:
    driver = cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
    driver.pgconn.send_query(b"commit")
    driver.pgconn.flush()
    driver.close()


def _wait_until_gone(session: Session, pid: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while rows(session, "select pg_stat_clear_snapshot(), 1 from pg_stat_activity where pid = :pid", pid=pid):
        assert time.monotonic() < deadline, "the server keeps a connection that was cut"
        time.sleep(0.001)


def _is_committed(database: Database, xid: str) -> bool:
    with database.transaction() as session:
        found = row(session, "select pg_xact_status(cast(cast(:xid as text) as xid8)) as status", xid=xid)
    return bool(found and found.status == "committed")
