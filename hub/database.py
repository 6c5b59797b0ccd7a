"""The one way to the database: a pool, and transactions that commit whole or not at all."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, cast

import psycopg
from psycopg import Connection as PsycopgConnection
from psycopg import sql
from sqlalchemy import Engine, MetaData, TextClause, create_engine, text
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from hub.bell import Bell
from hub.keyring import Keyring
from hub.literals import array_of, copied

NAMING: Final = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
KEYRING: Final = "keyring"
RINGS: Final = "rings"
ASIDE: Final = "aside"

SIDE_CONNECTIONS: Final = 2

FROZEN: Final = "-c idle_in_transaction_session_timeout=60s"
"""Whoever stands still inside a transaction, frozen or on a lost machine, lets go of its locks: of a gate, for one,
without which nobody claims anything."""

METADATA: Final[MetaData] = SQLModel.metadata
METADATA.naming_convention = NAMING


class Database:
    """A pool of connections to one PostgreSQL, and the key ring that opens its sealed fields."""

    def __init__(self, url: str, keyring: Keyring, *, connections: int = 10) -> None:
        self._keyring = keyring
        self._bell = Bell(url)
        self.url = url
        self.engine = _engine(url, connections)
        # Of their own: who waits for one of these already has one of the others.
        # It need not be on disk by itself: the transaction's own commit writes all that was committed before it.
        self._aside = _engine(url, SIDE_CONNECTIONS, "-c synchronous_commit=off")

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """Begin, and commit unless the block raises; workers are told when it made work for them."""
        info = {KEYRING: self._keyring, ASIDE: self._aside}
        with Session(self.engine, expire_on_commit=False, info=info) as session:
            with session.begin():
                yield session
            if RINGS in session.info:
                self._bell.ring()

    def close(self) -> None:
        self._bell.close()
        self.engine.dispose()
        self._aside.dispose()


@contextmanager
def aside(session: Session) -> Generator[Session]:
    """Do something short beside a transaction, and commit it at once: for what others would else wait for.

    It stays when the transaction is rolled back, and must not touch rows that the transaction has locked. A session
    that nobody's `Database` has opened does it within.
    """
    if ASIDE not in session.info:
        yield session
        return
    info = {KEYRING: session.info[KEYRING]}
    with Session(session.info[ASIDE], expire_on_commit=False, info=info) as side, side.begin():
        yield side


def _engine(url: str, connections: int, more: str = "") -> Engine:
    return create_engine(
        sqlalchemy_url(url),
        pool_size=connections,
        max_overflow=connections,
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text must not carry personal data
        connect_args={"application_name": "oms", "options": f"-c timezone=UTC -c lock_timeout=10s {FROZEN} {more}"},
    )


def sqlalchemy_url(url: str) -> str:
    """Name the driver in a plain postgresql:// address."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def ring_after(session: Session) -> None:
    """Have sleeping workers told of new work when this transaction has committed."""
    session.info[RINGS] = True


def keyring_of(session: Session) -> Keyring:
    return cast("Keyring", session.info[KEYRING])


def rows(session: Session, statement: str, **values: object) -> Sequence[Row[Any]]:
    """Run SQL with named values and give its rows."""
    return session.execute(_parsed(statement), _sent(values)).all()


def records(session: Session, statement: str, **values: object) -> list[dict[str, Any]]:
    """Run SQL with named values and give its rows by column name."""
    return [dict(found) for found in session.execute(_parsed(statement), _sent(values)).mappings()]


def row(session: Session, statement: str, **values: object) -> Row[Any] | None:
    """Run SQL with named values and give its first row, if any."""
    return session.execute(_parsed(statement), _sent(values)).first()


def run(session: Session, statement: str, **values: object) -> int:
    """Run SQL with named values and give how many rows it changed."""
    return cast("int", cast("Any", session.execute(_parsed(statement), _sent(values))).rowcount)


def _sent(values: Mapping[str, object]) -> dict[str, object]:
    """Write lists as PostgreSQL's array literals, whose type the statement says: the driver takes ten times as long."""
    return {name: array_of(cast("list[Any]", one)) if type(one) is list else one for name, one in values.items()}


@lru_cache(maxsize=1024)
def _parsed(statement: str) -> TextClause:
    """Parse a statement's named values once: the same few hundred statements run all day."""
    return text(statement)


def copy(session: Session, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> None:
    """Write many rows at once by COPY, in the session's own transaction."""
    driver = cast("PsycopgConnection[Any]", session.connection().connection.driver_connection)
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), names)
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as stream:
            stream.write(copied(records))
    except psycopg.OperationalError as error:  # as SQLAlchemy names it everywhere else
        raise OperationalError("copy", None, error) from error
    except psycopg.IntegrityError as error:
        raise IntegrityError("copy", None, error, hide_parameters=True) from error
