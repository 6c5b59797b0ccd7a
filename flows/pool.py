"""What one pool process does under Celery: it claims the steps it is told of, and runs them like the embedded way."""

import threading
from collections.abc import Callable, Collection, Mapping
from time import monotonic
from typing import Annotated, Any, Final, final

import structlog
from celery.exceptions import Reject  # pyright: ignore[reportMissingTypeStubs] # Celery has none
from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy.exc import OperationalError

from flows.dispatch import Broken, Dispatcher
from flows.effect import Claimed, Effect
from flows.engine import WALL, Engine
from flows.health import Pulse
from hub.database import Database
from hub.ports import Connectors
from hub.settings import Settings

TOLD_S: Final = 2.0
"""How long a step is kept in mind that could not be claimed at once; then the relay tells of it again."""

AT_ONCE: Final = 500
"""Of how many such steps one claim asks."""

AGAIN_S: Final = 0.1
PULSE_S: Final = 1.0
OUTAGE_S: Final = 1.0

IDS: Final = TypeAdapter[list[int]](
    Annotated[list[Annotated[int, Field(gt=0, lt=2**63)]], Field(min_length=1, max_length=1_000)]
)
"""What a wake-up says."""

_log = structlog.get_logger()


@final
class Told:
    """Steps this process was told of and did not claim yet: for want of room, or because somebody else has."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._until: dict[int, float] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._until)

    def add(self, ids: Collection[int]) -> None:
        until = self._monotonic_s() + TOLD_S
        with self._lock:
            self._until.update((step, until) for step in ids)

    def some(self) -> list[int]:
        """Give those to ask for next; whoever was asked for goes to the end, so that none stands before the others."""
        now_s = self._monotonic_s()
        with self._lock:
            self._until = {step: until for step, until in self._until.items() if until > now_s}
            chosen = list(self._until)[:AT_ONCE]
            for step in chosen:
                self._until[step] = self._until.pop(step)
        return chosen

    def remove(self, ids: Collection[int]) -> None:
        with self._lock:
            for step in ids:
                self._until.pop(step, None)


class ToldEngine(Engine):
    """The engine, which claims only what this process was told of."""

    def __init__(self, told: Told, *arguments: Any) -> None:  # noqa: ANN401 # the engine's own
        super().__init__(*arguments)
        self._told = told

    def take(
        self,
        limit: int,
        *,
        caps: Mapping[str, int] | None = None,
        cap: int | None = None,
        ids: Collection[int] | None = None,
    ) -> list[Claimed]:
        """Claim what was told of; `ids` narrows nothing here."""
        named = self._told.some() if ids is None else ids
        steps = super().take(limit, caps=caps, cap=cap, ids=named) if named else []
        self._told.remove([step.id for step in steps])
        return steps


@final
class Hand:
    """One pool process: calling threads and a booking clerk, fed by wake-ups instead of by looking."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        connectors: Connectors,
        known: Mapping[str, Effect],
    ) -> None:
        worker = settings.worker
        threads = -(-worker.threads // worker.processes)
        self._database = database
        self._pulse = Pulse()
        self._told = Told(monotonic)
        engine = ToldEngine(self._told, database, connectors, known, settings, WALL, self._pulse.hear)
        self._dispatcher = Dispatcher(engine, threads, worker.batch, WALL.monotonic)
        self._rung = threading.Event()
        self._left = threading.Event()
        self._stop = threading.Event()
        self._going = threading.Lock()
        self._threads = [
            threading.Thread(target=self._feed, name="feed"),
            threading.Thread(target=self._beat, name="pulse"),
        ]

    def start(self) -> None:
        self._dispatcher.start(self._rung.set)
        for thread in self._threads:
            thread.start()

    def wake(self, ids: Collection[int]) -> None:
        """Claim as many of these steps as there is room for, and keep the others in mind for a moment.

        Raises: SystemExit when a bug has ended a thread, so that the pool replaces this process.
        """
        self._told.add(ids)
        self._go()
        if self._told:
            self._left.set()

    def close(self) -> None:
        """Let what was claimed be called and booked, and end."""
        self._stop.set()
        self._rung.set()
        self._left.set()
        for thread in self._threads:
            thread.join()
        self._dispatcher.close()
        self._write_pulse()

    def _go(self) -> None:
        try:
            with self._going:
                self._dispatcher.go()
        except OperationalError as error:
            _log.warning("pool.database_away", error=type(error.orig).__name__)
            self._stop.wait(OUTAGE_S)
        except Broken:
            raise SystemExit(1) from None

    def _feed(self) -> None:
        """Claim what was left when there is room again."""
        while not self._stop.is_set():
            self._left.wait()
            self._left.clear()
            while self._told and not self._stop.is_set():
                self._rung.wait(AGAIN_S)
                self._rung.clear()
                self._go()

    def _beat(self) -> None:
        while not self._stop.wait(PULSE_S):
            self._write_pulse()

    def _write_pulse(self) -> None:
        try:
            with self._database.transaction() as session:
                self._pulse.write(session, WALL.now())
        except OperationalError as error:
            _log.warning("pool.database_away", error=type(error.orig).__name__)


def read_ids(told: object) -> list[int]:
    """Read what a message says: a list of steps' ids.

    Raises: Reject for anything else, which puts the message among the dead ones.
    """
    try:
        return IDS.validate_python(told, strict=True)
    except ValidationError:
        _log.error("pool.unreadable")
        raise Reject("not a list of ids", requeue=False) from None
