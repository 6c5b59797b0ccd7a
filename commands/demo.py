"""The demo: the hub and its partners for real on this machine, with a person or as a check of itself."""

import random
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import OperationalError

from commands.conservation import Verdict, in_flight, verify
from commands.scenery import SHOPS, SITES, furnish, settings_toml, wms_config
from commands.screen import ERROR, OUT, give, say, words
from commands.station import HOST, Station, fetch_json, free_ports, port_is_free, write_json
from dashboards.app import SECRET as CONSOLE
from hub.database import Database, row
from hub.errors import NeedsOperator
from hub.migrations import upgrade
from hub.partitions import make_partitions
from hub.postgres import default_folder
from hub.settings import ROOT
from sandbox.baskets import StorefrontOrder, orders
from sandbox.shopper import Shopper

PORTS: Final = {"api": 8000, "console": 8001, "wms": 8101, "storefront": 8102}
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


def run_check(count: int, *, kill_worker: bool, as_json: bool, seed: int = 1) -> int:
    """Send `count` orders the whole way, in a folder and on ports of its own, and verify that none was lost or doubled.

    Gives 0, or 1 with the reason on standard error.
    """
    folder = Path(tempfile.mkdtemp(prefix="oms-check-", dir=_scratch()))
    folder.chmod(0o755)  # the database may run as another user; secrets have a folder and modes of their own
    began = time.monotonic()
    station = Station(folder)
    postgres = station.postgres()
    try:
        stage = _raise_curtain(station, dict(zip(PORTS, free_ports(len(PORTS)), strict=True)), postgres.start())
        start_s = time.monotonic() - began
        goods = list(orders(count, seed, list(SHOPS)))
        _furnish(stage, goods)
        work_began = time.monotonic()
        stop = threading.Event()
        killer = threading.Thread(target=_kill_worker, args=(stage, stop, seed)) if kill_worker else None
        if killer:
            killer.start()
        try:
            _post(stage, goods)
            moved = _wait_until_done(stage, count)
        finally:
            stop.set()
            if killer:
                killer.join()
        verdict = _verify(stage)
        if not moved:
            verdict.broken.append("nothing moved any more before all was done")
        return _report(stage, verdict, goods, start_s, time.monotonic() - work_began, as_json=as_json)
    finally:
        station.stop()
        postgres.stop(force=True)
        shutil.rmtree(folder, ignore_errors=True)


def run_show(count: int) -> int:
    """Run the demo for a person until Ctrl-C, in the station that other commands use by default."""
    taken = [str(port) for port in PORTS.values() if not port_is_free(port)]
    if taken:
        raise NeedsOperator(f"these ports are taken: {', '.join(taken)}; end what listens there", code="port_taken")
    station = Station(default_folder(ROOT))
    postgres = station.postgres()
    try:
        with ERROR.status(words("正在启动数据库", "starting the database")):
            url = postgres.start()
        with ERROR.status(words("正在启动接口、工作进程与沙箱伙伴", "starting API, worker and sandbox partners")):
            stage = _raise_curtain(station, PORTS, url)
        goods = list(orders(count, int(time.time()), list(SHOPS)))
        with ERROR.status(words("正在布置商品与库存", "laying out products and stock")):
            _furnish(stage, goods)
        _post(stage, goods)
        _wait_until_done(stage, count)
        _introduce(stage)
        _wait_for_end(stage)
    except KeyboardInterrupt:
        say("正在停止……", "stopping …")
    finally:
        station.stop()
        postgres.stop(force=True)
    return 0


def _scratch() -> str | None:
    """Say where a check's folder may lie: as root where the database's user can reach it."""
    parent = default_folder(ROOT).parent
    parent.mkdir(parents=True, exist_ok=True)
    return str(parent) if parent != ROOT else None


def _raise_curtain(station: Station, ports: Mapping[str, int], url: str) -> Stage:
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


def _furnish(stage: Stage, goods: Sequence[StorefrontOrder]) -> None:
    with stage.database.transaction() as session:
        furnish(session, goods, datetime.now(UTC))
        found = row(session, COMPLETED)
        stage.completed_before = found.n if found else 0


def _post(stage: Stage, goods: Sequence[StorefrontOrder]) -> None:
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


def _wait_until_done(stage: Stage, count: int) -> bool:
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


def _kill_worker(stage: Stage, stop: threading.Event, seed: int) -> None:
    """Kill the worker at random moments and start another, until told to stop."""
    chance = random.Random(seed)  # noqa: S311 # moments, not secrets
    while not stop.wait(chance.uniform(*KILL_GAP_S)):
        stage.station.kill("worker")
        stage.kills += 1
        _start(stage, "worker", "commands", "worker")


