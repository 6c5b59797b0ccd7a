"""The worker: loops that work the inbox off, ask partners and keep the schedule, and one of two ways to run steps.

Embedded, this process dispatches steps to threads of its own. Under Celery it relays wake-ups to a broker, and pool
processes run the same engine on the same rows; nothing else differs.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from time import monotonic
from typing import Final, Protocol

import psycopg
import structlog
from sqlalchemy.exc import OperationalError

from connectors.registry import Registry
from flows.dispatch import Dispatcher
from flows.engine import Clock, Engine
from flows.health import Pulse
from flows.housekeeping import Chore, Rounds, chores
from flows.intake import Intake
from flows.listing import Taker, effects, takers
from flows.poll import Poller
from hub.bell import Ear
from hub.database import Database
from hub.settings import Settings

OUTAGE_S: Final = 1.0
"""How long a loop waits when the database does not answer."""

POLLERS: Final = 2
"""Loops that ask partners: one that hangs leaves another."""

LISTEN_S: Final = 1.0

_log = structlog.get_logger()


class Crew(Protocol):
    """A way to run steps: started once, asked for a round whenever there may be work, and closed in order."""

    def start(self) -> None: ...

    def go(self) -> int:
        """Do a round, and give how many steps it was about."""
        ...

    def close(self) -> None: ...


class Worker:
    """Does everything that must be done without being asked, until it is told to stop."""

    def __init__(self, database: Database, settings: Settings, connectors: Registry, crew: Crew | None = None) -> None:
        self._database = database
        self._settings = settings.worker
        self._stop = threading.Event()
        self._broken = False
        self._announced = False
        self._bells: list[threading.Event] = []
        pulse = Pulse()
        self._crew = crew or Dispatcher(
            engine_of(database, settings, connectors, pulse), settings.worker.threads, settings.worker.batch, monotonic
        )
        self._takers = takers(connectors, settings)
        self._inbox = ThreadPoolExecutor(len(self._takers) * 2, "inbox")
        self._pollers = [Poller(database, connectors, settings, _now, pulse.hear) for _ in range(POLLERS)]
        self._intake = Intake(database, _now, self._inbox)
        self._rounds = Rounds(
            database, [*chores(settings), Chore("connections.health", 1, pulse.write, local=True)], _now
        )

    def run(self) -> None:
        """Work until `stop`; what is in flight then is finished.

        Raises: SystemExit with code 1 when a loop was ended by a bug, so that whoever runs us starts a new worker.
        """
        while not (self._announced or self._stop.is_set()):
            self._stop.wait(self._rest_after(self._announce))
        self._crew.start()
        loops = [self._thread(name, work, bell=bell) for name, work, bell in self._works()]
        loops.append(threading.Thread(target=self._listen, name="ear"))
        for loop in loops:
            loop.start()
        for loop in loops:
            loop.join()
        self._crew.close()
        self._inbox.shutdown(wait=True)
        if self._broken:
            raise SystemExit(1)

    def stop(self) -> None:
        self._stop.set()
        for bell in self._bells:
            bell.set()

    def _works(self) -> Sequence[tuple[str, Callable[[], int], bool]]:
        """Name the loops, what each does over and over, and whether the bell wakes it."""
        return [
            ("dispatch", self._crew.go, True),
            ("chores", self._rounds.go, False),
            *((f"inbox-{taker.kinds[0]}", self._taking(taker), True) for taker in self._takers),
            *((f"polls-{no}", poller.go, False) for no, poller in enumerate(self._pollers, 1)),
        ]

    def _announce(self) -> int:
        """Say who hears of what before anything is worked off that they must hear of."""
        self._pollers[0].announce()
        self._announced = True
        return 0

    def _thread(self, name: str, work: Callable[[], int], *, bell: bool) -> threading.Thread:
        woken = threading.Event() if bell else self._stop
        if bell:
            self._bells.append(woken)
        return threading.Thread(target=self._loop, args=(work, woken), name=name)

    def _loop(self, work: Callable[[], int], woken: threading.Event) -> None:
        """Repeat a piece of work; rest when there was nothing to do, and longer when the database is away.

        A bug ends the whole worker, loudly: half a worker that looks alive would be worse.
        """
        asked_to_stop = False
        try:
            while not self._stop.is_set():
                rest_s = self._rest_after(work)
                if rest_s and woken.wait(rest_s) and woken is not self._stop:
                    woken.clear()
            asked_to_stop = True
        finally:
            self._broken |= not asked_to_stop
            self.stop()

    def _listen(self) -> None:
        """Wake the loops when somebody rings; while nobody can be heard, they look by themselves."""
        with Ear(self._database.url) as ear:
            while not self._stop.is_set():
                try:
                    rung = ear.wait(LISTEN_S)
                except psycopg.OperationalError:
                    self._stop.wait(OUTAGE_S)
                    continue
                for bell in self._bells if rung else ():
                    bell.set()

    def _rest_after(self, work: Callable[[], int]) -> float:
        """Do a piece of work, and say how long to rest after it."""
        try:
            return 0 if work() else self._settings.poll_s
        except OperationalError as error:
            _log.warning("worker.database_away", error=type(error.orig).__name__)
            return OUTAGE_S

    def _taking(self, taker: Taker) -> Callable[[], int]:
        return lambda: self._intake.work_off(taker)


def engine_of(database: Database, settings: Settings, connectors: Registry, pulse: Pulse) -> Engine:
    """Make the engine of one process: the same for every way to run steps."""
    return Engine(database, connectors, effects(), settings, Clock(_now, monotonic), pulse.hear)


def _now() -> datetime:
    return datetime.now(UTC)
