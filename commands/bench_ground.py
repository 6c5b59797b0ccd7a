"""The ground of a benchmark: a PostgreSQL of its own that keeps every promise (fsync on), and fresh databases on it."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from hub.database import Database
from hub.keyring import Keyring
from hub.migrations import upgrade
from hub.partitions import make_partitions
from hub.postgres import EmbeddedPostgres
from hub.postgres_probe import USER, connect

TEMPLATE: Final = "ground"


class Ground:
    """Hands out databases with the schema of now and nothing in them."""

    def __init__(self, server: str, keyring_text: str = "") -> None:
        self._server = server
        self._numbers = count(1)
        self.keyring_text = keyring_text or Keyring.generate()
        self.keyring = Keyring.read(self.keyring_text.encode())
        if not self.has(TEMPLATE):
            self._prepare()

    def _prepare(self) -> None:
        with connect(self._server) as connection:
            connection.execute(f"create database {TEMPLATE}".encode())
        upgrade(self._url(TEMPLATE))
        database = Database(self._url(TEMPLATE), self.keyring, connections=1)
        with database.transaction() as session:
            make_partitions(session, datetime.now(UTC))
        database.close()

    def has(self, name: str) -> bool:
        """Say whether there is a database of this name."""
        with connect(self._server) as connection:
            return connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is not None

    def make(self, name: str, template: str = TEMPLATE) -> Database:
        """Make a database that stays, or give the one that is there; closing it is the caller's."""
        if not self.has(name):
            with connect(self._server) as connection:
                connection.execute(f"create database {name} template {template} strategy file_copy".encode())
        return Database(self._url(name), self.keyring, connections=20)

    @contextmanager
    def database(self, connections: int = 20, template: str = TEMPLATE) -> Generator[Database]:
        """Give a fresh database for the while, a copy of another if one is named."""
        name = f"bench_{next(self._numbers)}"
        with connect(self._server) as connection:
            connection.execute(f"create database {name} template {template} strategy file_copy".encode())
        made = Database(self._url(name), self.keyring, connections=connections)
        try:
            yield made
        finally:
            made.close()
            with connect(self._server) as connection:
                connection.execute(f"drop database {name} with (force)".encode())

    def keep(self, database: Database, name: str) -> None:
        """Keep a copy of a database under a name, and close it; nobody else may be at work on it."""
        database.close()
        with connect(self._server) as connection:
            source = database.url.rpartition("/")[2]
            connection.execute(f"create database {name} template {source} strategy file_copy".encode())

    def _url(self, name: str) -> str:
        return f"{self._server.removesuffix(USER)}{name}"


@contextmanager
def ground() -> Generator[Ground]:
    """Start the server in a folder of its own, and remove both at the end."""
    folder = Path(tempfile.mkdtemp(prefix="oms-bench-"))
    folder.chmod(0o755)  # root hands the server to another user, who must pass through
    try:
        with EmbeddedPostgres(folder / "data") as postgres:
            yield Ground(postgres.url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
