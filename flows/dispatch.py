"""The embedded dispatcher: claims and prepares in batches, calls in threads, books in batches; no broker.

How many calls of a partner are taken ahead follows from how long they take: of one that answers at once as many as a
batch holds, of a slow one no more than its share of the threads. No more than that share is ever called at once, so
that also a partner that was fast and falls silent starves nobody.
"""

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

import structlog
from sqlalchemy.exc import OperationalError

from flows.effect import Claimed
from flows.engine import Engine, Job
from flows.settle import Result

AHEAD_S: Final = 2.0
"""How many seconds' worth of a partner's calls are taken ahead: far less than a lease."""

OUTAGE_S: Final = 1.0
"""How long to wait before booking again when the database does not answer."""

SMOOTHING: Final = 0.1

_log = structlog.get_logger()


class Broken(Exception):
    """A bug has ended a thread: what goes on without it would look alive and do less and less."""


def _nobody() -> None:
    """Wake nobody: the threads have not been started."""


class Dispatcher:
    """Keeps a pool of calling threads busy; `monotonic` measures how long partners take, in seconds."""

    def __init__(self, engine: Engine, threads: int, batch: int, monotonic: Callable[[], float]) -> None:
        self._engine = engine
        self._threads = threads
        self._batch = batch
        self._monotonic = monotonic
        self._share = max(1, threads // 2)
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._results: SimpleQueue[Result | None] = SimpleQueue()
        self._calling: Counter[str] = Counter()
        self._behind: defaultdict[str, deque[Job]] = defaultdict(deque)
        self._under_way: Counter[str] = Counter()
        self._unbooked = 0
        self._seconds: dict[str, float] = {}
        self._counting = threading.Lock()
        self._held: set[str] = set()
        self._ring: Callable[[], None] = _nobody
        self._broken = False
        watched = self._watched
        self._crew = [
            threading.Thread(target=watched, args=(self._call,), name=f"call-{no}") for no in range(1, threads + 1)
        ]
        self._clerk = threading.Thread(target=watched, args=(self._book,), name="settle")

    def start(self, ring: Callable[[], None]) -> None:
        """Start the threads; `ring` is called when there is room or work again. `close` ends them."""
        self._ring = ring
        for thread in (*self._crew, self._clerk):
            thread.start()

    def close(self) -> None:
        """Let what was claimed be called and booked, and end."""
        for _ in self._crew:
            self._jobs.put(None)
        for thread in self._crew:
            thread.join()
        self._results.put(None)
        self._clerk.join()

    def go(self) -> int:
        """Claim what there is room for, prepare it and hand it to the threads; give how many steps that were.

        Raises: OperationalError when the database is away; Broken when a bug has ended a thread.
        """
        if self._broken:
            raise Broken
        with self._counting:
            room = self._threads + 2 * self._batch - self._unbooked
            caps = {name: self._cap(name) - self._under_way[name] for name in self._seconds.keys() | self._under_way}
        steps = self._engine.take(min(room, self._batch), caps=caps, cap=self._share) if room > 0 else []
        taken = Counter(step.connection for step in steps)
        self._held = {name for name in caps.keys() | taken if taken[name] >= caps.get(name, self._share)}
        with self._counting:
            self._under_way.update(taken)
            self._unbooked += len(steps)
        if steps:
            for job in self._prepared(steps):
                self._jobs.put(job)
        return len(steps)

    def _prepared(self, steps: list[Claimed]) -> list[Job]:
        """Prepare; what cannot be prepared because the database went away is left to its lease."""
        try:
            return self._engine.prepare(steps)
        except OperationalError:
            self._forget(len(steps))
            with self._counting:
                self._under_way.subtract(step.connection for step in steps)
            raise

    def _cap(self, connection: str) -> int:
        """Say how many calls of a connection may be taken ahead."""
        seconds = self._seconds.get(connection)
        if seconds is None:
            return self._share
        return min(self._batch, self._share + int(self._share * AHEAD_S / max(seconds, 1e-6)))

    def _call(self) -> None:
        while (job := self._jobs.get()) is not None:
            following = self._admitted(job)
            while following is not None:
                following = self._made(following)

    def _admitted(self, job: Job) -> Job | None:
        """Give a job back for this thread to make, or keep it for one of those that its connection has already."""
        name = job.step.connection
        with self._counting:
            if self._calling[name] >= self._share:
                self._behind[name].append(job)
                return None
            self._calling[name] += 1
        return job

    def _made(self, job: Job) -> Job | None:
        """Make a call, and give the next of its connection that waited for this thread."""
        result = self._engine.call(job)
        took_s = self._monotonic() - job.step.claimed_s
        name = job.step.connection
        with self._counting:
            self._under_way[name] -= 1
            if not result.outcome.given_back:  # else its partner was not called, and nothing was learnt of it
                known = self._seconds.get(name, took_s)
                self._seconds[name] = known + SMOOTHING * (took_s - known)
            under_way, cap = self._under_way[name], self._cap(name)
            following = self._behind[name].popleft() if self._behind[name] else None
            if following is None:
                self._calling[name] -= 1
        self._results.put(result)
        # Of a fast partner many are claimed at once: a claim for each call that ends would cost more than the call.
        if name in self._held and (cap <= self._threads or under_way <= cap // 2):
            self._ring()
        return following

    def _book(self) -> None:
        """Book whatever has gathered; when the database is away, results are kept and booked when it is back."""
        ended = False
        while not ended or not self._results.empty():
            one = self._results.get()
            gathered: list[Result] = []
            while one is not None:
                gathered.append(one)
                if len(gathered) >= self._batch:
                    break
                try:
                    one = self._results.get_nowait()
                except Empty:
                    break
            ended = ended or one is None
            while (held := self._booked(gathered)) is None:
                threading.Event().wait(OUTAGE_S)
            self._forget(len(gathered) - len(held))
            for result in held:  # behind the others: whoever holds an order too long holds up no other's answers
                self._results.put(result)
            if held and len(held) == len(gathered):
                threading.Event().wait(OUTAGE_S)

    def _booked(self, results: list[Result]) -> list[Result] | None:
        """Book, and give what must be tried again because others hold its rows; None when the database is away."""
        held: list[Result] = []
        if not results:
            return held
        try:
            self._engine.book(results, held)
        except OperationalError as error:
            _log.warning("settle.database_away", error=type(error.orig).__name__, waiting=len(results))
            return None
        return held

    def _watched(self, work: Callable[[], None]) -> None:
        """Run a thread's work; a bug that ends it is remembered, and `go` ends everything."""
        finished = False
        try:
            work()
            finished = True
        finally:
            if not finished:
                self._broken = True
                self._ring()

    def _forget(self, count: int) -> None:
        with self._counting:
            self._unbooked -= count
        self._ring()
