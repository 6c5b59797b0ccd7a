"""Spaces the calls of one connection, so that a partner's limit is never reached from this process."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Final, final

from hub.errors import TryLater

BURST_S: Final = 0.1
"""So much of the past may be caught up at once: a tenth of a second's calls."""

LONGEST_WAIT_S: Final = 2.0
"""Who would have to wait longer gives its thread back and comes again."""


@final
class Pace:
    """A token bucket; several processes each have their own, so their rates add up."""

    def __init__(
        self,
        calls_per_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap_s = 1 / calls_per_s
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock() - BURST_S
        self._lock = Lock()

    def wait(self) -> None:
        """Take the next turn and sleep until it comes.

        Raises: TryLater with the wait when it is longer than two seconds; no turn is taken then.
        """
        with self._lock:
            now = self._clock()
            turn = max(self._free_at, now - BURST_S)
            if turn - now > LONGEST_WAIT_S:
                raise TryLater("this process makes as many calls as it may", code="paced", after_s=turn - now)
            self._free_at = turn + self._gap_s
        if turn > now:
            self._sleep(turn - now)
