"""The console without a browser: a client that behaves as one, signed in as whoever is named."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from commands.assets import ensure_assets
from dashboards.app import build
from dashboards.visit import COOKIE
from hub.database import Database
from hub.people import add_person, find_person
from hub.roles import Role
from hub.visits import begin_visit
from tests.console.world import PASSWORD, settings
from tests.dashboards.desk import Desk, opened

Enter = Callable[..., TestClient]


@pytest.fixture
def app(database: Database) -> FastAPI:
    ensure_assets()
    let_in(database, Role.OPERATOR)
    return build(settings(), database)


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """Give an operator at a desk of their own, for who needs no other person."""
    with opened(database, tmp_path) as seat:
        yield seat.sit("operator-1", Role.OPERATOR)


@pytest.fixture
def enter(app: FastAPI, database: Database) -> Iterator[Enter]:
    """Give a client that sends what a browser does: `enter("operator")` is signed in, `enter()` is not."""
    with ExitStack() as stack:

        def make(person: str = "") -> TestClient:
            headers = {"sec-fetch-site": "same-origin", "accept-language": "en"}
            made = TestClient(app, headers=headers, follow_redirects=False, raise_server_exceptions=False)
            if person:
                let_in(database, Role(person))
                with database.transaction() as session:
                    made.cookies.set(COOKIE, begin_visit(session, person, datetime.now(UTC)))
            return stack.enter_context(made)

        yield make


def let_in(database: Database, role: Role) -> None:
    """Make the person who is named for a role, unless they are there."""
    with database.transaction() as session:
        if find_person(session, role) is None:
            add_person(session, name=role, password=PASSWORD, roles=[role], at=datetime.now(UTC))
