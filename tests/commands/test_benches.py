"""The benchmarks do what they say at a small size; how fast is for `./oms bench` to tell."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from commands.bench_growth import _timed  # pyright: ignore[reportPrivateUsage] # as below
from commands.bench_history import lengthen
from commands.bench_intake import fill
from commands.bench_intake import run_bench as bench_intake
from commands.bench_post import run_bench as bench_post
from commands.bench_trade import furnish, messages, settings_of_bench
from connectors.registry import Registry
from flows.receive_orders import ReceiveOrders
from hub.database import Database, row
from hub.inbox import claim
from hub.inventory.ledger import drift
from hub.order.search.page import search
from hub.order.search.query import Filter
from hub.partitions import make_partitions
from hub.roles import SYSTEM

pytestmark = pytest.mark.usefixtures("secrets_of_its_own")

NOW = datetime.now(UTC)
ZONE = ZoneInfo("Asia/Shanghai")


def printed(capsys: pytest.CaptureFixture[str], bench: Callable[[], int]) -> dict[str, float]:
    """Run a benchmark and give the JSON of its last line."""
    assert bench() == 0
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def count(database: Database, what: str) -> int:
    with database.transaction() as session:
        found = row(session, f"select count(*) as n from {what}")
    return found.n if found else 0


def test_the_same_seed_makes_the_same_orders_in_both_shapes() -> None:
    first, again = list(messages(30, 7, NOW)), list(messages(30, 7, NOW))
    assert first == again
    assert {one.connection for one in first} >= {"tmall", "mall-pc"}


def test_orders_from_the_inbox_are_measured_against_their_own_rows(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, lambda: bench_intake(1_000, 250, as_json=True))
    assert list(found) == [
        *("orders_per_s", "rows_per_order", "limit_per_s", "naive_per_s", "ratio_to_limit", "ratio_to_naive"),
        "worker_mib",
    ]
    assert found["rows_per_order"] > 8
    assert min(found.values()) > 0


def test_posted_orders_are_measured_alone_at_once_and_in_batches(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, lambda: bench_post(200, as_json=True))
    assert list(found) == [
        *("orders_per_s", "p50_ms", "p99_ms", "alone_p50_ms", "batch_orders_per_s"),
        *("api_us", "postgres_us", "batch_api_us", "batch_postgres_us"),
    ]
    assert found["p50_ms"] <= found["p99_ms"]
    assert min(found.values()) > 0


def test_a_history_is_made_of_placed_orders_and_the_ledger_still_bears_the_counters_out(database: Database) -> None:
    settings = settings_of_bench(database.url)
    with database.transaction() as session:
        make_partitions(session, NOW)
        furnish(session, NOW)
    fill(database, 20, NOW)
    taker = ReceiveOrders(Registry(settings), ZONE, 20)
    with database.transaction() as session:
        taker.handle(session, claim(session, taker.kinds, 20, NOW), NOW)
    lengthen(database, NOW, 3)
    assert (count(database, "sales_order"), count(database, "inbox_key")) == (80, 80)
    assert count(database, "step_history") == 3 * count(database, "step")
    with database.transaction() as session:
        assert drift(session) == []
        assert len(search(session, SYSTEM, Filter(status="completed"), ZONE).orders) == 50
    timed = _timed(database)  # pyright: ignore[reportPrivateUsage] # the whole benchmark needs tens of thousands
    assert {f"list {one}" for one in ("holds", "inventory", "alerts", "exceptions", "runs")} <= set(timed)
