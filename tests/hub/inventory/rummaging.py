"""One process of a mixed race: its threads hold, pay, let go, count, correct and sell the same goods, by chance."""

import os
import random
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Final

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.database import Database
from hub.errors import HubError
from hub.inventory.adjust import adjust
from hub.inventory.count import take_report
from hub.inventory.hot import HotWish, Interfered, book
from hub.inventory.ledger import Shortage, StockKey
from hub.inventory.reserve import Claim, consume, release, reserve
from hub.inventory.soft import Wish, expire_due, hold, release_held, take_held
from tests.conftest import RING
from tests.hub.inventory.counting import report
from tests.hub.inventory.racing import SKUS, TTL
from tests.hub.making import AT, BRAND, OWNER

ACTS: Final = 20
ALLOWED: Final = frozenset({"no_stock", "unknown_reservation", "reservation_over", "reservation_conflict"})


def rummage(url: str, process: int, threads: int, dies_at: int = 0) -> Sequence[str]:
    """Act with some threads on a database of its own connections; give what went wrong.

    With `dies_at` the process is killed in that act of its first thread, between reserving and the commit.
    """
    database = Database(url, RING, connections=threads)
    try:
        with ThreadPoolExecutor(threads) as pool:
            racers = [_Racer(database, f"{process}-{no}", 0 if no else dies_at) for no in range(threads)]
            return [one for wrong in pool.map(_Racer.run, racers) for one in wrong]
    finally:
        database.close()


class _Racer:
    """One thread: what it holds and what its orders were promised."""

    def __init__(self, database: Database, name: str, dies_at: int) -> None:
        self._database = database
        self._name = name
        self._dies_at = dies_at
        self._chance = random.Random(name)  # noqa: S311 # a race, not a secret
        self._number = 0
        self._refs = count()
        self._carts: list[tuple[str, Sequence[Claim]]] = []
        self._promised: list[Claim] = []

    def run(self) -> list[str]:
        acts = (self._hold, self._hold, self._pay, self._pay, self._let_go, self._expire, self._reserve, self._end)
        acts += (self._count, self._correct, self._sell)
        return [wrong for _ in range(ACTS) if (wrong := self._try(self._chance.choice(acts)))]

    def _try(self, act: Callable[[Session], Callable[[], object]]) -> str:
        """Do an act; remember what came of it once it is committed, and give what failed otherwise than it may."""
        self._number += 1
        try:
            with self._database.transaction() as session:
                if self._number == self._dies_at:
                    self._die_reserving(session)
                remember = act(session)
        except (Shortage, Interfered):
            return ""
        except HubError as error:
            return "" if error.code in ALLOWED else error.code
        except OperationalError as error:
            return type(error.orig).__name__
        remember()
        return ""

    def _hold(self, session: Session) -> Callable[[], object]:
        ref = self._ref() if self._chance.random() < 0.7 else f"shared-{self._chance.randrange(6)}"
        wishes = [Wish(sku, self._chance.randint(1, 3)) for sku in self._some_skus()]
        held = hold(session, BRAND, "pc", ref, wishes, TTL, AT)
        return lambda: self._carts.append((ref, held.claims))

    def _pay(self, session: Session) -> Callable[[], object]:
        if not self._carts:
            return self._hold(session)
        ref, claims = self._carts.pop()
        mine = [Claim(f"pay:{self._ref()}", one.key, one.quantity) for one in claims]
        reserve(session, mine, AT, along=take_held(session, {self._number: ("pc", ref)}, AT))
        return lambda: self._promised.extend(mine)

    def _let_go(self, session: Session) -> Callable[[], object]:
        own = self._carts.pop()[0] if self._carts else f"shared-{self._chance.randrange(6)}"
        release_held(session, "pc", own, AT)
        return _nothing

    def _expire(self, session: Session) -> Callable[[], object]:
        expire_due(session, AT + TTL, limit=2)
        return _nothing

    def _reserve(self, session: Session) -> Callable[[], object]:
        keys = [StockKey(place, sku, OWNER) for place in ("sh", "bj") for sku in self._some_skus()]
        self._chance.shuffle(keys)
        claims = [Claim(f"line:{self._ref()}:{no}", key, 1) for no, key in enumerate(keys)]
        reserve(session, claims, AT)
        return lambda: self._promised.extend(claims)

    def _end(self, session: Session) -> Callable[[], object]:
        ended, self._promised = self._promised[:2], self._promised[2:]
        self._chance.choice([consume, release])(session, ended, AT)
        return _nothing

    def _count(self, session: Session) -> Callable[[], object]:
        pieces = {sku: self._chance.randint(0, 12) for sku in self._some_skus()}
        at = AT + timedelta(seconds=self._number)
        take_report(session, "wms-sh", report(pieces, self._ref(), at), AT)
        return _nothing

    def _correct(self, session: Session) -> Callable[[], object]:
        key = StockKey(self._chance.choice(["sh", "bj"]), self._chance.choice(SKUS), OWNER)
        adjust(session, "op", BRAND, key, self._chance.choice([-2, -1, 3, 6]), "found", self._ref(), AT)
        return _nothing

    def _sell(self, session: Session) -> Callable[[], object]:
        group = [HotWish(BRAND, "pc", self._ref(), f"buyer-{self._chance.randrange(9)}", SKUS[0]) for _ in range(4)]
        book(session, SKUS[0], group, AT)
        return _nothing

    def _die_reserving(self, session: Session) -> None:
        key = StockKey("sh", SKUS[0], OWNER)
        adjust(session, "op", BRAND, key, 99, "found", self._ref(), AT)  # more than a count can have left short
        reserve(session, [Claim(self._ref(), key, 1)], AT)
        os.kill(os.getpid(), signal.SIGKILL)

    def _some_skus(self) -> list[str]:
        return self._chance.sample(SKUS, self._chance.randint(1, len(SKUS)))

    def _ref(self) -> str:
        return f"{self._name}:{next(self._refs)}"


def _nothing() -> None:
    """Remember nothing."""
