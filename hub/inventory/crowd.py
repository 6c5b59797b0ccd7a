"""The crowd before a flash sale: requests for a SKU that come at the same time, booked as groups.

Those who wait are promises of one event loop and take no thread; a group is booked in a thread of the crowd's own, one
group of a SKU at a time. PostgreSQL is the only truth; what is kept in memory is that a SKU was sold out a moment ago,
so that refusals cost one read for a whole group and no lock, and how long a queue is.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Final, NamedTuple

from sqlalchemy.exc import IntegrityError

from hub.database import Database
from hub.errors import Conflict, HubError, OutcomeUnknown, TryLater
from hub.inventory.hot import Booked, HotWish, Interfered, book, recall, sold_out
from hub.inventory.hot_sale import Sale, find_sale
from hub.inventory.ledger import Shortage
from hub.inventory.soft import Held
from hub.promises import tell

GROUP: Final = 200
LINGER_S: Final = 0.005
RECHECK_S: Final = 0.2
TRIES: Final = 10

AT_ONCE: Final = 4
"""Of so many SKUs groups are booked at the same time: each takes a connection."""


class _Asking(NamedTuple):
    """Who waits: what is wished, where the answer is awaited, and in which context a group that it leads is booked."""

    wish: HotWish
    promise: asyncio.Future[Held]
    context: Context


@dataclass(slots=True)
class _Line:
    """Who waits for one SKU; `usual` is how many the last group had, for whom the next waits a little.

    `sale` is what the last group was booked by.
    """

    sale: Sale
    waiting: deque[_Asking] = field(default_factory=deque[_Asking])
    booking: bool = False
    timer: asyncio.TimerHandle | None = None
    usual: int = 1
    per_s: float = GROUP
    out_until: float = 0.0


class Crowd:
    """Holds pieces of SKUs in a flash sale; one for a process, used from one event loop."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], *, elapsed: Callable[[], float] = monotonic
    ) -> None:
        self._database = database
        self._now = now
        self._elapsed = elapsed
        self._lines: dict[str, _Line] = {}
        self._looking: dict[str, asyncio.Future[Sale | None]] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE, "flash-sale")

    async def hold_hot(self, wish: HotWish) -> Held:
        """Hold pieces for one buyer, together with whoever else asks at this moment; the same ref again is the same.

        Raises: NoStock; Conflict for a buyer who has enough (buyer_limit), a SKU in no sale (not_hot) or as for `hold`;
        NotFound; Malformed; TryLater when the queue is full, saying when; OutcomeUnknown: ask again under the same ref.
        """
        line = self._lines.get(wish.sku) or await self._open(wish)
        return await self._join(line, wish)

    def waiting(self, sku: str) -> int:
        """Give how many wait in this process to be booked with the next group."""
        line = self._lines.get(sku)
        return len(line.waiting) if line else 0

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    async def _open(self, wish: HotWish) -> _Line:
        """Begin a line; who comes while its sale is looked up waits for the same answer, before anything is booked."""
        looking = self._looking.get(wish.sku)
        if looking is None:
            looking = asyncio.get_running_loop().run_in_executor(self._pool, self._find_sale, wish.sku)
            self._looking[wish.sku] = looking
            looking.add_done_callback(lambda _: self._looking.pop(wish.sku))
        sale = await asyncio.shield(looking)  # one of them may hang up
        if sale is None or sale.brand != wish.brand:
            raise Conflict(f"{wish.sku} is in no flash sale", code="not_hot")
        return self._lines.setdefault(wish.sku, _Line(sale))

    def _find_sale(self, sku: str) -> Sale | None:
        with self._database.transaction() as session:
            return find_sale(session, sku, self._now())

    def _join(self, line: _Line, wish: HotWish) -> asyncio.Future[Held]:
        place = len(line.waiting)
        if place >= line.sale.queue_limit:
            after_s, zh = round(place / line.per_s + 0.05, 1), f"前面还有 {place} 人排队"
            raise TryLater(f"{place} others wait", code="hot_queue", after_s=after_s, zh=zh)
        promise: asyncio.Future[Held] = asyncio.get_running_loop().create_future()
        line.waiting.append(_Asking(wish, promise, copy_context()))
        self._call(line)
        return promise

    def _call(self, line: _Line) -> None:
        """Have a group booked, when none is and as many wait as had come before; or else in a moment."""
        if line.booking or not line.waiting:
            return
        if len(line.waiting) >= line.usual:
            self._send(line)
        elif line.timer is None:
            line.timer = asyncio.get_running_loop().call_later(LINGER_S, self._send, line)

    def _send(self, line: _Line) -> None:
        if line.timer is not None:
            line.timer.cancel()
            line.timer = None
        group = [line.waiting.popleft() for _ in range(min(GROUP, len(line.waiting)))]
        line.booking = True
        began, context, wishes = self._elapsed(), group[0].context, [one.wish for one in group]
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._pool, lambda: context.run(self._answer, line, wishes))
        done.add_done_callback(lambda ended: self._told(line, group, began, ended))

    def _told(
        self, line: _Line, group: Sequence[_Asking], began: float, ended: asyncio.Future[Sequence[Held | HubError]]
    ) -> None:
        """Tell a group its answers. Whatever went wrong is told to its first; nobody else may wait for ever."""
        line.booking, line.usual = False, len(group)
        line.per_s = max(1.0, len(group) / max(0.001, self._elapsed() - began))
        failure = ended.exception()
        answers = ended.result() if failure is None else [failure, *(_lost() for _ in group[1:])]
        tell([one.promise for one in group], answers)
        self._call(line)

    def _answer(self, line: _Line, wishes: Sequence[HotWish]) -> Sequence[Held | HubError]:
        if self._elapsed() < line.out_until:
            with self._database.transaction() as session:
                before = recall(session, wishes)
            if any(before):
                self._database.persist()  # another process may have committed it a moment ago
            return [known or sold_out(wish.sku) for known, wish in zip(before, wishes, strict=True)]
        booked = self._book(wishes, line.sale)
        if isinstance(booked, HubError):
            return [booked] * len(wishes)
        line.sale = booked.sale
        if booked.left == 0:
            line.out_until = self._elapsed() + RECHECK_S
        return booked.answers

    def _book(self, wishes: Sequence[HotWish], sale: Sale) -> Booked | HubError:
        for _ in range(TRIES):
            try:
                return self._book_once(wishes, sale)
            except (Shortage, Interfered, IntegrityError):
                continue  # an order took pieces, or somebody sold to one of these buyers: the next look sees it
            except HubError as error:
                return error
        return TryLater("orders take this SKU at the same moment", code="hot_busy", after_s=1)

    def _book_once(self, wishes: Sequence[HotWish], sale: Sale) -> Booked:
        """Book in a transaction that holds its counters only until it commits: groups of other processes wait for them.

        Nobody is answered before it is on disk.
        """
        with self._database.transaction() as session:
            booked = book(session, wishes[0].sku, wishes, self._now(), sale)
        self._database.persist()
        return booked


def _lost() -> OutcomeUnknown:
    return OutcomeUnknown("the group was not booked for certain: ask again under the same ref", code="hot_unknown")
