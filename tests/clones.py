"""Databases for tests: clones of a template, each put back as it was when its test is over and lent again.

A clone is some thousand files to write; to put one back is to empty what its test wrote to. Whatever cannot be put
back for certain is dropped: a clone that somebody is still connected to, or whose tables are not as they were made.
Each loan has a name of its own, so that whoever outlives a test cannot reach the database of the next one.
"""

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Final, LiteralString, NamedTuple, Self, cast

from psycopg import Connection

from hub.postgres_probe import USER, connect

NUMBERS: Final = count(1)
LOOKS: Final = 50
LOOK_S: Final = 0.004
FIRST_OF_OURS: Final = 16_384
"""The least oid of what is not PostgreSQL's own."""

OURS: Final = "relnamespace = 'public'::regnamespace"

OTHERS: Final = """select 1 from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"""
SIZES: Final = f"select relname, pg_relation_size(oid) from pg_class where relkind = 'r' and {OURS}"
SEQUENCES: Final = f"select relname from pg_class where relkind = 'S' and {OURS} order by 1"
CATALOGUES: Final = ("attribute", "attrdef", "constraint", "index", "inherits", "proc", "rewrite", "trigger", "type")
OF_A_TABLE: Final = "concat_ws(' ', oid, relname, relpersistence, reloptions)"
SETTINGS: Final = "pg_database found join pg_db_role_setting on setdatabase = found.oid"
SHAPE: Final = " union all ".join([
    f"select 'class', count(*), sum(hashtext({OF_A_TABLE})) from pg_class where {OURS}",
    f"select 'setting', count(*), 0 from {SETTINGS} where datname = current_database()",
    *(f"select '{one}', count(*), max(xmin::text::bigint) from pg_{one}" for one in CATALOGUES),
])  # fmt: skip
"""What every change of a table, an index, a rule or a trigger leaves other than it was; emptying a table does not."""


class Mark(NamedTuple):
    """What a table cannot have been written to without changing: its bytes, its rows and their newest transaction."""

    size: int
    number: int
    newest: int


Shape = list[tuple[Any, ...]]
Marks = Mapping[str, Mark]


@dataclass(slots=True)
class Template:
    """A database to be cloned, what it holds, and its clones that nobody has: each with the marks it was left with."""

    name: str
    oid: int
    shape: Shape
    marks: Marks
    rows: Mapping[str, bytes]
    sequences: Mapping[str, tuple[Any, ...]]
    spare: list[tuple[str, Marks]] = field(default_factory=list[tuple[str, Marks]])


class Clones:
    """The clones of one server's templates."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._admin = connect(server)
        self._templates: dict[int, Template] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._admin.close()

    def make(self, name: str, template: str = "template1") -> str:
        """Make a database that stays, a template for others or a clone for all tests, and give its address."""
        self._tell(f"create database {name} template {template}")
        return named(self._server, name)

    @contextmanager
    def lend(self, template: str) -> Generator[str]:
        """Give the address of a database as the template is, for one borrower."""
        original = self._find(template)
        name, marks = f"test_{next(NUMBERS)}", original.marks
        if original.spare:
            last, marks = original.spare.pop()
            self._tell(f"alter database {last} rename to {name}")
        else:
            self.make(name, template)
        yield named(self._server, name)
        left = _put_back(named(self._server, name), original, marks)
        if left is None:
            self._tell(f"drop database {name} with (force)")
        else:
            original.spare.append((name, left))

    def _find(self, name: str) -> Template:
        found = self._admin.execute("select oid from pg_database where datname = %s", [name]).fetchone()
        oid = found[0] if found else 0
        if oid not in self._templates:
            self._templates[oid] = _read(named(self._server, name), name, oid)
        return self._templates[oid]

    def _tell(self, statement: str) -> None:
        self._admin.execute(statement.encode())


def named(url: str, database: str) -> str:
    return f"{url.removesuffix(USER)}{database}"


def _read(url: str, name: str, oid: int) -> Template:
    with connect(url) as connection:
        marks = _marks(connection)
        return Template(
            name=name,
            oid=oid,
            shape=_ask(connection, SHAPE),
            marks=marks,
            rows={table: _copied(connection, table) for table, mark in marks.items() if mark.number},
            sequences=_sequences(connection),
        )


def _put_back(url: str, original: Template, before: Marks) -> Marks | None:
    """Make a clone as its template is and give the marks it is left with; None if it has to be dropped."""
    with connect(url) as connection:
        if not _left_alone(connection) or _ask(connection, SHAPE) != original.shape:
            return None
        now = _marks(connection)
        written = sorted(table for table in {*before, *now} if now.get(table) != before.get(table))
        if written:
            _refill(connection, written, original)
        _wind_back(connection, original)
        again = original.rows.keys() & set(written)
        return {**before, **_marks(connection, again)} if again else before


def _left_alone(connection: Connection) -> bool:
    """Wait a little for what is closing its connections."""
    for _ in range(LOOKS):
        if not _ask(connection, OTHERS):
            return True
        time.sleep(LOOK_S)
    return False


def _refill(connection: Connection, written: Sequence[str], original: Template) -> None:
    """Empty the tables and write what the template holds of them; also what the planner has learnt of them goes."""
    emptied = ", ".join(f"d{no} as (delete from {table})" for no, table in enumerate(written))
    with connection.transaction():
        _ask(connection, "set local session_replication_role = replica")  # rows go and come unasked: no key, no trigger
        _ask(connection, f"with {emptied} delete from pg_statistic where starelid >= {FIRST_OF_OURS}")
    _ask(connection, f"vacuum (truncate, index_cleanup on, skip_database_stats) {', '.join(written)}")
    forgotten = ", ".join(f"pg_clear_relation_stats('public', '{table}')" for table in written)
    _ask(connection, f"select {forgotten}")
    with connection.transaction():
        _ask(connection, "set local session_replication_role = replica")
        for table in original.rows.keys() & set(written):
            with connection.cursor().copy(f"copy {table} from stdin (format binary)".encode()) as copy:
                copy.write(original.rows[table])


def _wind_back(connection: Connection, original: Template) -> None:
    for name, (last, called) in _sequences(connection).items():
        if (last, called) != original.sequences[name]:
            _ask(connection, "select setval('{}', {}, {})".format(name, *original.sequences[name]))


def _marks(connection: Connection, among: Iterable[str] | None = None) -> Marks:
    """Give the marks of the tables that have any bytes."""
    sizes = {table: size for table, size in _ask(connection, SIZES) if size and (among is None or table in among)}
    counts = (f"select '{one}', count(*), coalesce(max(xmin::text::bigint), 0) from {one}" for one in sizes)
    found = _ask(connection, " union all ".join(counts)) if sizes else []
    return {table: Mark(sizes[table], number, newest) for table, number, newest in found}


def _sequences(connection: Connection) -> Mapping[str, tuple[Any, ...]]:
    names = [name for (name,) in _ask(connection, SEQUENCES)]
    found = _ask(connection, " union all ".join(f"select '{one}', last_value, is_called from {one}" for one in names))
    return {name: (last, called) for name, last, called in found}


def _copied(connection: Connection, table: str) -> bytes:
    with connection.cursor().copy(f"copy {table} to stdout (format binary)".encode()) as copy:
        return b"".join(bytes(piece) for piece in copy)


def _ask(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    asked = connection.execute(cast("LiteralString", statement))
    return asked.fetchall() if asked.description else []
