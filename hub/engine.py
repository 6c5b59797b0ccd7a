"""Connections to PostgreSQL as SQLAlchemy pools them, each with what was asked by it and what is to go along."""

from select import POLLIN, poll
from typing import Any, Final, cast

import psycopg
from psycopg import Connection as PsycopgConnection
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError

from hub.wire import Statements

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
    return engine


def _forget(connection: Connection, *_: object) -> None:
    if not connection.invalidated:  # a lost connection's statements are lost with it
        statements_of(connection).forget()


def _catch_up(connection: Connection, *_: object) -> None:
    """Send what waits to go along before SQLAlchemy says something itself."""
    _send_waiting(connection)


def _commit_along(connection: Connection) -> None:
    """Commit together with what waits to go along: the driver, which is told next, finds nothing left to commit."""
    _send_waiting(connection, b"commit")


def _send_waiting(connection: Connection, *last: bytes) -> None:
    driver = driver_of(connection)
    try:
        statements_of(connection).catch_up(driver, *last)
    except psycopg.Error as error:
        raise named(connection, driver, error) from error


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


def named(connection: Connection, driver: PsycopgConnection[Any], error: psycopg.Error) -> Exception:
    """Give an error the name that SQLAlchemy gives it everywhere else."""
    lost = driver.closed
    if lost:
        connection.invalidate(error)  # nothing is asked of it any more, not even to roll back
    return DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost)
