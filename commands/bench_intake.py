"""How many orders a second two placing processes take from the inbox, and what the same rows cost without rules.

Limit: the very rows of the run as prebuilt COPY buffers and one set-based update of the counters, 500 orders a
transaction, two processes. Naive: one transaction per order, prebuilt parameters in a pipeline, eight clients.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from typing import Final
from zoneinfo import ZoneInfo

import psycopg

from commands.bench_crew import Work, together
from commands.bench_ground import Ground, ground
from commands.bench_rows import (
    GROUP,
    carry_shared,
    count_rows,
    number_orders,
    read_group,
    read_singles,
    write_group,
    write_single,
)
from commands.bench_trade import furnish, messages, settings_of_bench
from commands.screen import give, say
from connectors.partner import utc_now
from connectors.registry import Registry
from flows.intake import Intake
from flows.receive_orders import ReceiveOrders
from hub.address.warm import warm_up
from hub.calm import calm_collector
from hub.database import Database
from hub.inbox import Arrival, keep_all
from hub.keyring import Keyring
from hub.order.receive import ORDER

PROCESSES: Final = 2
CLIENTS: Final = 8
NAIVE_SHARE: Final = 5
"""One order in so many is written one at a time as well: that takes long enough."""

KEPT_AT_ONCE: Final = 1_000
SEED: Final = 1
MIB: Final = 1024


def run_bench(orders: int, batch: int, *, as_json: bool) -> int:
    """Measure everything once and print it."""
    with ground() as place, place.database() as database:
        say("准备收件箱", "the inbox is filled")
        at = datetime.now(UTC)
        with database.transaction() as session:
            furnish(session, at)
        fill(database, orders, at)
        say("接单", "orders are placed")
        seconds, used = together(PROCESSES, place_all, database.url, place.keyring_text, batch)
        _all_placed(database, orders)
        ours = orders / seconds
        with psycopg.connect(database.url, autocommit=True) as connection:
            rows = count_rows(connection)
            placed = number_orders(connection)
        say("上限：同样的行，无规则", "the limit: the same rows without rules")
        groups = -(-placed // GROUP)
        limit = placed / _rewritten(place, database.url, PROCESSES, groups, _write_groups)
        say("朴素：每单一个事务", "naive: a transaction per order")
        naive_groups = max(CLIENTS, groups // NAIVE_SHARE // CLIENTS * CLIENTS)
        naive_orders = min(placed, naive_groups * GROUP)
        naive = naive_orders / _rewritten(place, database.url, CLIENTS, naive_groups, _write_singles)
    found = {
        "orders_per_s": round(ours),
        "rows_per_order": round(rows / orders, 1),
        "limit_per_s": round(limit),
        "naive_per_s": round(naive),
        "ratio_to_limit": round(ours / limit, 3),
        "ratio_to_naive": round(ours / naive, 2),
        "worker_mib": round(max(used) / MIB),
    }
    give(found, as_json=as_json)
    return 0


def fill(database: Database, orders: int, at: datetime, seed: int = SEED) -> None:
    """Keep so many orders' messages in the inbox."""
    waiting: list[Arrival] = []
    for came in messages(orders, seed, at):
        waiting.append(came)
        if len(waiting) == KEPT_AT_ONCE:
            _keep(database, waiting, at)
            waiting.clear()
    _keep(database, waiting, at)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("vacuum analyze")


def _keep(database: Database, waiting: list[Arrival], at: datetime) -> None:
    with database.transaction() as session:
        keep_all(session, ORDER, waiting, at)


def place_all(ready: Barrier, _no: int, url: str, keyring: str, batch: int) -> None:
    """Work the inbox off as a worker does."""
    database, settings = Database(url, Keyring.read(keyring.encode())), settings_of_bench(url)
    taker = ReceiveOrders(Registry(settings), ZoneInfo(settings.business_zone), batch)
    with ThreadPoolExecutor(1) as pool:
        intake = Intake(database, utc_now, pool)
        warm_up()
        calm_collector()
        ready.wait()
        while intake.work_off(taker):
            pass
    database.close()


def _write_groups(ready: Barrier, no: int, source: str, url: str, groups: int) -> None:
    with psycopg.connect(source, autocommit=True) as reader:
        mine = [read_group(reader, part) for part in range(no, groups, PROCESSES)]
    with psycopg.connect(url, autocommit=True) as writer:
        ready.wait()
        for group in mine:
            write_group(writer, group)


def _write_singles(ready: Barrier, no: int, source: str, url: str, groups: int) -> None:
    with psycopg.connect(source, autocommit=True) as reader:
        mine = [single for part in range(no, groups, CLIENTS) for single in read_singles(reader, part)]
    with psycopg.connect(url, autocommit=True) as writer:
        ready.wait()
        for single in mine:
            write_single(writer, single)


def _rewritten(place: Ground, source: str, clients: int, groups: int, work: Work) -> float:
    """Write groups of rows into a fresh database with the same goods; give the seconds it took."""
    with place.database() as database:
        with database.transaction() as session:
            furnish(session, datetime.now(UTC) - timedelta(days=1))
        with psycopg.connect(database.url, autocommit=True) as target:
            with psycopg.connect(source, autocommit=True) as reader:
                carry_shared(reader, target)
            target.execute("vacuum analyze")
        seconds, _ = together(clients, work, source, database.url, groups)
    return seconds


def _all_placed(database: Database, orders: int) -> None:
    """Make sure that every message became an order that was routed and reserved, but for those that wait for a person.

    Raises: RuntimeError.
    """
    with psycopg.connect(database.url) as connection:
        found = connection.execute(
            """select (select count(*) from inbox where state <> 'done'),
                      (select count(*) from sales_order),
                      (select count(*) from sales_order where lifecycle = 'in_fulfilment'),
                      (select count(distinct order_id) from order_hold)"""
        ).fetchone()
    if found is None or found[0] or found[1] != orders or found[2] + found[3] < orders:
        raise RuntimeError(f"not every order was placed and routed: {found}")
