"""What all tests share: no network but loopback, and a real PostgreSQL whose schema is made once and cloned."""

import shutil
import socket
import tempfile
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from hub.calm import calm_collector
from hub.database import KEYRING, Database
from hub.keyring import KEY_BYTES, Keyring
from hub.migrations import upgrade
from hub.partitions import make_partitions
from hub.postgres import EmbeddedPostgres
from tests.clones import Clones
from tests.scale import load_profile

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
AT: Final = datetime(2026, 11, 11, 2, tzinfo=UTC)
RING: Final = Keyring("k1", {"k1": b"1" * KEY_BYTES}, b"i" * KEY_BYTES, b"a" * KEY_BYTES)
TEMPLATE: Final = "template_of_tests"
OF_TODAY: Final = "template_of_today"
LONGEST: Final = (
    "commands/test_demo.py",
    "console/test_engine.py",
    "console/test_order_changes.py",
    "console/test_work.py",
    "flows/test_celery.py",
    "flows/test_crash_points.py",
    "commands/test_benches.py",
    "commands/test_massacre.py",
    "commands/test_bench_hot.py",
    "flows/test_celery_end.py",
    "flows/test_broker_stuck.py",
    "console/test_access.py",
)
"""The files that take a minute and more, longest first."""

load_profile()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: one that is begun last would be waited for with idle processors."""
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def pytest_collection_finish() -> None:
    """Keep the garbage collector from nine thousand tests and all they import.

    To go over them again and again was a quarter of the processor's time in tests of the console.
    """
    calm_collector()


@pytest.fixture(scope="session", autouse=True)
def closed_network() -> Generator[None]:
    """Let Python's sockets reach this machine and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _only_loopback(getattr(socket.socket, name)))
        yield


def _only_loopback(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
    def guarded(self: socket.socket, address: Any) -> Any:  # noqa: ANN401 # an address has the shape of its family
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in LOOPBACK:
            raise PermissionError(f"a test reaches for {address[0]}: tests stay on this machine")
        return connect(self, address)

    return guarded


@pytest.fixture(scope="session", autouse=True)
def light_passwords() -> Generator[None]:
    """Hash passwords lightly: a thousand tests let somebody in, and a hash as it should be takes tenths of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hub.people._hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def at() -> datetime:
    return AT


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return RING


@pytest.fixture(scope="session")
def server() -> Generator[str]:
    """Start a server for this process of the test run, and give the address of its first database."""
    folder = Path(tempfile.mkdtemp(prefix="oms-test-"))
    folder.chmod(0o755)  # root hands the server to another user, who must pass through
    with EmbeddedPostgres(folder / "data", durable=False) as postgres:
        yield postgres.url
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def clones(server: str) -> Generator[Clones]:
    with Clones(server) as made:
        yield made


@pytest.fixture(scope="session")
def template(clones: Clones) -> str:
    """Make the schema and its partitions once, to be cloned."""
    url = clones.make(TEMPLATE)
    upgrade(url)
    database = Database(url, RING, connections=1)
    with database.transaction() as session:
        make_partitions(session, AT)
    database.close()
    return TEMPLATE


@pytest.fixture(scope="session")
def template_of_today(clones: Clones, template: str) -> str:
    """Make the partitions of these days as well, which a test would else make for itself."""
    url = clones.make(OF_TODAY, template)
    database = Database(url, RING, connections=1)
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
    database.close()
    return OF_TODAY


@pytest.fixture
def database_url(clones: Clones, template_of_today: str) -> Generator[str]:
    """Give the address of a fresh database that the test has to itself."""
    with clones.lend(template_of_today) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Generator[Database]:
    made = Database(database_url, RING)
    yield made
    made.close()


@pytest.fixture(scope="session")
def scratch(clones: Clones, template: str) -> Generator[Database]:
    """Give a database that nothing is ever committed to."""
    with clones.lend(template) as url:
        made = Database(url, RING, connections=2)
        yield made
        made.close()


@pytest.fixture
def session(scratch: Database) -> Generator[Session]:
    """Give one transaction that is rolled back; it sees nothing of the `database` fixture's database."""
    with Session(scratch.engine, expire_on_commit=False, info={KEYRING: RING}) as opened:
        yield opened
