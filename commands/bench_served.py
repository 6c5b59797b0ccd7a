"""The API of a benchmark as it is served, in processes of its own, and callers that post signed requests to it."""

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from commands.bench_ground import Ground
from commands.bench_processor import postmaster_of, used_s
from commands.bench_trade import CALLER, SECRET, secrets_of_bench, settings_of_bench
from commands.station import HOST, free_ports
from hub.settings import ROOT
from sandbox.shopper import sign

PROCESSES: Final = 2
READY_S: Final = 60


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
def served(place: Ground, url: str) -> Generator[Served]:
    """Serve the API of the benchmarks' shops in processes of its own."""
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
