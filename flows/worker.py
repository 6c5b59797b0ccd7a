"""The worker: loops that work the inbox off, ask partners and keep the schedule, and one of two ways to run steps.

Embedded, this process dispatches steps to threads of its own. Under Celery it relays wake-ups to a broker, and pool
processes run the same engine on the same rows; nothing else differs.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from connectors.registry import Registry
from flows.dispatch import Dispatcher
from flows.engine import WALL, Engine
from flows.health import Pulse
from flows.housekeeping import Chore, Rounds, chores
from flows.intake import Intake
from flows.listing import Taker, effects, takers
from flows.loops import Loops
from flows.poll import Poller
from hub.address.warm import warm_up
from hub.calm import calm_collector
from hub.database import Database
from hub.settings import Settings

POLLERS: Final = 2
"""Loops that ask partners: one that hangs leaves another."""


class Crew(Protocol):
    """A way to run steps: started once, asked for a round whenever there may be work, and closed in order."""

    def start(self, ring: Callable[[], None]) -> None:
        """Begin; `ring` ends the rest before the next round."""
        ...

    def go(self) -> int:
        """Do a round, and give how many steps it was about."""
        ...

    def close(self) -> None: ...


class Worker:
    """Does everything that must be done without being asked, until it is told to stop."""

    def __init__(self, database: Database, settings: Settings, connectors: Registry, crew: Crew | None = None) -> None:
        worker = settings.worker
        pulse = Pulse()
        self._crew = crew or Dispatcher(
            engine_of(database, settings, connectors, pulse), worker.threads, worker.batch, WALL.monotonic
        )
        self._takers = takers(connectors, settings)
        self._inbox = ThreadPoolExecutor(len(self._takers) * 2, "inbox")
        self._pollers = [Poller(database, connectors, settings, WALL.now, pulse.hear) for _ in range(POLLERS)]
        self._intake = Intake(database, WALL.now, self._inbox)
        own = Chore("connections.health", 1, pulse.write, local=True)
        self._rounds = Rounds(database, [*chores(settings), own], WALL.now)
        self._loops = Loops(database.url, worker.poll_s)

    def run(self) -> None:
        """Work until `stop`; what is in flight then is finished.

        Raises: SystemExit with code 1 when a loop was ended by a bug, so that whoever runs us starts a new worker.
        """
        loops = self._loops
        ring = loops.add("dispatch", self._crew.go, bell=True)
        loops.add("chores", self._rounds.go)
        for taker in self._takers:
            loops.add(f"inbox-{taker.kinds[0]}", self._taking(taker), bell=True)
        for no, poller in enumerate(self._pollers, 1):
            loops.add(f"polls-{no}", poller.go)
        # Who hears of what is said before anything is worked off that they must hear of.
        if loops.insist(self._pollers[0].announce):
            warm_up()
            calm_collector()
            self._crew.start(ring)
            loops.start()
            loops.join()
            self._crew.close()
        self._inbox.shutdown(wait=True)
        if loops.broken:
            raise SystemExit(1)

    def stop(self) -> None:
        self._loops.stop()

    def _taking(self, taker: Taker) -> Callable[[], int]:
        return lambda: self._intake.work_off(taker)


def engine_of(database: Database, settings: Settings, connectors: Registry, pulse: Pulse) -> Engine:
    """Make the engine of one process: the same for every way to run steps."""
    return Engine(database, connectors, effects(settings), settings, WALL, pulse.hear)
