"""The embedded worker: one dispatcher and a pool of threads over the same tables that a broker's workers would use."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

import structlog
from sqlalchemy.exc import OperationalError

from connectors.registry import Registry
from flows.claim import claim
from flows.effect import Claimed
from flows.engine import Clock, Engine
from flows.health import Pulse
from flows.housekeeping import Chore, Rounds, chores
from flows.intake import Intake
from flows.listing import Taker, effects, takers
from flows.poll import Poller
from hub.database import Database
from hub.settings import Settings
from hub.steps import StepState

OUTAGE_S: Final = 1.0
"""How long the dispatcher waits when the database does not answer."""

POLLERS: Final = 2
"""Loops that ask partners: one that hangs leaves another."""

_log = structlog.get_logger()


class Worker:
    """Claims due steps, works the inbox off and does the chores, until it is told to stop."""

    def __init__(self, database: Database, settings: Settings, connectors: Registry) -> None:
        self._database = database
        self._settings = settings.worker
        self._stop = threading.Event()
        self._broken = False
        self._announced = False
        self._free = threading.Semaphore(settings.worker.threads)
        self._share = max(1, settings.worker.threads // 2)
        self._under_way: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._calls = ThreadPoolExecutor(settings.worker.threads, "call")
        self._inbox = ThreadPoolExecutor(len(takers(connectors, settings)) * 2, "inbox")
        pulse = Pulse()
        self._engine = Engine(database, connectors, effects(), settings, Clock(_now, monotonic), pulse.hear)
        self._pollers = [Poller(database, connectors, settings, _now, pulse.hear) for _ in range(POLLERS)]
        self._intake = Intake(database, _now, self._inbox)
        self._takers = takers(connectors, settings)
        self._rounds = Rounds(database, [*chores(settings), Chore("connections.health", 1, pulse.write)], _now)

    def run(self) -> None:
        """Work until `stop`; what is in flight then is finished.

        Raises: SystemExit with code 1 when a loop was ended by a bug, so that whoever runs us starts a new worker.
        """
        while not (self._announced or self._stop.is_set()):
            self._stop.wait(self._rest_after(self._announce))
        loops = [
            threading.Thread(target=self._loop, args=(self._dispatch,), name="dispatch"),
            threading.Thread(target=self._loop, args=(self._rounds.go,), name="chores"),
            *(
                threading.Thread(target=self._loop, args=(self._taking(taker),), name=f"inbox-{taker.kinds[0]}")
                for taker in self._takers
            ),
            *(
                threading.Thread(target=self._loop, args=(poller.go,), name=f"polls-{no}")
                for no, poller in enumerate(self._pollers, 1)
            ),
        ]
        for loop in loops:
            loop.start()
        for loop in loops:
            loop.join()
        self._calls.shutdown(wait=True)
        self._inbox.shutdown(wait=True)
        if self._broken:
            raise SystemExit(1)

    def stop(self) -> None:
        self._stop.set()

    def _announce(self) -> int:
        """Say who hears of what before anything is worked off that they must hear of."""
        self._pollers[0].announce()
        self._announced = True
        return 0

    def _loop(self, work: Callable[[], int]) -> None:
        """Repeat a piece of work; rest when there was nothing to do, and longer when the database is away.

        A bug ends the whole worker, loudly: half a worker that looks alive would be worse.
        """
        asked_to_stop = False
        try:
            while not self._stop.is_set():
                self._stop.wait(self._rest_after(work))
            asked_to_stop = True
        finally:
            self._broken |= not asked_to_stop
            self._stop.set()

    def _rest_after(self, work: Callable[[], int]) -> float:
        """Do a piece of work, and say how long to rest after it."""
        try:
            return 0 if work() else self._settings.poll_s
        except OperationalError as error:
            _log.warning("worker.database_away", error=type(error.orig).__name__)
            return OUTAGE_S

    def _taking(self, taker: Taker) -> Callable[[], int]:
        return lambda: self._intake.work_off(taker)

    def _dispatch(self) -> int:
        """Claim as many steps as there are free threads, and start them."""
        places = 0
        while places < self._share and self._free.acquire(blocking=False):
            places += 1
        claimed = 0
        try:
            if places:
                lease, grace = timedelta(seconds=self._settings.lease_s), timedelta(seconds=self._settings.grace_s)
                with self._database.transaction() as session:
                    steps = claim(session, places, _now(), monotonic(), lease, grace, self._full())
                for step in steps:
                    claimed += 1
                    with self._counting:
                        self._under_way[step.connection] += 1
                    self._calls.submit(self._run, step).add_done_callback(self._finished)
        finally:
            for _ in range(places - claimed):
                self._free.release()
        return claimed

    def _run(self, step: Claimed) -> StepState | None:
        try:
            return self._engine.run(step)
        finally:
            with self._counting:
                self._under_way[step.connection] -= 1

    def _full(self) -> list[str]:
        """Name the connections that have their share of the threads: a slow partner must not take them all."""
        with self._counting:
            return [connection for connection, calls in self._under_way.items() if calls >= self._share]

    def _finished(self, call: Future[StepState | None]) -> None:
        """Free the place; a bug in a step is loud, and its lease lets it be tried again."""
        self._free.release()
        if failure := call.exception():
            _log.error("step.failed", exc_info=failure)


def _now() -> datetime:
    return datetime.now(UTC)
