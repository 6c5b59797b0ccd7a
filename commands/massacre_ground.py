"""Where a chaos run takes place: a database, workers and a brittle partner of its own, and the ways to kill them."""

import os
import random
import shutil
import signal
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from commands.chaos import Mode
from commands.massacre_errand import FAMILY, KEYED
from commands.station import Station
from hub.database import Database
from hub.migrations import upgrade
from hub.partitions import make_partitions
from hub.postgres import EmbeddedPostgres
from hub.postgres_process import find_processes
from sandbox.brittle import Brittle, Habits, application
from sandbox.listen import serving

WORKERS: Final = ("worker-1", "worker-2", "worker-3")
GRACE_S: Final = 1.5
CONNECTIONS: Final = {
    "brittle-keyed": ("keyed", "0", ""),
    "brittle-asked": ("asked", str(GRACE_S), ""),
    "brittle-keyed-paced": ("keyed", "0", "rate_per_s = 40\nburst = 10\nat_once = 4"),
    "brittle-asked-paced": ("asked", str(GRACE_S), "at_once = 3"),
}
"""Connection: the partner's door, within what time a call lands that was given up on, and limits."""

SETTINGS: Final = """
[http]
connect_s = 0.5
read_s = 0.5

[worker]
threads = 4
batch = 32
poll_s = 0.1
lease_s = 4
grace_s = 0.5
attempts = 60

[breaker]
failures = 4
cool_s = 0.5
longest_cool_s = 2
"""


@dataclass
class Ground:
    """A running chaos run's processes."""

    mode: Mode
    station: Station
    postgres: EmbeddedPostgres
    url: str
    database: Database
    brittle: Brittle
    ended_by_themselves: list[str] = field(default_factory=list[str])

    def start_worker(self, name: str) -> None:
        environment = self.station.environment(self.url)
        self.station.start(name, ["-m", "commands.massacre_worker", self.mode.value], environment)

    def kill_worker(self, chance: random.Random) -> None:
        """Kill a worker as a power cut would, and start it again at once."""
        name = chance.choice(WORKERS)
        self.station.kill(name)
        self.start_worker(name)

    def kill_database(self) -> None:
        """Kill every process of PostgreSQL, the postmaster first, and start it again on the same folder."""
        for process in list(find_processes(self.postgres.folder / "cluster")):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.postgres.kill()
        self.postgres.start()

    def look_after_workers(self) -> None:
        """Start workers again that ended by themselves, and remember them: nothing that happens here may end one."""
        for name in WORKERS:
            process = self.station.processes[name]
            if process.poll() is not None:
                self.ended_by_themselves.append(f"{name} ended with {process.returncode}")
                self.start_worker(name)

    def tail(self, name: str, lines: int = 15) -> str:
        log = self.station.folder / "logs" / f"{name}.log"
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


@contextmanager
def ground(mode: Mode, seed: int) -> Generator[Ground]:
    """Lay a ground in a temporary folder with its workers running; everything is gone afterwards, however it ends."""
    folder = Path(tempfile.mkdtemp(prefix="oms-chaos-"))
    folder.chmod(0o755)  # the database may run as another user; secrets have a folder and modes of their own
    station = Station(folder)
    postgres = station.postgres()
    brittle = Brittle(Habits(seed=seed))
    try:
        with serving(application(brittle)) as partner:
            station.prepare(settings_toml(partner))
            url = postgres.start()
            upgrade(url)
            database = station.database(url)
            with database.transaction() as session:
                make_partitions(session, datetime.now(UTC))
            made = Ground(mode, station, postgres, url, database, brittle)
            try:
                for name in WORKERS:
                    made.start_worker(name)
                yield made
            finally:
                end_groups(station)
                database.close()
    finally:
        postgres.stop(force=True)
        shutil.rmtree(folder, ignore_errors=True)


def settings_toml(partner: str) -> str:
    """Write short limits, so that a run ends in minutes, and the connections to the partner's doors."""
    parts = [SETTINGS]
    for name, (door, grace_s, limits) in CONNECTIONS.items():
        kind = KEYED if door == "keyed" else f"{FAMILY}{door}"
        parts.append(
            f'[connections.{name}]\nkind = "{kind}"\nbrand = "chaos"\nbase_url = "{partner}/{door}"\n'
            f'{limits}\noptions.grace_s = "{grace_s}"'
        )
    return "\n".join(parts) + "\n"


def end_groups(station: Station) -> None:
    """End all workers in order, and whatever of their groups is left."""
    station.stop()
    for process in station.processes.values():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
