"""A worker that runs by Celery, as a process of its own, and what a test looks at while it runs."""

import json
import os
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, final

import psutil
from fastapi import FastAPI

from commands.rabbit import Rabbit
from hub.database import Database, row
from hub.partitions import make_partitions
from hub.settings import ROOT
from sandbox.qimen import application
from sandbox.qimen_sites import Behaviour, Config, Site
from tests.conftest import RING
from tests.hub.making import order, placed, stock
from tests.staging import SITES, secret_of

WITHIN_S: Final = 60
KINDS: Final = {"wms-sh": "warehouses.qimen", "wms-bj": "warehouses.qimen"}


@final
class Station:
    """Settings and secrets in a folder, for workers beside the test."""

    def __init__(
        self, folder: Path, database: Database, broker: str, addresses: dict[str, str], read_s: float = 2
    ) -> None:
        self.database = database
        self._log = folder / "worker.log"
        for name in KINDS:
            (folder / name).write_text(secret_of(name))
        keys = {name: b64encode(key).decode() for name, key in RING.keys.items()}
        index, audit = (b64encode(key).decode() for key in (RING.index_key, RING.audit_key))
        ring = {"active": RING.active, "keys": keys, "index": index, "audit": audit}
        (folder / "keyring").write_text(json.dumps(ring))
        lines = ["[worker]", "threads = 4", "processes = 2", "poll_s = 0.05", "grace_s = 0.2"]
        lines += [f"lease_s = {2 * read_s + 2}", "[http]", "connect_s = 0.5", f"read_s = {read_s}"]
        for name, kind in KINDS.items():
            lines += [f"[connections.{name}]", f'kind = "{kind}"', 'brand = "demo"', 'shop = "pc"']
            lines += [f'base_url = "{addresses[name]}"', f'app_key = "{name}"', f'customer_id = "{name}"']
        (folder / "settings.toml").write_text("\n".join(lines))
        self._environment = {
            **os.environ,
            "OMS_DATABASE_URL": database.url,
            "OMS_BROKER_URL": broker,
            "OMS_SECRETS_FOLDER": str(folder),
            "OMS_SETTINGS": str(folder / "settings.toml"),
            "OMS_DATA_FOLDER": str(folder / "none"),
        }

    @contextmanager
    def worker(self) -> Generator[psutil.Process]:
        """Run a worker for a while; nothing of it is left behind."""
        command = [sys.executable, "-m", "commands", "worker", "--mode", "celery"]
        with self._log.open("ab") as log:
            started = psutil.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        try:
            yield started
        finally:
            family = [started, *started.children(recursive=True)] if started.is_running() else [started]
            for one in family:
                if one.is_running():
                    one.kill()
            psutil.wait_procs(family, timeout=10)

    def log(self) -> str:
        return self._log.read_text()

    def told(self, statement: str) -> object:
        with self.database.transaction() as session:
            found = row(session, statement)
        return found[0] if found else None

    def wait_for(self, done: Callable[[], object]) -> None:
        """Wait until something is so, and show the worker's log when it never is."""
        deadline = time.monotonic() + WITHIN_S
        while not (so := done()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert so, self.log()[-4_000:]


def warehouse_application() -> FastAPI:
    """Make the stand-in of both warehouses."""
    sites = tuple(
        Site(
            connection=name,
            app_key=name,
            secret=secret_of(name),
            customer_id=name,
            webhook="http://127.0.0.1:9/closed",
            warehouses=(code,),
        )
        for name, code in SITES.items()
    )
    return application(Config(sites=sites, behaviour=Behaviour(delay_s=(60, 60))))


def made(database: Database, folder: Path, broker: Rabbit, addresses: dict[str, str], read_s: float = 2) -> Station:
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
        stock(session, {"sh": {"apple": 1_000}, "bj": {"pear": 1_000}})
    return Station(folder, database, broker.start(), addresses, read_s)


def place_some(station: Station, count: int, code: str = "apple", name: str = "T") -> None:
    with station.database.transaction() as session:
        for no in range(count):
            placed(session, order({code: 1}, external_id=f"{name}{no}"))


def pool_of(worker: psutil.Process) -> list[psutil.Process]:
    """Give the processes that run steps: the children of the pool's main process."""
    return [hand for main in worker.children() for hand in main.children()]
