"""The demo as a check of itself: orders go the whole way, under trouble if that is wanted, and all books must agree."""

import shutil
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.books import compare_courier, compare_erp, compare_market, compare_storefronts, compare_warehouses
from commands.conservation import Verdict, held_up, verify
from commands.reach import local_station
from commands.scenery import ERP, MARKET, SAP_USER, SHOPS, SOON_S
from commands.screen import give, say
from commands.sending import post
from commands.shelves import wait_until_told
from commands.stage import Stage, furnish_stage, kill_worker_at_random, raise_curtain, start_sap, wait_until_done
from commands.station import PORTS, Station, free_ports
from commands.trouble import PATIENCE_S, trouble_sap
from hub.database import row
from hub.settings import ROOT
from sandbox.baskets import StorefrontOrder, orders
from sandbox.sap_books import read_books


@dataclass(frozen=True, slots=True)
class Trial:
    """What a check does to the hub while it works."""

    kill_worker: bool = False
    sap_trouble: bool = False
    sap_down: bool = False
    seed: int = 1


def run_check(count: int, trial: Trial, *, as_json: bool) -> int:
    """Send `count` orders the whole way, in a folder and on ports of its own, and verify that none was lost or doubled.

    Gives 0, or 1 with the reason on standard error.
    """
    goods = list(orders(count, trial.seed, list(SHOPS)))
    folder = Path(tempfile.mkdtemp(prefix="oms-check-", dir=_scratch()))
    folder.chmod(0o755)  # the database may run as another user; secrets have a folder and modes of their own
    began = time.monotonic()
    station = Station(folder)
    postgres = station.postgres()
    try:
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        late_s = PATIENCE_S if trial.sap_trouble else SOON_S
        url = postgres.start()
        stage = raise_curtain(station, ports, url, goods, sap_late_s=late_s, with_sap=not trial.sap_down)
        stage.start_s = time.monotonic() - began
        furnish_stage(stage, goods)
        work_began = time.monotonic()
        moved, early = _run(stage, goods, trial)
        told = wait_until_told(stage, station.settings(url))
        verdict, figures = _verify(stage)
        verdict.broken += told.wrong
        verdict.broken += early
        if not moved:
            with stage.database.transaction() as session:
                waits = "; ".join(held_up(session))
            verdict.broken.append(f"nothing moved any more before all was done ({waits})")
        times = {"seconds": round(time.monotonic() - work_began, 2), "start_seconds": round(stage.start_s, 2)}
        return _report(stage, verdict, goods, {**figures, "stock_numbers": told.numbers, **times}, as_json=as_json)
    finally:
        station.stop()
        postgres.stop(force=True)
        shutil.rmtree(folder, ignore_errors=True)


def _run(stage: Stage, goods: Sequence[StorefrontOrder], trial: Trial) -> tuple[bool, list[str]]:
    """Send the orders and wait until all is done; say whether it came to that, and what SAP's absence held up."""
    stop = threading.Event()
    killer = threading.Thread(target=kill_worker_at_random, args=(stage, stop, trial.seed))
    if trial.kill_worker:
        killer.start()
    early: list[str] = []
    try:
        if trial.sap_trouble:
            trouble_sap(stage, goods)
        else:
            post(stage, goods)
        if trial.sap_down:
            early = _without_sap(stage, goods)
            start_sap(stage)
        return wait_until_done(stage, len(goods)), early
    finally:
        stop.set()
        if trial.kill_worker:
            killer.join()


def _without_sap(stage: Stage, goods: Sequence[StorefrontOrder]) -> list[str]:
    """Wait until everything is done that does not need SAP, and say what was held up by its absence."""
    if not wait_until_done(stage, len(goods), besides=[ERP]):
        return ["with SAP away the rest did not come to its end"]
    verdict = Verdict()
    with stage.database.transaction() as session:
        compare_warehouses(session, stage.books("wms"), verdict)
        compare_storefronts(session, stage.books("storefront"), verdict)
        compare_market(session, stage.books("taobao"), verdict)
        open_orders = row(session, "select count(*) as n from sales_order where lifecycle <> 'closed'")
        posted = row(session, "select count(*) as n from posting where sale_id <> ''")
    verdict.expect("every order is delivered without SAP", [open_orders.n] if open_orders and open_orders.n else [])
    verdict.expect("nothing is posted while SAP is away", [posted.n] if posted and posted.n else [])
    return [f"with SAP away: {reason}" for reason in verdict.broken]


def _scratch() -> str | None:
    """Say where a check's folder may lie: as root where the database's user can reach it."""
    parent = local_station().folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    return str(parent) if parent != ROOT else None


def _verify(stage: Stage) -> tuple[Verdict, dict[str, int]]:
    """Compare database and books, and count; the audit sealer gets a moment to finish its chain first."""
    time.sleep(1.5)
    sap = read_books(stage.address("sap"), SAP_USER, stage.station.secret(ERP))
    with stage.database.transaction() as session:
        verdict = verify(session, stage.accepted)
        compare_warehouses(session, stage.books("wms"), verdict)
        told = compare_storefronts(session, stage.books("storefront"), verdict)
        told += compare_market(session, stage.books("taobao"), verdict)
        sap_orders, sap_duplicates = compare_erp(session, sap, verdict)
        subscriptions = compare_courier(session, stage.books("kdniao"), verdict)
    return verdict, {
        "sap_orders": sap_orders,
        "sap_duplicates": sap_duplicates,
        "courier_subscriptions": subscriptions,
        "channel_notices": told,
    }


def _report(
    stage: Stage,
    verdict: Verdict,
    goods: Sequence[StorefrontOrder],
    figures: Mapping[str, float],
    *,
    as_json: bool,
) -> int:
    lost = verdict.lost + len(goods) - len(stage.accepted)
    result = {
        "orders": len(goods),
        "shipped": verdict.shipped,
        "delivered": verdict.delivered,
        "lost": lost,
        "duplicated": verdict.duplicated,
        "cases": verdict.cases,
        **figures,
        "worker_kills": stage.kills,
        "sap_scenarios": stage.scenarios,
        "cities": len({(r["province"], r["city"]) for one in goods for r in [_receiver(one)]}),
        **_figures(stage),
    }
    whole = verdict.shipped == verdict.delivered == len(goods)
    good = whole and not verdict.broken and not lost and not verdict.duplicated
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
        "marketplace_orders": f"select count(*) as n from sales_order where channel = '{MARKET}'",
        "posted": "select count(*) as n from posting",
    }
    with stage.database.transaction() as session:
        found = {name: row(session, query) for name, query in queries.items()}
    return {name: one.n if one else 0 for name, one in found.items()}
