"""What a browser test works with: a site on this machine, a guard over every page, and an audit of access."""

import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from dashboards.visit import COOKIE
from hub.database import Database
from hub.visits import begin_visit
from tests.console.world import PASSWORD
from tests.scale import FULL

FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
AXE: Final = Path(__file__).parent / "vendor" / "axe.js"
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental")
PATIENCE_MS: Final = 40_000
"""How long a page may take for anything on a machine that other tests use; what comes at once costs nothing."""

DRAWN_MS: Final = 700
"""Within so long a chart has drawn itself anew: a picture is taken after that."""

WIDE: Final = (1440, 900)
NARROW: Final = (390, 844)
HEIGHT: Final = """() => Math.max(document.documentElement.scrollHeight, ...Array.from(
    document.querySelectorAll(".drawer"), one => one.offsetTop + one.scrollHeight))"""


@dataclass(frozen=True, slots=True)
class Look:
    """One way to see a page."""

    locale: str = "en"
    theme: Any = "light"
    size: tuple[int, int] = WIDE

    @property
    def turned(self) -> "Look":
        """The same language in the other theme and the other width, which a page that is open can be put into."""
        return Look(self.locale, "light" if self.theme == "dark" else "dark", NARROW if self.size == WIDE else WIDE)

    def __str__(self) -> str:
        return f"{self.locale[:2]}-{self.theme}{'' if self.size == WIDE else '-narrow'}"


ALL_LOOKS: Final = tuple(
    Look(locale, theme, size) for locale in ("zh-CN", "en") for theme in ("light", "dark") for size in (WIDE, NARROW)
)
EVERY_LOOK: Final = FULL or bool(os.environ.get("OMS_SCREENS"))
LOOKS: Final = tuple(ALL_LOOKS[at] for at in (range(8) if EVERY_LOOK else (0, 3, 5, 6)))
"""Every day four of the eight, in which each pair of language, theme and width is seen; all with --full or pictures."""
WALKS: Final = tuple(look for look in LOOKS if look.size == WIDE)
"""The looks that a walk opens its pages in: it turns each of them, and so sees all that there are."""


@dataclass(frozen=True, slots=True)
class Site:
    """A console that is being served, its database, and the world's orders by name."""

    address: str
    database: Database
    orders: dict[str, int]

    def token(self, person: str) -> str:
        """Sign somebody in without the form."""
        with self.database.transaction() as session:
            return begin_visit(session, person, datetime.now(UTC))


@dataclass
class Guard:
    """What went wrong on any page of a test: errors in its console, a broken policy, a request to somewhere else."""

    troubles: list[str] = field(default_factory=list[str])
    expected: list[str] = field(default_factory=list[str])

    def expect(self, pattern: str) -> None:
        """Let a trouble be that a test brings about on purpose."""
        self.expected.append(pattern)

    def watch(self, context: BrowserContext) -> None:
        context.on("request", self._see_request)
        context.on("console", self._see_message)
        context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))

    def unexpected(self) -> list[str]:
        return [one for one in self.troubles if not any(re.search(pattern, one) for pattern in self.expected)]

    def _see_request(self, request: Request) -> None:
        if urlsplit(request.url).hostname != "127.0.0.1":
            self.troubles.append(f"request to elsewhere: {request.url}")

    def _see_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.troubles.append(f"console {message.type}: {message.text}")


def find_chromium() -> str | None:
    """Give the program named by OMS_CHROMIUM, or a Chromium that is installed."""
    return os.environ.get("OMS_CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def serve(app: FastAPI) -> Generator[str]:
    """Serve an app on a free port of this machine, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True  # what is being answered is finished before its database goes
            thread.join()


@contextmanager
def opened(browser: Browser, site: Site, guard: Guard, person: str = "", look: Look | None = None) -> Generator[Page]:
    """Open a page in a browser of its own, with somebody signed in if they are named."""
    seen = look or Look()
    width, height = seen.size
    context = browser.new_context(
        base_url=site.address,
        locale=seen.locale,
        color_scheme=seen.theme,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    guard.watch(context)
    if person:
        context.add_cookies([{"name": COOKIE, "value": site.token(person), "url": site.address, "httpOnly": True}])
    try:
        yield context.new_page()
    finally:
        context.close()


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in the form of the page that asks."""
    page.get_by_label(re.compile("Name|登录名")).fill(name)
    page.get_by_label(re.compile("Password|密码")).fill(password)
    page.get_by_role("button", name=re.compile("Sign in|登录")).click()


def audit(page: Page, name: str = "") -> list[str]:
    """Say what bars anybody from a page as it stands (axe-core, every rule); with OMS_SCREENS its picture is kept."""
    keep_picture(page, name)
    if not page.evaluate("'axe' in window"):  # a page that is looked at again has it still
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: Any = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", list(TAGS)
    )
    return [
        f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:240]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def walk(page: Page, look: Look, paths: Mapping[str, str]) -> None:
    """Open pages by name, and make sure that nothing bars anybody from them and none scrolls sideways.

    Each is opened once and seen twice: as it was opened, and turned. To open it in a window of its own for each look
    took three times as long.
    """
    for name, path in paths.items():
        for seen in (look, look.turned):
            page.set_viewport_size({"width": seen.size[0], "height": seen.size[1]})
            page.emulate_media(color_scheme=seen.theme)
            if seen is look:
                page.goto(path)
                assert page.locator("html").get_attribute("lang") == look.locale, path
            assert audit(page, f"{name}-{seen}") == [], path
            assert not scrolls_sideways(page), f"{path} scrolls sideways, {seen}"


def scrolls_sideways(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def keep_picture(page: Page, name: str) -> None:
    """Write what a page looks like into the folder that OMS_SCREENS names, as on a screen that is tall enough for it.

    A picture longer than its window would show what is fixed to the window's foot in the middle, and cut a drawer.
    """
    folder, window = os.environ.get("OMS_SCREENS"), page.viewport_size
    if folder and name and window:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for _ in range(2):  # what takes its share of the window's height grows with it, once
            height: int = page.evaluate(HEIGHT)
            page.set_viewport_size({"width": window["width"], "height": max(height, window["height"])})
        page.wait_for_timeout(DRAWN_MS)
        page.screenshot(path=Path(folder) / f"{name}.png")
        page.set_viewport_size(window)


def texts(page: Page, selector: str) -> Sequence[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]
