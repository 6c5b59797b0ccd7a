"""How long may be searched: by the clock, or by iterations, which makes a search repeat itself."""

from collections.abc import Callable
from math import ceil, inf


class Limit:
    """Seconds or iterations, whichever is given; an iteration is one solution of the master problem."""

    def __init__(self, clock: Callable[[], float], seconds: float = inf, iterations: float = inf) -> None:
        self._clock = clock
        self._began = clock()
        self._seconds = seconds
        self._iterations = iterations
        self.used = 0

    def spent(self) -> float:
        """Give the seconds since the beginning."""
        return self._clock() - self._began

    def left(self, share: float = 1.0) -> float:
        """Give the seconds that are left of a share of the whole, 0 when none are."""
        return max(self._seconds * share - self.spent(), 0.0)

    def goes_on(self, share: float = 1.0) -> bool:
        """Say whether one more iteration may begin within a share of the whole."""
        within = inf if self._iterations == inf else ceil(self._iterations * share)
        return self.used < within and self.left(share) > 0
