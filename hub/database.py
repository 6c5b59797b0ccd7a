"""The one way to the database: a pool, and transactions that commit whole or not at all."""

from collections import namedtuple
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, cast

from psycopg import sql
from sqlalchemy import MetaData, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from hub.bell import Bell
from hub.engine import driver_of, naming, open_engine, statements_of
from hub.keyring import Keyring
from hub.literals import array_of, copied, plain
from hub.wire import Answer, copy_in, run_alone

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

NUMBERED: Final = PGDialect_psycopg(paramstyle="numeric_dollar")

SIDE_CONNECTIONS: Final = 2

FEW: Final = 6
"""So many rows are written by a statement that goes along with another: COPY takes two round trips for itself."""

METADATA: Final[MetaData] = SQLModel.metadata
METADATA.naming_convention = NAMING


class Database:
    """A pool of connections to one PostgreSQL, and the key ring that opens its sealed fields."""

    def __init__(self, url: str, keyring: Keyring, *, connections: int = 10) -> None:
        self._keyring = keyring
        self._bell = Bell(url)
        self.url = url
        self.engine = open_engine(url, connections)
        # Of their own: who waits for one of these already has one of the others.
        # It need not be on disk by itself: the transaction's own commit writes all that was committed before it.
        self._aside = open_engine(url, SIDE_CONNECTIONS, "-c synchronous_commit=off")

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """Begin, and commit unless the block raises; workers are told when it made work for them."""
        info = {KEYRING: self._keyring, ASIDE: self._aside}
        with Session(self.engine, expire_on_commit=False, info=info) as session:
            with session.begin():
                yield session
            if RINGS in session.info:
                self._bell.ring()

    def persist(self) -> None:
        """Wait until all is on disk that was committed before, also by who did not wait (`hub.asks.let_go_early`)."""
        with self.engine.connect() as connection, naming(connection) as driver:
            # Something to write, behind all that was: the commit of who has written nothing waits for no disk.
            run_alone(driver, b"select pg_logical_emit_message(true, 'oms', '')")

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


@contextmanager
def attempt(session: Session) -> Generator[None]:
    """Do something within a transaction that is taken back, and nothing else, when it fails.

    Its savepoint goes along with what the block asks first. What the block leaves waiting is done at its end: it may
    fail as well.
    """
    connection = session.connection()
    statements, driver = statements_of(connection), driver_of(connection)
    savepoint = statements.begin_part(driver)
    try:
        yield
        with naming(connection):
            statements.end_part(driver, savepoint)
    except BaseException:
        if not driver.closed:
            with naming(connection):
                statements.take_back(driver, savepoint)
        raise


class Told(NamedTuple):
    """The answer to a statement: its rows, which are read like SQLAlchemy's, and how many it changed."""

    rows: Sequence[Row[Any]]
    changed: int


def ring_after(session: Session) -> None:
    """Have sleeping workers told of new work when this transaction has committed."""
    session.info[RINGS] = True


def keyring_of(session: Session) -> Keyring:
    return cast("Keyring", session.info[KEYRING])


def rows(session: Session, statement: str, **values: object) -> Sequence[Row[Any]]:
    """Run SQL with named values and give its rows: named tuples, which are read like SQLAlchemy's."""
    answer = _ask(session, statement, values)
    return answer.rows(_shape(answer.names))


def records(session: Session, statement: str, **values: object) -> list[dict[str, Any]]:
    """Run SQL with named values and give its rows by column name."""
    answer = _ask(session, statement, values)
    names = answer.names
    return [dict(zip(names, one, strict=True)) for one in answer.rows(tuple)]


def row(session: Session, statement: str, **values: object) -> Row[Any] | None:
    """Run SQL with named values and give its first row, if any."""
    answer = _ask(session, statement, values)
    return next(iter(answer.rows(_shape(answer.names), most=1)), None)


def run(session: Session, statement: str, **values: object) -> int:
    """Run SQL with named values and give how many rows it changed."""
    return _ask(session, statement, values).changed


def later(session: Session, statement: str, **values: object) -> None:
    """Run SQL with named values along with the next statement, or the commit: nobody needs its answer."""
    connection = session.connection()
    with naming(connection) as driver:
        statements_of(connection).wait(driver, *_written(statement, values))


def send_together(session: Session, asks: Sequence[tuple[str, Mapping[str, object]]]) -> list[Told]:
    """Run statements with named values one after the other that are sent together, and give their answers."""
    if len(asks) <= 1:  # by itself it needs no pipeline
        return [_told(_ask(session, *one)) for one in asks]
    connection = session.connection()
    with naming(connection) as driver:
        answers = statements_of(connection).send_all(driver, [_written(*one) for one in asks])
    return [_told(one) for one in answers]


def _told(answer: Answer) -> Told:
    return Told(answer.rows(_shape(answer.names)) if answer.result.ntuples else (), answer.changed)


def _ask(session: Session, statement: str, values: Mapping[str, object]) -> Answer:
    """Run SQL with named values by the driver's own connection: SQLAlchemy's layers cost twice as much."""
    connection = session.connection()
    with naming(connection) as driver:
        return statements_of(connection).send(driver, *_written(statement, values))


def _written(statement: str, values: Mapping[str, object]) -> tuple[bytes, Sequence[object]]:
    """Give SQL with numbered values; lists go as array literals, whose type the statement says."""
    query, names = _native(statement)
    return query, [array_of(cast("list[Any]", one)) if type(one := values[name]) is list else one for name in names]


@lru_cache(maxsize=1024)
def _shape(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    """Make rows by column name; a column without one, or with another's, is known by its place alone."""
    made: Any = namedtuple("Row", names, rename=True)  # noqa: PYI024 # pyright: ignore[reportUntypedNamedTuple] # the statement's names
    return partial(cast("Any", tuple).__new__, made)  # what _make does, without a frame of Python for each row


@lru_cache(maxsize=1024)
def _native(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """Number a statement's named values, once: the same few hundred statements run all day."""
    compiled = text(statement).compile(dialect=NUMBERED)
    return str(compiled).encode(), tuple(cast("Any", compiled).positiontup or ())


def copy(session: Session, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> None:
    """Write many rows at once by COPY, in the session's own transaction; few go along with the next statement."""
    lines, connection = list(records), session.connection()
    if not lines:
        return
    statements = statements_of(connection)
    with naming(connection) as driver:
        if len(lines) <= FEW:
            statement = _inserting(table, tuple(columns), len(lines))
            statements.wait(driver, statement, [plain(one) for line in lines for one in line])
        else:
            statements.catch_up(driver)
            copy_in(driver, _copying(table, tuple(columns)), copied(lines))


@lru_cache(maxsize=256)
def _inserting(table: str, columns: tuple[str, ...], count: int) -> bytes:
    """Give the statement that writes some rows, whose values are numbered row by row."""
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    width = len(columns)
    lines = [", ".join(f"${width * no + place + 1}" for place in range(width)) for no in range(count)]
    values = "), (".join(lines)
    head = sql.SQL("insert into {} ({}) overriding system value values (").format(sql.Identifier(table), names)
    return head.as_bytes() + values.encode() + b")"


@lru_cache(maxsize=256)
def _copying(table: str, columns: tuple[str, ...]) -> bytes:
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    return sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), names).as_bytes()
