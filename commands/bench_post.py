"""How many orders a second the API takes, signed and answered placed: one a request by many callers, and in batches."""

import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from commands.bench_ground import Ground, ground
from commands.bench_processor import postmaster_of, used_s
from commands.bench_trade import CALLER, SECRET, furnish, orders, secrets_of_bench, settings_of_bench
from commands.screen import give, say
from commands.station import HOST, free_ports
from hub.settings import ROOT
from sandbox.shopper import sign

CALLERS: Final = 64
LINES: Final = 3
ALONE: Final = 200
WARMING: Final = 500
BATCH: Final = 100
BATCHERS: Final = 8
"""Enough that no process has none of them: the kernel deals callers out by chance."""

WARM_BATCHES: Final = 16
"""Two of each caller: a process that has run for a while has prepared what it asks for so many orders at once."""

PROCESSES: Final = 2
READY_S: Final = 60
PLACED: Final = (200, 201)


class Heard(NamedTuple):
    """One answer: its status, its JSON, and how long it took in seconds."""

    status: int
    body: bytes
    took_s: float


class Round(NamedTuple):
    """All answers of some callers, how long they took together, and how long the servers were at work, in seconds."""

    heard: Sequence[Heard]
    took_s: float
    api_s: float = 0
    postgres_s: float = 0


class Served(NamedTuple):
    """The API as it is served: its port, its first process and the database's."""

    port: int
    api: int
    postgres: int

    def call(self, path: str, bodies: Sequence[bytes], callers: int) -> Round:
        """Post every body, and look how much of the processors that takes."""
        before = used_s(self.api), used_s(self.postgres)
        heard, took_s, *_ = asyncio.run(_called(self.port, path, bodies, callers))
        return Round(heard, took_s, used_s(self.api) - before[0], used_s(self.postgres) - before[1])


def run_bench(count: int, *, as_json: bool) -> int:
    """Measure everything once and print it."""
    with ground() as place, place.database() as database:
        with database.transaction() as session:
            furnish(session, datetime.now(UTC))
        made = _bodies(WARMING + ALONE + WARM_BATCHES * BATCH + 2 * count)
        with _served(place, database.url) as served:
            served.call("/v1/orders", [next(made) for _ in range(WARMING)], CALLERS)
            served.call("/v1/orders/batch", _batches(made, WARM_BATCHES), BATCHERS)
            with psycopg.connect(database.url, autocommit=True) as connection:
                connection.execute(
                    "vacuum analyze"
                )  # as autovacuum would have: an empty table is planned for otherwise
            say("单独调用", "alone")
            alone = served.call("/v1/orders", [next(made) for _ in range(ALONE)], 1)
            say(f"{CALLERS} 个并发", f"{CALLERS} at once")
            many = served.call("/v1/orders", [next(made) for _ in range(count)], CALLERS)
            say("批量", "batches")
            batches = _batches(made, count // BATCH)
            batched = served.call("/v1/orders/batch", batches, BATCHERS)
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


async def _called(port: int, path: str, bodies: Sequence[bytes], callers: int) -> Round:
    """Post every body, each caller over one connection of its own, one after the other."""
    requests = [_request(path, body) for body in bodies]  # signed beforehand: this machine serves as well
    waiting = iter(requests)
    heard: list[Heard] = []
    started = time.monotonic()
    await asyncio.gather(*(_call_on(port, waiting, heard) for _ in range(callers)))
    return Round(heard, time.monotonic() - started)


async def _call_on(port: int, waiting: Iterator[bytes], heard: list[Heard]) -> None:
    reader, writer = await asyncio.open_connection(HOST, port, limit=16 * 1024 * 1024)
    for request in waiting:
        started = time.monotonic()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(one.partition(b":")[2]) for one in lines if one.startswith(b"content-length:"))
        body = await reader.readexactly(length)
        heard.append(Heard(int(head.split(b" ", 2)[1]), body, time.monotonic() - started))
    writer.close()
    await writer.wait_closed()


def _request(path: str, body: bytes) -> bytes:
    nonce = secrets.token_hex(16)
    proof = sign("POST", path, body, client=CALLER, secret=SECRET, timestamp=int(time.time()), nonce=nonce)
    headers = {"Host": HOST, "Content-Type": "application/json", "Content-Length": str(len(body)), **proof}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


@contextmanager
def _served(place: Ground, url: str) -> Generator[Served]:
    """Serve the API in processes of its own."""
    [port] = free_ports(1)
    settings = settings_of_bench(url)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "settings.toml"
        lines = [f"api_port = {port}", f"api_processes = {PROCESSES}"]
        for name, one in settings.connections.items():
            fields = {"kind": one.kind, "brand": one.brand, "shop": one.shop, "base_url": one.base_url}
            lines += [f"[connections.{name}]", *(f'{key} = "{value}"' for key, value in fields.items())]
        file.write_text("\n".join(lines), encoding="utf-8")
        environment = {
            **os.environ,
            **secrets_of_bench(),
            "PYTHONPATH": str(ROOT),
            "OMS_SECRET_KEYRING": place.keyring_text,
            "OMS_SETTINGS": str(file),
            "OMS_DATABASE_URL": url,
        }
        words = [sys.executable, "-P", "-m", "commands", "api"]
        log = Path(folder) / "api.log"
        with log.open("wb") as told, subprocess.Popen(words, env=environment, stdout=told, stderr=told) as process:  # noqa: S603 # our own program
            try:
                _wait_for(port, process, log)
                yield Served(port, process.pid, postmaster_of(url))
            finally:
                process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the API answers.

    Raises: RuntimeError with the end of its log.
    """
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(f"http://{HOST}:{port}/readyz", timeout=1):  # our own address
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"the API does not answer: {log.read_text(errors='replace')[-2_000:]}")


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
