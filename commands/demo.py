"""The demo: the hub and its partners for real on this machine, with a person or as a check of itself."""

import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from commands.conservation import Verdict, verify
from commands.reach import local_station
from commands.scenery import SHOPS
from commands.screen import ERROR, OUT, give, say, words
from commands.stage import (
    CONSOLE,
    Stage,
    furnish_stage,
    kill_worker_at_random,
    post,
    raise_curtain,
    wait_until_done,
)
from commands.station import HOST, PORTS, Station, free_ports
from hub.database import row
from hub.errors import NeedsOperator
from hub.postgres_probe import is_free
from hub.settings import ROOT
from sandbox.baskets import StorefrontOrder, orders


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
        stage = raise_curtain(station, dict(zip(PORTS, free_ports(len(PORTS)), strict=True)), postgres.start())
        start_s = time.monotonic() - began
        goods = list(orders(count, seed, list(SHOPS)))
        furnish_stage(stage, goods)
        work_began = time.monotonic()
        stop = threading.Event()
        killer = threading.Thread(target=kill_worker_at_random, args=(stage, stop, seed)) if kill_worker else None
        if killer:
            killer.start()
        try:
            post(stage, goods)
            moved = wait_until_done(stage, count)
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
    taken = [str(port) for port in PORTS.values() if not is_free(port)]
    if taken:
        raise NeedsOperator(f"these ports are taken: {', '.join(taken)}; end what listens there", code="port_taken")
    station = local_station()
    postgres = station.postgres()
    try:
        with ERROR.status(words("正在启动数据库", "starting the database")):
            url = postgres.start()
        with ERROR.status(words("正在启动接口、工作进程与沙箱伙伴", "starting API, worker and sandbox partners")):
            stage = raise_curtain(station, PORTS, url)
        goods = list(orders(count, int(time.time()), list(SHOPS)))
        with ERROR.status(words("正在布置商品与库存", "laying out products and stock")):
            furnish_stage(stage, goods)
        post(stage, goods)
        wait_until_done(stage, count)
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
    parent = local_station().folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    return str(parent) if parent != ROOT else None


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
