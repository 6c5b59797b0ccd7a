"""The time one port call may take in all, however many exchanges it needs: as much as the engine's lease leaves it."""

import time
from collections.abc import Callable
from typing import Final, final

from hub.errors import TryLater
from hub.settings import Http

LEAST_SHARE: Final = 0.1
"""The share of the whole time below which no further exchange is begun: it would only be cut off."""


@final
class Deadline:
    """Ends `connect_s + 2 x read_s` after it was made, which is what the settings keep free of every lease."""

    def __init__(self, limits: Http, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._whole_s = limits.connect_s + 2 * limits.read_s
        self._end = clock() + self._whole_s

    def left_s(self) -> float:
        """Give the seconds that remain.

        Raises: TryLater when they are too few to begin anything; what was to be begun has not been.
        """
        left = self._end - self._clock()
        if left < LEAST_SHARE * self._whole_s:
            raise TryLater("earlier exchanges have used up the time of this call", code="out_of_time")
        return left

    def limits(self) -> Http:
        """Give the limits under which one more exchange, at its slowest, ends in time.

        Raises: as `left_s`.
        """
        left = self.left_s()
        connect_s = min(self._limits.connect_s, left / 3)
        return Http(connect_s=connect_s, read_s=min(self._limits.read_s, (left - connect_s) / 2))
