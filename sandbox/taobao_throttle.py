"""How many calls a second the gateway takes before it bans the caller for a while."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final, final

from sandbox.taobao_wire import Refused

_BAN_S: Final = 1


@final
class Throttle:
    """Counts the calls of the second that has just passed."""

    def __init__(self, calls_per_s: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls_per_s = calls_per_s
        self._clock = clock
        self._calls: deque[float] = deque()

    def pass_one(self) -> None:
        """Let a call through. Raises: Refused for one too many."""
        now = self._clock()
        while self._calls and self._calls[0] <= now - 1:
            self._calls.popleft()
        if len(self._calls) >= self._calls_per_s:
            ban = f"This ban will last for {_BAN_S} more seconds"
            raise Refused(7, "App Call Limited", "accesscontrol.limited-by-app-access-count", ban)
        self._calls.append(now)
