"""Virtual time: events in their order, and tasks that sleep in it; exactly one thing runs at any moment.

A task is a thread only so that the engine's own code, which calls a partner and waits, can be left in the middle and
gone on with later. The loop hands one task the turn and does nothing until it sleeps or ends: nothing ever runs beside
anything else, and what comes next follows from the virtual clock alone.
"""

import threading
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Final


class Over(BaseException):
    """The run is over: whatever still sleeps is left."""


class Loop:
    """Events by virtual time, in seconds since the beginning; those of one moment in the order they were planned."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.current: Task | None = None
        self.tasks: list[Task] = []
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self.turn: Final = threading.Lock()
        self.turn.acquire()

    def at(self, when_s: float, act: Callable[[], object]) -> None:
        """Plan something; what lies in the past is done next."""
        heappush(self._queue, (max(when_s, self.now_s), next(self._numbers), act))

    def run(self, most: int) -> bool:
        """Do what is planned until nothing is, and say so; False after so many events."""
        for _ in range(most):
            if not self._queue:
                return True
            self.now_s, _, act = heappop(self._queue)
            act()
        return False

    def start(self, name: str, body: Callable[["Task"], object]) -> "Task":
        """Begin a task at the next turn."""
        task = Task(self, name, body)
        self.tasks.append(task)
        self.at(self.now_s, task.go_on)
        return task

    def close(self) -> None:
        """End every task where it sleeps."""
        for task in self.tasks:
            task.end()


class Task:
    """Somebody who acts and sleeps by turns."""

    def __init__(self, loop: Loop, name: str, body: Callable[["Task"], object]) -> None:
        self.name = name
        self.rests = False
        self._loop = loop
        self._body = body
        self._go = threading.Lock()
        self._go.acquire()
        self._naps = 0
        self._wakes_s: float | None = None
        self._ended = False
        self._over = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._plan(self._loop.now_s + seconds)
        self._hand_over()

    def rest(self, until_s: float | None) -> None:
        """Let time pass until then, or until `wake_by` if that is sooner; None is for as long as nobody does."""
        self.rests = True
        if until_s is not None:
            self._plan(until_s)
        self._hand_over()
        self.rests = False

    def wake_by(self, when_s: float) -> None:
        """End a rest at that time, unless it ends sooner."""
        if self.rests and (self._wakes_s is None or when_s < self._wakes_s):
            self._plan(when_s)

    def go_on(self) -> None:
        """Give the task its turn, and come back when it sleeps or has ended.

        Raises: whatever ended it.
        """
        self._naps += 1
        self._wakes_s = None
        self._loop.current = self
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._go.release()
        self._loop.turn.acquire()
        self._loop.current = None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def end(self) -> None:
        """Leave the task where it sleeps."""
        self._over = True
        if self._thread.ident is not None and not self._ended:
            self.go_on()
        if self._thread.ident is not None:
            self._thread.join()

    def _plan(self, when_s: float) -> None:
        nap = self._naps
        self._wakes_s = when_s
        self._loop.at(when_s, lambda: self.go_on() if nap == self._naps and not self._ended else None)

    def _hand_over(self) -> None:
        self._loop.turn.release()
        self._go.acquire()
        if self._over:
            raise Over

    def _run(self) -> None:
        try:
            self._body(self)
        except Over:
            pass
        except BaseException as failure:  # noqa: BLE001 # the loop raises it again in its own thread
            self._failure = failure
        finally:
            self._ended = True
            self._loop.turn.release()
