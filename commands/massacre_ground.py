"""Where a chaos run takes place: a database, workers and a brittle partner of its own, and the ways to kill them."""

import random
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from commands.massacre_errand import FAMILY, KEYED
from commands.massacre_worker import MODULE
from commands.mode import Mode
from commands.rabbit import Rabbit
from commands.station import Station
from hub.database import Database
from hub.migrations import upgrade
from hub.partitions import make_partitions
from hub.postgres import EmbeddedPostgres
from hub.postgres_process import find_processes
from sandbox.brittle import Brittle, Habits, application
from sandbox.listen import serving

WORKERS: Final = ("worker-1", "worker-2", "worker-3")
POOL_SHARE: Final = 0.5
"""How many of the kills hit a worker's pool, where it has one, and not the worker itself."""

CALLER_SHARE: Final = 0.5
CALL_WITHIN_S: Final = 2.0
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
processes = 2
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
    rabbit: Rabbit | None
    ended_by_themselves: list[str] = field(default_factory=list[str])

    def start_worker(self, name: str) -> None:
        environment = self.station.environment(self.url)
        if self.rabbit:
            environment["OMS_BROKER_URL"] = self.rabbit.url
        self.station.start(name, ["-m", MODULE, self.mode.value], environment)

    def kill_worker(self, chance: random.Random) -> None:
        """Kill a worker as a power cut would and start it again at once, or a process of its pool, which it must do.

        Half of the time it is whoever is just calling the partner, else anybody.
        """
        caller = self._caller() if chance.random() < CALLER_SHARE else 0
        families = {name: _family(self.station.processes[name].pid) for name in WORKERS}
        calling = {name: one for name, family in families.items() for one in family if one.pid == caller}
        name = next(iter(calling), chance.choice(WORKERS))
        pool = families[name][1:]
        victim = calling.get(name) or (chance.choice(pool) if pool and chance.random() < POOL_SHARE else None)
        if victim is not None and victim in pool:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
                return
        self.station.kill(name)
        self.start_worker(name)

    def _caller(self) -> int:
        """Wait a moment for somebody to call the partner, and give that process's id; 0 when nobody does."""
        self.brittle.caller = 0
        until = time.monotonic() + CALL_WITHIN_S
        while not self.brittle.caller and time.monotonic() < until:
            time.sleep(0.002)
        return self.brittle.caller

    def kill_database(self) -> None:
        """Kill every process of PostgreSQL, the postmaster first, and start it again on the same folder."""
        for process in list(find_processes(self.postgres.folder / "cluster")):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.postgres.kill()
        self.postgres.start()

    def kill_broker(self, *, wipe: bool) -> None:
        """Kill the broker, with its disk if that is wanted, and start it again."""
        if self.rabbit is None:
            return
        self.rabbit.wipe() if wipe else self.rabbit.kill()
        self.rabbit.start()

    def look_after_workers(self) -> None:
        """Start workers again that ended by themselves, and remember them: nothing that happens here may end one."""
        for name in WORKERS:
            process = self.station.processes[name]
            if process.poll() is not None:
                self.ended_by_themselves.append(f"{name} ended with {process.returncode}: {self._last_words(name)}")
                self.start_worker(name)

    def leftovers(self) -> list[psutil.Process]:
        """Find what is still there of workers that were killed."""
        living = {one.pid for name in WORKERS for one in _family(self.station.processes[name].pid)}
        return [one for one in of_station(self.station) if one.pid not in living]

    def _last_words(self, name: str) -> str:
        log = self.station.folder / "logs" / f"{name}.log"
        return log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2][-300:]


@contextmanager
def ground(mode: Mode, seed: int) -> Generator[Ground]:
    """Lay a ground in a temporary folder with its workers running; everything is gone afterwards, however it ends.

    Raises: NeedsOperator when a broker is needed and there is none to start.
    """
    folder = Path(tempfile.mkdtemp(prefix="oms-chaos-"))
    folder.chmod(0o755)  # the database may run as another user; secrets have a folder and modes of their own
    station = Station(folder)
    brittle = Brittle(Habits(seed=seed))
    try:
        with ExitStack() as stack:
            rabbit = stack.enter_context(Rabbit(folder / "rabbit")) if mode is Mode.CELERY else None
            partner = stack.enter_context(serving(application(brittle)))
            station.prepare(settings_toml(partner))
            postgres = station.postgres()
            stack.callback(postgres.stop, force=True)
            url = postgres.start()
            upgrade(url)
            database = station.database(url)
            stack.callback(database.close)
            with database.transaction() as session:
                make_partitions(session, datetime.now(UTC))
            made = Ground(mode, station, postgres, url, database, brittle, rabbit)
            stack.callback(end_all, station)
            for name in WORKERS:
                made.start_worker(name)
            yield made
    finally:
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


def end_all(station: Station) -> None:
    """End all workers in order, and whatever is left of others."""
    station.stop()
    for process in of_station(station):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def of_station(station: Station) -> list[psutil.Process]:
    """Find every process that works on a station, whoever started it."""
    return [one for one in psutil.process_iter() if _works_on(one, str(station.settings_file))]


def _works_on(process: psutil.Process, settings_file: str) -> bool:
    try:
        return MODULE in process.cmdline() and process.environ().get("OMS_SETTINGS") == settings_file
    except psutil.Error:  # it ended while we looked, or is another user's
        return False


def _family(pid: int) -> list[psutil.Process]:
    """Give a worker's main process and all of its pool, as far as they live."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
