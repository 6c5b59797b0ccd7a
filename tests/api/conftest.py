"""The API over a fresh database with some stock, called in this process."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from structlog.testing import capture_logs
from structlog.typing import EventDict

from api.app import build
from connectors.registry import Registry
from hub.database import Database
from hub.keyring import Keyring
from hub.partitions import make_partitions
from tests.api.calling import Mall
from tests.clones import Clones
from tests.hub.making import stock
from tests.staging import settings_in


def furnished(database: Database, folder: Path) -> FastAPI:
    settings = settings_in(folder)
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
        stock(session, {"sh": {"apple": 100, "pear": 100}, "bj": {"apple": 100}})
    return build(settings, database, Registry(settings))


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    return furnished(database, tmp_path)


@pytest.fixture
def http(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def mall(http: TestClient) -> Mall:
    return Mall(http)


@pytest.fixture(scope="module")
def door(
    clones: Clones, template_of_today: str, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """Serve a whole module's calls that leave no order behind."""
    with clones.lend(template_of_today) as url:
        database = Database(url, keyring)
        with TestClient(furnished(database, tmp_path_factory.mktemp("door")), raise_server_exceptions=False) as client:
            yield client
        database.close()


@pytest.fixture
def stranger(door: TestClient) -> Mall:
    """Give a shop whose calls leave no order behind."""
    return Mall(door)


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    with capture_logs() as captured:
        yield captured
