"""Whether there is room for what callers send: only a hub that is full itself turns them away, for a while."""

from threading import Lock
from time import monotonic
from typing import Final, final

from hub.database import Database
from hub.errors import TryLater
from hub.fullness import Full, full_of

LOOK_S: Final = 1.0
"""How often one process reads what the chore has seen: never once per request."""

AWAY_S: Final = 10
"""When to come back: the chore will have looked again by then."""


class HubFull(TryLater):
    """The hub takes nothing in for now."""

    code = "hub_full"

    def __init__(self, full: Full) -> None:
        super().__init__(f"the hub is full ({full}): nothing was taken in, send it again later", after_s=AWAY_S)


@final
class Room:
    """Knows, a second old at most, whether the hub is full."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking = Lock()
        self._full = Full.NOTHING
        self._looked_s: float | None = None

    def require(self) -> None:
        """Let a caller in.

        Raises: HubFull.
        """
        full = self.full_of()
        if full is not Full.NOTHING:
            raise HubFull(full)

    def full_of(self) -> Full:
        """Say what is full; while one thread asks, the others go by what is known."""
        if self._looked_s is not None and monotonic() - self._looked_s < LOOK_S:
            return self._full
        if self._asking.acquire(blocking=self._looked_s is None):
            try:
                with self._database.transaction() as session:
                    self._full = full_of(session)
                self._looked_s = monotonic()
            finally:
                self._asking.release()
        return self._full
