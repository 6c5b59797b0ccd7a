"""Where a simulation takes place: a PostgreSQL of its own, and the hub's way to it on one connection."""

import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, NamedTuple, final

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from hub.database import KEYRING, RINGS, Database
from hub.engine import sending_along, sqlalchemy_url
from hub.keyring import KEY_BYTES, Keyring
from hub.migrations import upgrade
from hub.partitions import make_partitions
from hub.postgres import EmbeddedPostgres

BEGINNING: Final = datetime(2026, 11, 11, 2, tzinfo=UTC)
"""The virtual clock's zero."""

OPTIONS: Final = "-c timezone=UTC -c synchronous_commit=off"

LOOK: Final = b"""
    select s.id, lane, flow, s.connection, idempotency_key, state, token, run_at, lease_until, doubt, attempts,
           coalesce(breaker, 'closed'), open_until
    from step s left join connection_gate g using (connection) order by s.id"""
TIDY: Final = b"""
    delete from step; delete from attempt; delete from connection_gate; delete from connection_health;
    delete from case_file; delete from audit_entry;
    select setval(pg_get_serial_sequence('step', 'id'), 1, false)"""


class Trouble(Enum):
    """How a transaction may fail while the database is away."""

    NONE = auto()
    REFUSED = auto()  # it never began
    UNDONE = auto()  # it was rolled back
    UNHEARD = auto()  # it was committed, and nobody heard of it


class Seen(NamedTuple):
    """A step as it lies in its table, with the breaker of its connection."""

    id: int
    lane: str
    flow: str
    connection: str
    key: str
    state: str
    token: int
    run_at: datetime
    lease_until: datetime | None
    doubt: bool
    attempts: int
    breaker: str
    open_until: datetime | None


@final
class OneConnection(Database):
    """The hub's way to the database on one connection, whose bell is heard, or not, in virtual time."""

    def __init__(self, url: str) -> None:
        self._ring = Keyring("k1", {"k1": b"1" * KEY_BYTES}, b"i" * KEY_BYTES, b"a" * KEY_BYTES)
        super().__init__(url, self._ring, connections=1)
        self.engine = sending_along(
            create_engine(sqlalchemy_url(url), poolclass=StaticPool, connect_args={"options": OPTIONS})
        )
        self._reader = psycopg.connect(url, autocommit=True, options=OPTIONS)
        self._steps = self._reader.cursor(binary=True)
        self.trouble: Callable[[], Trouble] = lambda: Trouble.NONE
        self.rung: Callable[[], object] = lambda: None

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """Begin, and commit unless the block raises or chance is against it."""
        trouble = self.trouble()
        if trouble is Trouble.REFUSED:
            raise _away()
        with Session(self.engine, expire_on_commit=False, info={KEYRING: self._ring}) as session:
            with session.begin():
                yield session
                if trouble is Trouble.UNDONE:
                    raise _away()
            if trouble is Trouble.UNHEARD:
                raise _away()
            if RINGS in session.info:
                self.rung()

    def look(self) -> list[Seen]:
        """Give every step as it is now."""
        return [Seen(*one) for one in self._steps.execute(LOOK, prepare=True)]

    def look_for(self, query: bytes) -> list[tuple[Any, ...]]:
        return self._reader.execute(query).fetchall()

    def tidy(self) -> None:
        """Let the next seed find nothing of the last one, and count from one."""
        self._reader.execute(TIDY)

    def close(self) -> None:
        self._reader.close()
        super().close()


def _away() -> OperationalError:
    return OperationalError("the database is away", None, psycopg.OperationalError("away"))


@contextmanager
def ground() -> Generator[OneConnection]:
    """Start a database in a folder of its own, and remove both at the end."""
    folder = Path(tempfile.mkdtemp(prefix="oms-simulate-"))
    folder.chmod(0o755)  # root hands the server to another user, who must pass through
    try:
        with EmbeddedPostgres(folder / "data", durable=False) as postgres:
            upgrade(postgres.url)
            database = OneConnection(postgres.url)
            with database.transaction() as session:
                make_partitions(session, BEGINNING)
            try:
                yield database
            finally:
                database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
