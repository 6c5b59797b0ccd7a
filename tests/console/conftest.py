"""A browser over a console with a small world behind it; every test has a database of its own."""

import os
from collections.abc import Callable, Generator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from commands.assets import ensure_assets
from dashboards.app import build
from hub.database import Database
from tests.clones import Clones
from tests.conftest import RING
from tests.console.browsing import FLAGS, Guard, Look, Site, find_chromium, opened, serve
from tests.console.world import fill, settings

WORLD = "template_of_console"
MISSING = "no Chromium here: install one (Debian: apt-get install chromium), or name one by OMS_CHROMIUM"

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """Start the browser once a file: while it runs, its event loop bars every other test of this process from one.

    Without a browser the tests are left out, but not where all must run.
    """
    ensure_assets()
    program = find_chromium()
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def world(clones: Clones, template: str) -> dict[str, int]:
    """Make the world once, to be cloned."""
    made = Database(clones.make(WORLD, template), RING, connections=1)
    orders = fill(made, datetime.now(UTC))
    made.close()
    return orders


@pytest.fixture
def site(clones: Clones, world: dict[str, int]) -> Generator[Site]:
    """Serve a console over a fresh copy of the world."""
    with clones.lend(WORLD) as url:
        database = Database(url, RING)
        with serve(build(settings(), database)) as address:
            yield Site(address, database, world)
        database.close()


@pytest.fixture
def guard() -> Generator[Guard]:
    """Fail a test whose pages had any trouble that it did not expect."""
    watching = Guard()
    yield watching
    assert not watching.unexpected()


@pytest.fixture
def open_page(browser: Browser, site: Site, guard: Guard) -> Generator[Open]:
    """Open pages: `open_page("operator")`, `open_page("viewer", Look("zh-CN", "dark"))`, or of nobody."""
    with ExitStack() as stack:

        def make(person: str = "", look: Look | None = None) -> Page:
            return stack.enter_context(opened(browser, site, guard, person, look))

        yield make
