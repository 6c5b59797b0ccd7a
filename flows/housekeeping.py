"""What keeps the tables small and whole: partitions, history, the audit chain, spent nonces, lanes that were missed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from sqlalchemy.orm import Session

from hub import audit, clients, partitions, steps, visits
from hub.database import Database
from hub.order.track import ask_silent
from hub.settings import Settings

KEEP_KEYS: Final = timedelta(days=7)
"""How long an Idempotency-Key protects its request."""

AGAIN_S: Final = 30
"""How soon a chore that failed is tried again."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every so often; doing it twice, or in two processes at once, is harmless."""

    name: str
    every_s: float
    do: Callable[[Session, datetime], object]


def chores(settings: Settings) -> list[Chore]:
    """List the chores, each in a transaction of its own."""
    skew = timedelta(seconds=settings.limits.clock_skew_s)
    return [
        Chore("audit.seal", 1, lambda session, _at: audit.seal(session)),
        Chore("steps.history", 2, steps.move_finished),
        Chore("steps.parked", 5, steps.wake_parked),
        Chore("clients.forget", 60, lambda session, at: clients.forget_old(session, at - skew, at - KEEP_KEYS)),
        Chore("visits.forget", 3600, visits.forget_visits),
        Chore("parcels.ask", 600, ask_silent),
        Chore("partitions.make", 3600, partitions.make_partitions),
        Chore("partitions.drop", 3600, lambda session, at: partitions.drop_partitions(session, at, settings.retention)),
    ]


class Rounds:
    """Does each chore when its time has come."""

    def __init__(self, database: Database, every: Sequence[Chore], now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._chores = every
        self._due = dict.fromkeys((chore.name for chore in every), 0.0)

    def go(self) -> int:
        """Do what is due, and give 0: there is never a reason to come back at once."""
        for chore in self._chores:
            if monotonic() >= self._due[chore.name]:
                # Put off first: one that cannot get through must not keep those behind it from their turn.
                self._due[chore.name] = monotonic() + min(chore.every_s, AGAIN_S)
                with self._database.transaction() as session:
                    chore.do(session, self._now())
                self._due[chore.name] = monotonic() + chore.every_s
        return 0
