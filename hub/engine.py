"""Connections to PostgreSQL as SQLAlchemy pools them, each with what was asked by it and what is to go along."""

from collections.abc import Generator
from contextlib import contextmanager
from select import POLLIN, poll
from typing import Any, Final, cast

import psycopg
from psycopg import Connection as PsycopgConnection
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from hub.wire import Statements, run_alone

STATEMENTS: Final = "statements"

NEAR: Final = "-c random_page_cost=1.1"
"""A page by an index costs hardly more than the next one: true of disks without arms, and of what is in memory.

It matters to plans that are made while a table is small and then kept, as those of foreign keys' checks after a first
start or in a new month: at the server's own 4 they read the whole table for each row until it was analysed.
"""

FROZEN: Final = "-c idle_in_transaction_session_timeout=60s"
"""Whoever stands still inside a transaction, frozen or on a lost machine, lets go of its locks: of a gate, for one,
without which nobody claims anything."""


def open_engine(url: str, connections: int, more: str = "") -> Engine:
    engine = create_engine(
        sqlalchemy_url(url),
        pool_size=connections,
        max_overflow=connections,
        pool_use_lifo=True,  # who was used last has its plans and pages at hand; in turn, all would be lukewarm
        hide_parameters=True,  # an error's text must not carry personal data
        connect_args={
            "application_name": "oms",
            "prepare_threshold": None,  # else the driver forgets all that is prepared, ours too, at each roll-back
            "options": f"-c timezone=UTC -c lock_timeout=10s {NEAR} {FROZEN} {more}",
        },
    )
    event.listen(engine, "checkout", _refuse_lost)
    return sending_along(engine)


def sending_along(engine: Engine) -> Engine:
    """Have an engine send what waits to go along, with what comes next or the commit; a roll-back forgets it."""
    for taken_back in ("rollback", "rollback_savepoint"):
        event.listen(engine, taken_back, _forget)
    event.listen(engine, "before_cursor_execute", _catch_up)
    event.listen(engine, "commit", _commit_along)
    event.listen(engine, "release_savepoint", _release_along)
    event.listen(engine, "reset", _leave_nothing)
    return engine


def _forget(connection: Connection, *_: object) -> None:
    if not connection.invalidated:  # a lost connection's statements are lost with it
        statements_of(connection).forget()


def _catch_up(connection: Connection, *_: object) -> None:
    """Send what waits to go along before SQLAlchemy says something itself."""
    _send_waiting(connection)


def _commit_along(connection: Connection) -> None:
    """Commit together with what waits to go along: the driver, which is told next, finds nothing left to commit.

    A commit that fails is over to SQLAlchemy: it takes nothing back any more, and gives the connection to the next.
    """
    try:
        _send_waiting(connection, b"commit")
    except BaseException:
        if not connection.invalidated and not driver_of(connection).closed:
            with naming(connection) as driver:
                run_alone(driver, b"rollback")
        raise


def _release_along(connection: Connection, name: str, *_: object) -> None:
    """Send what waits before a savepoint of SQLAlchemy's ends: it takes nothing back itself when that fails."""
    try:
        _send_waiting(connection)
    except DBAPIError:
        if not connection.invalidated:
            with naming(connection) as driver:
                run_alone(driver, b"rollback to savepoint " + name.encode())
        raise


def _leave_nothing(_driver: object, entry: ConnectionPoolEntry | None, _state: object) -> None:
    """Forget what waits when a connection goes back to the pool, also from a session that nobody has ended."""
    if entry is not None and STATEMENTS in entry.info:
        entry.info[STATEMENTS].forget()


def _send_waiting(connection: Connection, *last: bytes) -> None:
    with naming(connection) as driver:
        statements_of(connection).catch_up(driver, *last)


def _refuse_lost(driver: PsycopgConnection[Any], *_: object) -> None:
    """Take no connection from the pool that the server has left: what nobody has asked for can only be its farewell.

    Asking each time, as a pool can, takes half a millisecond before every transaction.
    """
    heard = poll()
    heard.register(driver.pgconn.socket, POLLIN)
    if heard.poll(0):
        raise InvalidatePoolError


def sqlalchemy_url(url: str) -> str:
    """Name the driver in a plain postgresql:// address."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def statements_of(connection: Connection) -> Statements:
    return connection.info.get(STATEMENTS) or connection.info.setdefault(STATEMENTS, Statements())


def driver_of(connection: Connection) -> PsycopgConnection[Any]:
    return cast("PsycopgConnection[Any]", connection.connection.dbapi_connection)  # also of a lost one


@contextmanager
def naming(connection: Connection) -> Generator[PsycopgConnection[Any]]:
    """Give the driver's connection, and its errors the names that SQLAlchemy gives them everywhere else."""
    driver = driver_of(connection)
    try:
        yield driver
    except psycopg.Error as error:
        lost = driver.closed
        if lost:
            connection.invalidate(error)  # nothing is asked of it any more, not even to roll back
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost
        ) from error
    except BaseException:  # an interrupt in the middle of it: nobody is told of a lost connection instead
        if driver.closed:
            connection.invalidate()
        raise
