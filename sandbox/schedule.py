"""Runs many slow scripts on few threads: a script is an iterator that yields the seconds until its next act."""

import heapq
import threading
import time
from collections.abc import Iterator
from itertools import count
from typing import final

Script = Iterator[float]


@final
class Schedule:
    """Bounded threads advancing scripts when they are due; one script never runs on two threads at once."""

    def __init__(self, threads: int) -> None:
        self._due: list[tuple[float, int, Script]] = []
        self._turn = count()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name=f"sandbox-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def add(self, script: Script, after_s: float = 0.0) -> None:
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + after_s, next(self._turn), script))
            self._changed.notify()

    def close(self) -> None:
        """Stop advancing; acts under way are waited for, what was due later is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (script := self._next()) is not None:
            after_s = next(script, None)
            if after_s is not None:
                self.add(script, after_s)

    def _next(self) -> Script | None:
        with self._changed:
            while not self._closed:
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait_s)
            return None
