"""The crowd before a flash sale: requests of many threads for a SKU, booked as groups.

Whoever comes first books for all who have come by then, and the next of those who came meanwhile leads the next group:
there is no thread of its own. PostgreSQL is the only truth; what is kept in memory is that a SKU was sold out a moment
ago, so that refusals cost one read for a whole group and no lock, and how long a queue is.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Condition, Lock
from time import monotonic
from typing import Final

from sqlalchemy.exc import IntegrityError

from hub.database import Database
from hub.errors import HubError, NotFound, OutcomeUnknown, TryLater
from hub.inventory.hot import Booked, HotWish, book, recall, sold_out
from hub.inventory.hot_sale import Sale, find_sale
from hub.inventory.ledger import Shortage
from hub.inventory.soft import Held

GROUP: Final = 200
LINGER_S: Final = 0.005
RECHECK_S: Final = 0.2
TRIES: Final = 10

STRANDS: Final = 8
"""So many of a group are woken at once, and each wakes the next of its strand: when all wake at once they stand in one
another's way, and one strand alone would wait for the interpreter at every step when other threads are busy."""

LOST: Final = OutcomeUnknown("the group was not booked for certain: ask again under the same ref", code="hot_unknown")
BUSY: Final = TryLater("orders take this SKU at the same moment", code="hot_busy", after_s=1)


def _shut() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(slots=True)
class _Asking:
    """One caller that waits; woken by its `door`, when it is answered or to lead the next group.

    It wakes `after` in its turn, who was answered with it.
    """

    wish: HotWish
    door: Lock = field(default_factory=_shut)
    leads: bool = False
    answer: Held | HubError | None = None
    after: "_Asking | None" = None


@dataclass(slots=True)
class _Line:
    """Who waits for one SKU; `usual` is how many the last group had, for whom a leader waits a little.

    `sale` is what the last group was booked by.
    """

    sale: Sale
    moved: Condition = field(default_factory=Condition)
    waiting: deque[_Asking] = field(default_factory=deque[_Asking])
    led: bool = False
    usual: int = 1
    per_s: float = GROUP
    out_until: float = 0.0


class Crowd:
    """Holds pieces of SKUs in a flash sale; one for a process, shared by its threads."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], *, elapsed: Callable[[], float] = monotonic
    ) -> None:
        self._database = database
        self._now = now
        self._elapsed = elapsed
        self._lines: dict[str, _Line] = {}

    def hold_hot(self, wish: HotWish) -> Held:
        """Hold pieces for one buyer, together with whoever else asks at this moment; the same ref again is the same.

        Raises: NoStock; Conflict for a buyer who has enough (buyer_limit), a SKU in no sale (not_hot) or as for `hold`;
        NotFound; Malformed; TryLater when the queue is full, saying when; OutcomeUnknown: ask again under the same ref.
        """
        line = self._lines.get(wish.sku) or self._open(wish)
        asking = self._join(line, wish)
        while asking.answer is None:
            if asking.leads:
                self._lead(line)
            else:
                asking.door.acquire()
        if asking.after is not None:
            asking.after.door.release()
        if isinstance(asking.answer, HubError):
            raise asking.answer
        return asking.answer

    def waiting(self, sku: str) -> int:
        """Give how many wait in this process to be booked with the next group."""
        line = self._lines.get(sku)
        return len(line.waiting) if line else 0

    def _open(self, wish: HotWish) -> _Line:
        with self._database.transaction() as session:
            sale = find_sale(session, wish.sku, self._now())
        if sale is None or sale.brand != wish.brand:
            raise NotFound(f"{wish.brand} has no SKU {wish.sku} in a flash sale", code="not_hot", field="sku")
        return self._lines.setdefault(wish.sku, _Line(sale))

    def _join(self, line: _Line, wish: HotWish) -> _Asking:
        with line.moved:
            place = len(line.waiting)
            if place >= line.sale.queue_limit:
                raise TryLater(f"{place} others wait", code="hot_queue", after_s=round(place / line.per_s + 0.05, 1))
            asking = _Asking(wish, leads=not line.led)
            line.led = True
            line.waiting.append(asking)
            if place + 1 >= line.usual:
                line.moved.notify()
        return asking

    def _lead(self, line: _Line) -> None:
        """Book the first of the line, the leader among them, and have the next one lead."""
        with line.moved:
            line.moved.wait_for(lambda: len(line.waiting) >= line.usual, LINGER_S)
            group = [line.waiting.popleft() for _ in range(min(GROUP, len(line.waiting)))]
        answers: Sequence[Held | HubError] = [LOST] * len(group)
        began = self._elapsed()
        try:
            answers = self._answer(line, [one.wish for one in group])
        finally:  # whatever went wrong is the leader's to raise; nobody else may wait for ever
            with line.moved:
                line.usual = len(group)
                line.per_s = max(1.0, len(group) / max(0.001, self._elapsed() - began))
                for one, answer in zip(group, answers, strict=True):
                    one.answer, one.leads = answer, False
                others = group[1:]  # the first is who leads
                for one, after in zip(others, others[STRANDS:], strict=False):
                    one.after = after
                line.led = bool(line.waiting)
                if line.waiting:
                    line.waiting[0].leads = True
                    line.waiting[0].door.release()
            for one in others[:STRANDS]:
                one.door.release()

    def _answer(self, line: _Line, wishes: Sequence[HotWish]) -> Sequence[Held | HubError]:
        if self._elapsed() < line.out_until:
            with self._database.transaction() as session:
                before = recall(session, wishes)
            if any(before):
                self._database.persist()  # another process may have committed it a moment ago
            return [known or sold_out(wish.sku) for known, wish in zip(before, wishes, strict=True)]
        booked = self._book(wishes, line.sale)
        if booked is None:
            return [BUSY] * len(wishes)
        if isinstance(booked, HubError):
            return [booked] * len(wishes)
        line.sale = booked.sale
        if booked.left == 0:
            line.out_until = self._elapsed() + RECHECK_S
        return booked.answers

    def _book(self, wishes: Sequence[HotWish], sale: Sale) -> Booked | HubError | None:
        for _ in range(TRIES):
            try:
                return self._book_once(wishes, sale)
            except (Shortage, IntegrityError):
                continue  # an order took pieces, or the same ref came as a plain cart: the next look sees it
            except HubError as error:
                return error
        return None

    def _book_once(self, wishes: Sequence[HotWish], sale: Sale) -> Booked:
        """Book in a transaction that holds its counters only until it commits: groups of other processes wait for them.

        Nobody is answered before it is on disk.
        """
        with self._database.transaction() as session:
            booked = book(session, wishes[0].sku, wishes, self._now(), sale)
        self._database.persist()
        return booked
