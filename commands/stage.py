"""The stage of a demo: its processes started, its brand laid out, its orders sent, and how far they are."""

import random
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import OperationalError

from commands.conservation import in_flight
from commands.scenery import SHOPS, SITES, furnish, settings_toml, wms_config
from commands.screen import ERROR, words
from commands.station import HOST, Station, fetch_json, write_json
from dashboards.app import SECRET as CONSOLE
from hub.database import Database, row
from hub.migrations import upgrade
from hub.partitions import make_partitions
from sandbox.baskets import StorefrontOrder
from sandbox.shopper import Shopper

COMPLETED: Final = "select count(*) as n from sales_order where lifecycle = 'completed'"
PUSHED: Final = "mall-mini"
BATCH: Final = 10
POSTERS: Final = 4
KILL_GAP_S: Final = (1.5, 8.0)
"""Seconds between kills: from before a worker has found its feet to the middle of its work."""

PATIENCE_S: Final = 120
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
    kills: int = 0
    completed_before: int = 0

    @property
    def api(self) -> str:
        return f"http://{HOST}:{self.ports['api']}"

    def shopper(self, connection: str) -> Shopper:
        return Shopper(self.api, connection, self.station.secret(connection), patience_s=60)

    def books(self, partner: str) -> dict[str, Any]:
        return fetch_json(f"http://{HOST}:{self.ports[partner]}/books")


def raise_curtain(station: Station, ports: Mapping[str, int], url: str) -> Stage:
    """Write configurations, bring the schema up to date and start every process."""
    station.prepare(settings_toml(ports))
    secrets = {name: station.secret(name) for name in (*SHOPS, *SITES, CONSOLE)}
    wms_file = write_json(station.folder / "wms.json", wms_config(secrets, ports["api"]))
    shops = [{"connection": name, "secret": secrets[name]} for name in SHOPS]
    storefront_file = write_json(station.folder / "storefront.json", {"shops": shops})
    upgrade(url)
    database = station.database(url)
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
    stage = Stage(station, ports, station.environment(url), database)
    _start(stage, "wms", "sandbox.qimen", "--port", str(ports["wms"]), "--config", str(wms_file))
    _start(
        stage, "storefront", "sandbox.storefront", "--port", str(ports["storefront"]), "--config", str(storefront_file)
    )
    _start(stage, "api", "commands", "api")
    _start(stage, "worker", "commands", "worker")
    _start(stage, "console", "commands", "console")
    for name in ("wms", "storefront"):
        station.wait_for(name, f"http://{HOST}:{ports[name]}/healthz")
    station.wait_for("api", f"{stage.api}/readyz")
    station.wait_for("console", f"http://{HOST}:{ports['console']}/healthz")
    return stage


def _start(stage: Stage, name: str, module: str, *arguments: str) -> None:
    stage.station.start(name, ["-m", module, *arguments], stage.environment)


def furnish_stage(stage: Stage, goods: Sequence[StorefrontOrder]) -> None:
    with stage.database.transaction() as session:
        furnish(session, goods, datetime.now(UTC))
        found = row(session, COMPLETED)
        stage.completed_before = found.n if found else 0


def post(stage: Stage, goods: Sequence[StorefrontOrder]) -> None:
    """Send the orders as their malls do: one by one, in batches, or pushed by webhook."""
    with _progress() as progress, ThreadPoolExecutor(POSTERS) as pool:
        task = progress.add_task(words("下单", "orders placed"), total=len(goods))
        for done in pool.map(partial(_post_part, stage), _parts(goods)):
            progress.advance(task, done)


def _parts(goods: Sequence[StorefrontOrder]) -> list[list[StorefrontOrder]]:
    """Cut the orders by shop into parts of a batch's size."""
    by_shop = {shop: [one for one in goods if one.connection == shop] for shop in SHOPS}
    return [part[i : i + BATCH] for part in by_shop.values() for i in range(0, len(part), BATCH)]


def _post_part(stage: Stage, part: Sequence[StorefrontOrder]) -> int:
    connection = part[0].connection
    payloads = [one.payload for one in part]
    number = str(payloads[0]["external_id"])
    with stage.shopper(connection) as shopper:
        if connection == PUSHED:
            answers = [(shopper.push_order(payload).status_code, payload) for payload in payloads]
        elif hash_of(number) % 2:
            answer = shopper.post_batch(payloads, idempotency_key=f"batch-{number}")
            items = answer.json()["items"] if answer.ok else [{"status": answer.status_code}] * len(payloads)
            answers = [(item["status"], payload) for item, payload in zip(items, payloads, strict=True)]
        else:
            answers = [
                (shopper.post_order(payload, idempotency_key=str(payload["external_id"])).status_code, payload)
                for payload in payloads
            ]
    for status, payload in answers:
        if status < 300:  # noqa: PLR2004 # HTTP
            stage.accepted[SHOPS[connection], str(payload["external_id"])] = connection
        else:
            stage.refused.append(f"{payload['external_id']}: {status}")
    return len(part)


def hash_of(number: str) -> int:
    """Spread order numbers over ways of sending, the same way every time (CRC-like sum; no secrets here)."""
    return sum(number.encode())


def wait_until_done(stage: Stage, count: int) -> bool:
    """Wait until nothing is in flight; False when nothing has moved for too long."""
    with _progress() as progress:
        task = progress.add_task(words("发货", "orders shipped"), total=count)
        before = stage.completed_before
        last: object = None
        moved = time.monotonic()
        while time.monotonic() - moved < PATIENCE_S:
            try:
                with stage.database.transaction() as session:
                    waiting = in_flight(session)
                    found = row(session, COMPLETED)
            except OperationalError:  # a database that restarts is part of what may happen here
                time.sleep(1)
                continue
            progress.update(task, completed=found.n - before if found else 0)
            if not any(waiting.values()):
                return True
            if waiting != last:
                last, moved = waiting, time.monotonic()
            time.sleep(0.3)
    return False


def kill_worker_at_random(stage: Stage, stop: threading.Event, seed: int) -> None:
    """Kill the worker at random moments and start another, until told to stop."""
    chance = random.Random(seed)  # noqa: S311 # moments, not secrets
    while not stop.wait(chance.uniform(*KILL_GAP_S)):
        stage.station.kill("worker")
        stage.kills += 1
        _start(stage, "worker", "commands", "worker")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=ERROR)