def _verify(stage: Stage) -> Verdict:
    """Compare database and books; the audit sealer gets a moment to finish its chain first."""
    time.sleep(1.5)
    with stage.database.transaction() as session:
        return verify(session, stage.accepted, stage.books("wms"), stage.books("storefront"))


def _report(
    stage: Stage, verdict: Verdict, goods: Sequence[StorefrontOrder], start_s: float, seconds: float, *, as_json: bool
) -> int:
    lost = verdict.lost + len(goods) - len(stage.accepted)
    result = {
        "orders": len(goods),
        "shipped": verdict.shipped,
        "lost": lost,
        "duplicated": verdict.duplicated,
        "cases": verdict.cases,
        "seconds": round(seconds, 2),
        "start_seconds": round(start_s, 2),
        "worker_kills": stage.kills,
        "cities": len({(r["province"], r["city"]) for one in goods for r in [_receiver(one)]}),
        **_figures(stage),
    }
    good = not verdict.broken and not lost and not verdict.duplicated and verdict.shipped == len(goods)
    for reason in (*verdict.broken, *stage.refused[:5]):
        say(f"[red]不成立[/] {reason}", f"[red]broken[/] {reason}")
    give(result, as_json=as_json)
    return 0 if good else 1


def _receiver(one: StorefrontOrder) -> dict[str, str]:
    receiver: Any = one.payload["receiver"]
    return receiver


def _figures(stage: Stage) -> dict[str, int]:
    """Count what the run met on the way."""
    queries = {
        "fulfilments": "select count(*) as n from fulfilment_order",
        "rejected": "select count(*) as n from fulfilment_order where negotiation = 'rejected'",
        "short": "select count(*) as n from fulfilment_order where execution = 'incomplete'",
        "shipments": "select count(*) as n from shipment",
        "parcels": "select count(*) as n from parcel",
        "locations": "select count(distinct location) as n from fulfilment_order",
    }
    with stage.database.transaction() as session:
        found = {name: row(session, query) for name, query in queries.items()}
    return {name: one.n if one else 0 for name, one in found.items()}


def _introduce(stage: Stage) -> None:
    """Tell a person where everything is and what to try."""
    with stage.database.transaction() as session:
        latest = row(session, "select id from sales_order order by id desc limit 1")
    order = latest.id if latest else ""
    api = stage.api
    client = "mall-pc"
    OUT.print(
        words(
            f"\n[bold]运行中[/]  接口 {api}  文档 {api}/docs  指标 {api}/metrics\n"
            f"运营台 http://{HOST}:{stage.ports['console']}  用户名任意，密码 {stage.station.secret(CONSOLE)}\n"
            f"凭据：客户端 {client}，密钥在 {stage.station.secrets_folder / client}\n"
            f"沙箱账本：http://{HOST}:{stage.ports['wms']}/books  http://{HOST}:{stage.ports['storefront']}/books\n"
            "\n试一试（另开一个终端，在本目录下粘贴）：",
            f"\n[bold]running[/]  API {api}  documentation {api}/docs  figures {api}/metrics\n"
            f"console http://{HOST}:{stage.ports['console']}  any name, password {stage.station.secret(CONSOLE)}\n"
            f"credentials: client {client}, its secret in {stage.station.secrets_folder / client}\n"
            f"sandbox books: http://{HOST}:{stage.ports['wms']}/books  http://{HOST}:{stage.ports['storefront']}/books\n"
            "\ntry (paste in another terminal, in this folder):",
        ),
        soft_wrap=True,
    )
    for command in (
        f"curl -s $(./oms sign GET '/v1/orders?limit=3') '{api}/v1/orders?limit=3'",
        f"curl -s $(./oms sign POST /v1/orders --example) --data-binary @.oms-example.json {api}/v1/orders",
        f"curl -s {api}/readyz && ./oms order trace {order}",
    ):
        OUT.print(f"  {command}", soft_wrap=True, markup=False)
    say("\nCtrl-C 结束", "\nCtrl-C ends it")


def _wait_for_end(stage: Stage) -> None:
    """Stay until a person ends it, or a process dies."""
    while True:
        for name, process in stage.station.processes.items():
            if process.poll() is not None:
                log = stage.station.folder / "logs" / f"{name}.log"
                raise NeedsOperator(f"{name} has ended; see {log}", code="process_ended")
        time.sleep(0.5)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=ERROR)
