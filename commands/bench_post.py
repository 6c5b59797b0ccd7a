"""How many orders a second the API takes, signed and answered placed: one a request by many callers, and in batches."""

import json
import statistics
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from commands.bench_ground import ground
from commands.bench_served import Heard, served
from commands.bench_trade import furnish, orders
from commands.screen import give, say

CALLERS: Final = 64
LINES: Final = 3
ALONE: Final = 200
WARMING: Final = 500
BATCH: Final = 100
BATCHERS: Final = 8
"""Enough that no process has none of them: the kernel deals callers out by chance."""

WARM_BATCHES: Final = 16
"""Two of each caller: a process that has run for a while has prepared what it asks for so many orders at once."""

PLACED: Final = (200, 201)


def run_bench(count: int, *, as_json: bool) -> int:
    """Measure everything once and print it."""
    with ground() as place, place.database() as database:
        with database.transaction() as session:
            furnish(session, datetime.now(UTC))
        made = _bodies(WARMING + ALONE + WARM_BATCHES * BATCH + 2 * count)
        with served(place, database.url) as api:
            api.call("/v1/orders", [next(made) for _ in range(WARMING)], CALLERS)
            api.call("/v1/orders/batch", _batches(made, WARM_BATCHES), BATCHERS)
            with psycopg.connect(database.url, autocommit=True) as connection:
                connection.execute(
                    "vacuum analyze"
                )  # as autovacuum would have: an empty table is planned for otherwise
            say("单独调用", "alone")
            alone = api.call("/v1/orders", [next(made) for _ in range(ALONE)], 1)
            say(f"{CALLERS} 个并发", f"{CALLERS} at once")
            many = api.call("/v1/orders", [next(made) for _ in range(count)], CALLERS)
            say("批量", "batches")
            batches = _batches(made, count // BATCH)
            batched = api.call("/v1/orders/batch", batches, BATCHERS)
    _all_placed([*alone.heard, *many.heard])
    _batches_placed(batched.heard)
    took_ms = sorted(one.took_s * 1000 for one in many.heard)
    found = {
        "orders_per_s": round(count / many.took_s),
        "p50_ms": round(statistics.median(took_ms), 1),
        "p99_ms": round(statistics.quantiles(took_ms, n=100)[98], 1),
        "alone_p50_ms": round(statistics.median(one.took_s * 1000 for one in alone.heard), 1),
        "batch_orders_per_s": round(len(batches) * BATCH / batched.took_s),
        "api_us": round(many.api_s / count * 1e6),
        "postgres_us": round(many.postgres_s / count * 1e6),
        "batch_api_us": round(batched.api_s / len(batches) / BATCH * 1e6),
        "batch_postgres_us": round(batched.postgres_s / len(batches) / BATCH * 1e6),
    }
    give(found, as_json=as_json)
    return 0


def _bodies(count: int) -> Iterator[bytes]:
    for order in orders(count, 2, datetime.now(UTC), lines=LINES, market=0):
        yield json.dumps(order.payload, ensure_ascii=False, separators=(",", ":")).encode()


def _batches(bodies: Iterator[bytes], count: int) -> list[bytes]:
    return [b"[" + b",".join([next(bodies) for _ in range(BATCH)]) + b"]" for _ in range(count)]


def _all_placed(heard: Sequence[Heard]) -> None:
    """Make sure that every answer is an order that is routed and reserved, or waits for a person.

    Raises: RuntimeError.
    """
    wrong = [one for one in heard if one.status not in PLACED or not _is_placed(json.loads(one.body))]
    if wrong:
        raise RuntimeError(f"{len(wrong)} orders were not placed; the first: {wrong[0].status} {wrong[0].body[:300]!r}")


def _batches_placed(heard: Sequence[Heard]) -> None:
    """Raises: RuntimeError, as for single orders."""
    for one in heard:
        items: list[dict[str, Any]] = json.loads(one.body)["items"]
        wrong = [item for item in items if item["status"] not in PLACED or not _is_placed(item["order"])]
        if wrong or len(items) != BATCH:
            raise RuntimeError(f"a batch was not placed: {one.status} {wrong[:1]}")


def _is_placed(order: dict[str, Any]) -> bool:
    reserved = all(line["allocated"] == line["ordered"] for line in order["lines"])
    return bool(order["holds"]) or (order["lifecycle"] == "in_fulfilment" and reserved)
