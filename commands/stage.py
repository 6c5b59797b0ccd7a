"""The stage of a demo: its processes started, its brand laid out, and how far its orders are."""

import random
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import OperationalError

from commands.conservation import in_flight
from commands.scenery import (
    COURIER,
    ERP,
    MALLS,
    MARKET,
    SAP_USER,
    SF,
    SHOPS,
    SITES,
    SOON_S,
    TOKEN_LIFE_S,
    courier_config,
    forget_told,
    furnish,
    gateway_config,
    market_config,
    settings_toml,
    sold_in,
    wms_config,
)
from commands.screen import ERROR, words
from commands.station import HOST, Station, fetch_json, write_json
from hub.access import Token
from hub.database import Database, row, rows
from hub.migrations import upgrade
from hub.partitions import make_partitions
from hub.people import add_person, find_person
from hub.roles import Role
from hub.tokens import store_token
from sandbox.baskets import StorefrontOrder
from sandbox.shopper import Shopper

ADMIN: Final = "admin"
CONSOLE: Final = "console"
"""The secret that holds the administrator's password."""

ENDED: Final = "select count(*) as n from sales_order where lifecycle in ('completed', 'closed')"
KILL_GAP: Final = (0.25, 1.5)
"""Between kills, in times of what the stage took to start here: from before a worker has found its feet to mid-work."""

FIRST_KILL_S: Final = 1.5
"""Until the first kill: where starting took long, all would be done before."""

PATIENCE_S: Final = 200
"""How long nothing may move before a check gives up."""


@dataclass
class Stage:
    """A running demo."""

    station: Station
    ports: Mapping[str, int]
    environment: Mapping[str, str]
    database: Database
    accepted: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    refused: list[str] = field(default_factory=list[str])
    scenarios: list[str] = field(default_factory=list[str])
    kills: int = 0
    ended_before: int = 0
    start_s: float = 0

    @property
    def api(self) -> str:
        return f"http://{HOST}:{self.ports['api']}"

    def shopper(self, connection: str) -> Shopper:
        return Shopper(self.api, connection, self.station.secret(connection), patience_s=60)

    def address(self, process: str) -> str:
        return f"http://{HOST}:{self.ports[process]}"

    def books(self, partner: str) -> dict[str, Any]:
        return fetch_json(f"{self.address(partner)}/books")

    def start(self, name: str, module: str, *arguments: str) -> None:
        self.station.start(name, ["-m", module, *arguments], self.environment)


def raise_curtain(
    station: Station,
    ports: Mapping[str, int],
    url: str,
    goods: Sequence[StorefrontOrder],
    *,
    sap_late_s: int = SOON_S,
    with_sap: bool = True,
    token_life_s: int = TOKEN_LIFE_S,
) -> Stage:
    """Write configurations, bring the schema up to date and start every process, SAP only if it is wanted yet.

    The marketplace lists what the orders to come are about, and what an earlier demo has left.
    """
    station.prepare(settings_toml(ports, sap_late_s=sap_late_s))
    upgrade(url)
    stage = Stage(station, ports, station.environment(url), station.database(url))
    access, refresh = station.secret(f"{MARKET}-access"), station.secret(f"{MARKET}-refresh")
    with stage.database.transaction() as session:
        now = datetime.now(UTC)
        make_partitions(session, now)
        token = Token(access=access, refresh=refresh, expires_at=now + timedelta(seconds=token_life_s))
        store_token(session, MARKET, token, now)
        if find_person(session, ADMIN) is None:
            password = station.secret(CONSOLE)
            add_person(session, name=ADMIN, password=password, roles=[Role.ADMIN], at=now)
        forget_told(session)
        listed = {*sold_in(goods), *(one.code for one in rows(session, "select code from sku"))}
    _start_sandbox(stage, token_life_s, listed)
    if with_sap:
        start_sap(stage)
    for name, arguments in {"api": "api", "worker": "worker", "console": "console"}.items():
        stage.start(name, "commands", arguments)
    for name in ("wms", "storefront", "taobao", "kdniao", "sf", "console"):
        station.wait_for(name, f"{stage.address(name)}/healthz")
    station.wait_for("api", f"{stage.api}/readyz")
    return stage


def _start_sandbox(stage: Stage, token_life_s: int, listed: Collection[str]) -> None:
    """Start the stand-ins, each with a configuration file of its own."""
    station = stage.station
    secrets = {name: station.secret(name) for name in (*SHOPS, *SITES, COURIER, SF, ERP)}
    access, refresh = station.secret(f"{MARKET}-access"), station.secret(f"{MARKET}-refresh")
    shops = [{"connection": name, "secret": secrets[name]} for name in MALLS]
    configurations = {
        "wms": ("sandbox.qimen", wms_config(secrets, stage.ports["api"])),
        "storefront": ("sandbox.storefront", {"shops": shops}),
        "taobao": ("sandbox.taobao", market_config(secrets[MARKET], access, refresh, token_life_s, listed)),
        "kdniao": ("sandbox.kdniao", courier_config(secrets, stage.ports["api"])),
        "sf": ("sandbox.sf", gateway_config(secrets)),
    }
    for name, (module, configuration) in configurations.items():
        file = write_json(station.folder / f"{name}.json", configuration)
        stage.start(name, module, "--port", str(stage.ports[name]), "--config", str(file))


def start_sap(stage: Stage) -> None:
    """Start SAP's stand-in, which keeps its books in memory."""
    login = f"{SAP_USER}:{stage.station.secret(ERP)}"
    options = ("--host", HOST, "--port", str(stage.ports["sap"]), "--auth", login, "--slow-ms", "4000")
    stage.start("sap", "sandbox.sap", *options, "--no-request-log", "--quiet")
    stage.station.wait_for("sap", f"{stage.address('sap')}/_mock/health")


def furnish_stage(stage: Stage, goods: Sequence[StorefrontOrder]) -> None:
    with stage.database.transaction() as session:
        furnish(session, goods, datetime.now(UTC))
        found = row(session, ENDED)
        stage.ended_before = found.n if found else 0


def wait_until_done(stage: Stage, count: int, besides: Sequence[str] = ()) -> bool:
    """Wait until nothing is in flight but for some connections; False when nothing has moved for too long."""
    with progress_bar() as progress:
        task = progress.add_task(words("发货", "orders shipped"), total=count)
        last: object = None
        moved = time.monotonic()
        while time.monotonic() - moved < PATIENCE_S:
            try:
                with stage.database.transaction() as session:
                    waiting = in_flight(session, besides)
                    found = row(session, ENDED)
                    placed = row(session, "select count(*) as n from sales_order")
            except OperationalError:  # a database that restarts is part of what may happen here
                time.sleep(1)
                continue
            progress.update(task, completed=found.n - stage.ended_before if found else 0)
            fetched = placed is not None and placed.n >= len(stage.accepted)
            if fetched and not any(waiting.values()):
                return True
            if (waiting, placed) != last:
                last, moved = (waiting, placed), time.monotonic()
            time.sleep(0.3)
    return False


def kill_worker_at_random(stage: Stage, stop: threading.Event, seed: int) -> None:
    """Kill the worker at random moments and start another, until told to stop."""
    chance = random.Random(seed)  # noqa: S311 # moments, not secrets
    gap = FIRST_KILL_S
    while not stop.wait(gap):
        stage.station.kill("worker")
        stage.kills += 1
        stage.start("worker", "commands", "worker")
        gap = stage.start_s * chance.uniform(*KILL_GAP)


def progress_bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=ERROR)
