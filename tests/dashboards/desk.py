"""A person at the console: a client that is signed in, over the settings of a small company, and forms that act."""

import html
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fastapi.testclient import TestClient
from httpx2 import Response

from dashboards.app import build
from dashboards.pages import new_key
from dashboards.visit import COOKIE
from hub.database import Database, rows
from hub.partitions import make_partitions
from hub.people import add_person
from hub.roles import Role
from hub.visits import begin_visit
from tests.staging import SHOPS, settings_in

NOW: Final = datetime.now(UTC)
PASSWORD: Final = "a-made-up-password"
SAME_ORIGIN: Final = {"sec-fetch-site": "same-origin", "accept-language": "en"}
DRAWER: Final = {"hx-request": "true", "hx-target": "aside#drawer"}


@dataclass(frozen=True, slots=True)
class Desk:
    """One browser; `sit` lets another person take the seat."""

    client: TestClient
    database: Database

    def sit(self, name: str, role: Role, brand: str = "", shop: str = "") -> "Desk":
        """Let a person in, who may work on one brand or shop if it is named, and sign them in."""
        with self.database.transaction() as session:
            brands, shops = [brand] if brand else [], [shop] if shop else []
            add_person(session, name=name, password=PASSWORD, roles=[role], at=NOW, brands=brands, shops=shops)
            self.client.cookies.set(COOKIE, begin_visit(session, name, datetime.now(UTC)))
        return self

    def get(self, path: str, **headers: str) -> Response:
        return self.client.get(path, headers={"accept-language": "en", **headers}, follow_redirects=False)

    def see(self, path: str) -> str:
        """Give a page that must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def drawer(self, path: str) -> str:
        """Give what htmx puts into the drawer."""
        answer = self.client.get(path, headers={"accept-language": "en", **DRAWER})
        assert answer.status_code == 200, answer.text
        assert "<html" not in answer.text
        return answer.text

    def post(self, path: str, *, key: str = "", **fields: object) -> Response:
        """Send a form as the browser would."""
        form: dict[str, Any] = {"action_key": key or new_key(), **fields}
        return self.client.post(path, data=form, headers=SAME_ORIGIN, follow_redirects=False)

    def act(self, path: str, *, key: str = "", **fields: object) -> str:
        """Send a form that must work, and give where it leads."""
        answer = self.post(path, key=key, **fields)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def audited(self, act: str) -> list[tuple[str, str]]:
        with self.database.transaction() as session:
            found = rows(session, "select actor, subject from audit_entry where act = :act order by id", act=act)
        return [(one.actor, one.subject) for one in found]


@contextmanager
def opened(database: Database, folder: Path) -> Generator[Desk]:
    """Open a console over a fresh database."""
    with database.transaction() as session:
        make_partitions(session, NOW)
    settings = settings_in(folder)
    told = {name: settings.connections[name].model_copy(update={"stock": "all"}) for name in SHOPS}
    settings = settings.model_copy(update={"connections": {**settings.connections, **told}})
    with TestClient(build(settings, database)) as client:
        yield Desk(client, database)


def plain(page: str) -> str:
    """Take the tags out of a page."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))
