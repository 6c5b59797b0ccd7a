"""The jobs of a chaos run: which there are, and a feeder that adds them while processes and the database die."""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy.exc import OperationalError

from commands.massacre_errand import ACTOR, FLOW
from hub.audit import record
from hub.database import Database, row
from hub.steps import NewStep, add

PER_LANE: Final = 5
MOST_AT_ONCE: Final = 20
PAUSE_S: Final = 0.05
OUTAGE_S: Final = 0.3


class Job(NamedTuple):
    """One job; the places of a lane are to be executed one after another."""

    connection: str
    lane: int
    place: int

    @property
    def key(self) -> str:
        return f"{self.connection}-{self.lane}-{self.place}"

    def step(self) -> NewStep:
        lane = f"chaos:{self.lane}:{self.connection}"
        return NewStep(FLOW, lane, self.connection, self.key, None, {"place": self.place})


def jobs_of(count: int, connections: Sequence[str]) -> list[Job]:
    """Lay out so many jobs in lanes of five, those of each lane in order and far apart."""
    lanes = -(-count // PER_LANE)
    places = range(1, PER_LANE + 1)
    every = (Job(connections[lane % len(connections)], lane, place) for place in places for lane in range(lanes))
    return [job for job, _ in zip(every, range(count), strict=False)]


@dataclass
class Feeder:
    """Adds jobs up to a mark that rises as the run goes on; what it has added is accepted and must not be lost."""

    database: Database
    jobs: Sequence[Job]
    chance: random.Random
    accepted: int = 0
    mark: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._feed, name="feeder")
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def raise_to(self, share: float) -> None:
        """Let so many of all jobs be added."""
        self.mark = max(self.mark, int(len(self.jobs) * share))

    @property
    def ended(self) -> bool:
        return self.accepted == len(self.jobs)

    def _feed(self) -> None:
        while not self._stop.is_set() and not self.ended:
            size = min(self.chance.randint(1, MOST_AT_ONCE), self.mark - self.accepted)
            if size <= 0:
                self._stop.wait(PAUSE_S)
                continue
            batch = self.jobs[self.accepted : self.accepted + size]
            while not self._accept(batch) and not self._stop.is_set():
                self._stop.wait(OUTAGE_S)

    def _accept(self, batch: Sequence[Job]) -> bool:
        """Add a batch unless it is there; False when the database went away, and nobody knows whether it is."""
        try:
            if not self._is_there(batch[0]):
                self._add(batch)
        except OperationalError:
            return False
        self.accepted += len(batch)
        return True

    def _add(self, batch: Sequence[Job]) -> None:
        at = datetime.now(UTC)
        with self.database.transaction() as session:
            add(session, [job.step() for job in batch], at)
            record(session, at, ACTOR, "chaos.added", f"chaos:{batch[0].key}", jobs=len(batch))

    def _is_there(self, job: Job) -> bool:
        """Say whether a job is there already, live or finished: its batch came whole or not at all."""
        statement = """select 1 from step where idempotency_key = :key
                       union all select 1 from step_history where idempotency_key = :key"""
        with self.database.transaction() as session:
            return row(session, statement, key=job.key) is not None
