"""A small load for real processes that are killed at a named point, and what must hold when others have finished."""

import subprocess
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from commands.books import compare_warehouses
from commands.conservation import RULES, Verdict
from commands.massacre_errand import FAMILY, KEYED
from commands.massacre_jobs import Job
from commands.massacre_verdict import restlessness, verify
from commands.station import Station, fetch_json, free_ports
from hub.database import row, rows
from hub.inbox import keep
from hub.inventory.ledger import drift
from hub.partitions import make_partitions
from hub.steps import add
from sandbox.brittle import Brittle
from sandbox.shopper import Shopper
from tests.hub.making import stock
from tests.staging import encoded, order_of, secret_of

SHOP: Final = "mall-pc"
ORDERS: Final = tuple(f"T{no}" for no in range(1, 9))
JOBS: Final = tuple(
    Job(door, lane, place) for place in (1, 2, 3) for lane in (1, 2) for door in ("brittle-keyed", "brittle-asked")
)
WITHIN_S: Final = 60
SETTINGS: Final = """
[http]
connect_s = 0.2
read_s = 0.4

[worker]
threads = 3
poll_s = 0.05
lease_s = 2.5
grace_s = 0.2
inbox_batch = 1
"""


@dataclass
class Scene:
    """A database, a folder, partners that behave, and the processes that work between them."""

    station: Station
    url: str
    wms: str
    partner: str
    brittle: Brittle
    port: int = field(default_factory=lambda: free_ports(1)[0])

    def __post_init__(self) -> None:
        for name in (SHOP, "wms-sh"):
            self.station.secrets_folder.mkdir(exist_ok=True)
            (self.station.secrets_folder / name).write_text(secret_of(name))
        self.station.prepare(self._toml())
        self.database = self.station.database(self.url)
        with self.database.transaction() as session:
            make_partitions(session, datetime.now(UTC))
            stock(session, {"sh": {"apple": 100}})

    def load(self) -> None:
        """Leave orders in the inbox and errands in their lanes, as if others had just brought them."""
        now = datetime.now(UTC)
        with self.database.transaction() as session:
            for number in ORDERS:
                keep(session, SHOP, "order", number, encoded(order_of(number)), now)
            add(session, [job.step() for job in JOBS], now)

    def start(self, name: str, *words: str, failpoint: str = "") -> subprocess.Popen[bytes]:
        environment = {**self.station.environment(self.url), "OMS_FAILPOINT": failpoint}
        self.station.start(name, ["-m", *words], environment)
        return self.station.processes[name]

    def start_worker(self, name: str, failpoint: str = "") -> subprocess.Popen[bytes]:
        return self.start(name, "commands.massacre_worker", "embedded", failpoint=failpoint)

    def shop_at(self) -> threading.Thread:
        """Let a shop push its orders, each until it is answered."""

        def push() -> None:
            with Shopper(f"http://127.0.0.1:{self.port}", SHOP, secret_of(SHOP), patience_s=WITHIN_S) as shopper:
                for number in ORDERS:
                    assert shopper.push_order(order_of(number)).ok

        thread = threading.Thread(target=push)
        thread.start()
        return thread

    def left(self) -> int:
        with self.database.transaction() as session:
            return sum(restlessness(session))

    def rest(self) -> bool:
        """Wait until nothing is under way; False when that takes too long."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            if not self.left():
                return True
            time.sleep(0.05)
        return False

    def faults(self, jobs: tuple[Job, ...] = JOBS) -> list[object]:
        """Name everything that is not as it must be."""
        verdict = Verdict()
        with self.database.transaction() as session:
            verdict.broken += verify(session, [job.key for job in jobs], self.brittle.books).broken
            for rule, query in RULES.items():
                verdict.expect(rule, [one.what for one in rows(session, query)])
            compare_warehouses(session, fetch_json(f"{self.wms}/books"), verdict)
            verdict.expect("ledger = counters", drift(session))
            verdict.expect("each message is done", rows(session, "select id, state from inbox where state <> 'done'"))
            placed = row(session, "select count(*) as n, count(distinct external_id) as keys from sales_order")
        return [*verdict.broken, *([] if placed and placed.n == placed.keys == len(ORDERS) else [placed])]

    def close(self) -> None:
        self.station.stop()
        self.database.close()

    def _toml(self) -> str:
        shop = f'[connections.{SHOP}]\nkind = "channels.storefront"\nbrand = "demo"\nshop = "pc"'
        site = (
            '[connections.wms-sh]\nkind = "warehouses.qimen"\nbrand = "demo"\napp_key = "wms-sh"\n'
            f'customer_id = "wms-sh"\nbase_url = "{self.wms}/router"'
        )
        doors = [
            f'[connections.brittle-{door}]\nkind = "{kind}"\nbrand = "demo"\nbase_url = "{self.partner}/{door}"'
            for door, kind in (("keyed", KEYED), ("asked", f"{FAMILY}asked"))
        ]
        return "\n".join([f"api_port = {self.port}", SETTINGS, shop, site, *doors]) + "\n"
