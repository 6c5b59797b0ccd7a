"""Gather concurrent requests into groups: one transaction for many, and nobody waits for more than some milliseconds.

While a group is under way those that come wait for it to end, at most `wait_s`; whoever comes alone waits for nobody.
A group belongs to the trace of the first in it.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.room import HubFull
from api.surroundings import Hub
from hub.promises import tell

T = TypeVar("T")
R = TypeVar("R")

SHARED: Final = (OperationalError, PoolTimeout, HubFull)
"""What fails a group without any of it being to blame."""

AT_ONCE: Final = 1
"""Groups under way at most: a second would only share the processor, and make both smaller."""


class Waiting(NamedTuple, Generic[T, R]):
    """What was given, in which context, and where its result is awaited."""

    one: T
    promise: asyncio.Future[R]
    context: Context


class Gather(Generic[T, R]):
    """Gives groups to `work`, which answers each of a group with a result or an error; used from one event loop."""

    def __init__(
        self,
        work: Callable[[Sequence[T]], Sequence[R | Exception]],
        wait_s: float,
        most: int,
        shared: tuple[type[Exception], ...],
    ) -> None:
        """Prepare; an error that `work` raises is everybody's if it is `shared`, else one of the group is to blame."""
        self._work = work
        self._shared = shared
        self._wait_s = wait_s
        self._most = most
        self._pool = ThreadPoolExecutor(AT_ONCE, "group")
        self._waiting: list[Waiting[T, R]] = []
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None

    async def give(self, one: T) -> R:
        """Have it done with whatever comes at the same time, and give its result.

        Raises: whatever the work answers it with.
        """
        loop = asyncio.get_running_loop()
        promise: asyncio.Future[R] = loop.create_future()
        self._waiting.append(Waiting(one, promise, copy_context()))
        if not self._under_way or len(self._waiting) >= self._most:
            loop.call_soon(self._flush)  # what else is read in this round of the loop comes along
        elif self._timer is None:
            self._timer = loop.call_later(self._wait_s, self._flush)
        return await promise

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    def _flush(self) -> None:
        """Send a group off, unless enough are under way: the end of one of them sends off the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._waiting or self._under_way >= AT_ONCE:
            return
        group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        self._send(group)

    def _send(self, group: Sequence[Waiting[T, R]]) -> None:
        self._under_way += 1
        context, together = group[0].context, [waiting.one for waiting in group]
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._pool, lambda: context.run(self._work, together))
        done.add_done_callback(lambda ended: self._answer(group, ended))

    def _answer(self, group: Sequence[Waiting[T, R]], ended: asyncio.Future[Sequence[R | Exception]]) -> None:
        self._under_way -= 1
        failure = ended.exception()
        if failure is not None and len(group) > 1 and not isinstance(failure, self._shared):
            half = len(group) // 2
            self._send(group[:half])  # until whoever is to blame is alone
            self._send(group[half:])
            return
        answers = [failure] * len(group) if failure is not None else ended.result()
        tell([waiting.promise for waiting in group], answers)
        self._flush()


def gathering(
    hub: Hub, work: Callable[[Hub, Sequence[T]], Sequence[R | Exception]], most: int | None = None
) -> Gather[T, R]:
    """Make what gathers requests as the settings say how long and how many."""
    placing = hub.settings.placing
    return Gather(partial(work, hub), placing.wait_ms / 1000, most or placing.group, SHARED)
