"""The ground of the stock machine: an act is done on the database and on the books, and both are held together.

A connection may be killed under any act. The machine then knows no more than the hub's caller: it reads, and what it
finds must be all of the act or nothing of it; who asks again gets the answer that the books expect.
"""

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.database import Database, run
from hub.errors import HubError
from hub.inventory.adjust import adjust, set_safety
from hub.inventory.ledger import StockKey
from hub.inventory.level import receive
from hub.inventory.promise import promise
from hub.inventory.reconcile import PROMISED, QUOTAS, check_books
from tests.hub.inventory.cutting import Cut, Moment, lose
from tests.hub.inventory.machine.books import KEYS, PARTS, PLACES, SHOPS, SKUS, Books, Move, Pile
from tests.hub.inventory.machine.reading import read, shown
from tests.hub.making import AT, BRAND, add_sku, forge, stock

TABLES: Final = (
    *("stock_movement", "stock_movement_key", "stock_lot", "stock_level", "reservation_line", "reservation"),
    *("hot_buyer", "hot_sku", "channel_quota", "stock_count", "stock_report", "stock_watermark", "case_file"),
    *("bundle_part", "lot_block"),
)
CLEAR: Final = f"do $$ begin {' '.join(f'delete from {table};' for table in TABLES)} end $$"
PIECES: Final = st.integers(1, 6)
KEY: Final = st.sampled_from(KEYS)
CUT: Final = st.one_of(
    st.just(Cut()),
    st.just(Cut()),
    st.just(Cut()),
    st.builds(
        Cut,
        st.sampled_from([Moment.IN_THE_MIDDLE, Moment.BEFORE_COMMIT, Moment.AFTER_COMMIT]),
        st.integers(1, 8),
        st.booleans(),
    ),
)

ALLOW: Final = """
    update stock_level set backorder_limit = :limit,
        short = greatest(0, least(short, allocated + soft - on_hand - :limit))
    where (location, sku, owner, condition) = (:location, :sku, :owner, :condition)"""


class Ground(RuleBasedStateMachine):
    """The database, the books, and the acts on single counters."""

    database: Database
    now: datetime
    number: int
    books: Books
    cuts = True

    def __init__(self) -> None:
        super().__init__()
        self.now = AT
        self.number = 0
        self.books = Books()

    @initialize(pieces=st.integers(3, 12))
    def fill(self, pieces: int) -> None:
        with self.database.transaction() as session:
            forge(session, CLEAR)
            stock(session, {place: dict.fromkeys(SKUS, pieces) for place in PLACES}, "ASN-0")
            for bundle, parts in PARTS.items():
                add_sku(session, bundle, parts=parts)
        self.books = Books({key: Pile(pieces) for key in KEYS})

    @rule(key=KEY, pieces=PIECES, cut=CUT)
    def receive(self, key: StockKey, pieces: int, cut: Cut) -> None:
        ref = self.ref("ASN")
        self.act(
            lambda session: receive(session, BRAND, [(key, pieces)], ref, self.now) or "done",
            lambda books: books.book(("receive", ref), [Move(key, pieces)]),
            cut,
        )

    @rule(key=KEY, delta=st.integers(-5, 5).filter(bool), cut=CUT)
    def adjust(self, key: StockKey, delta: int, cut: Cut) -> None:
        ref = self.ref("doc")
        self.act(
            lambda session: adjust(session, "op", BRAND, key, delta, "盘点", ref, self.now) or "done",
            lambda books: books.book(("adjust", ref), [Move(key, delta)]),
            cut,
        )

    @rule(key=KEY, limit=st.integers(0, 5), cut=CUT)
    def allow_back_orders(self, key: StockKey, limit: int, cut: Cut) -> None:
        self.act(
            lambda session: run(session, ALLOW, limit=limit, **key._asdict()) and "done",
            lambda books: books.allow(key, limit),
            cut,
        )

    @precondition(lambda self: self.number % 4 == 0)
    @rule(key=KEY, pieces=st.integers(0, 4))
    def keep_back(self, key: StockKey, pieces: int) -> None:
        def keep(books: Books) -> str:
            books.piles[key].safety = pieces
            return "done"

        self.act(lambda session: set_safety(session, "op", BRAND, key, pieces, self.now) or "done", keep)

    @invariant()
    def database_and_books_agree_and_nothing_is_oversold(self) -> None:
        shop = ("", *SHOPS)[self.number % (1 + len(SHOPS))]
        with self.database.transaction() as session:
            assert read(session) == shown(self.books)
            assert check_books(session, besides={PROMISED, QUOTAS}) == []
            offered = promise(session, BRAND, shop, [*SKUS, *PARTS], self.now)
        today = self.now.date()
        assert {sku: one.free for sku, one in offered.items()} == {
            sku: self.books.on_offer(sku, shop, today) for sku in (*SKUS, *PARTS)
        }
        for sku in SKUS:
            piles = [pile for key, pile in self.books.piles.items() if key.sku == sku]
            there = sum(max(0, pile.on_hand + pile.limit - pile.promised) for pile in piles)
            assert 0 <= offered[sku].free <= there
            assert all(pile.on_hand >= pile.promised for pile in piles if not pile.limit and not pile.short)

    def act(
        self,
        do: Callable[[Session], object],
        believe: Callable[[Books], object],
        cut: Cut = Cut(),  # noqa: B008 # frozen
    ) -> object:
        """Do an act on the database and on the books, and give the answer of both; "lost" if nobody was answered."""
        after = deepcopy(self.books)
        expected = believe(after)
        if self.cuts and cut.moment is not Moment.NEVER:
            lose(self.database, do, cut)
            with self.database.transaction() as session:
                found = read(session)
            assert found in (shown(self.books), shown(after)), "half of an act was done"
            if found == shown(after):
                self.books = after
            # Whoever was cut off after the commit asks again: chance must not decide how the example goes on.
            return self.act(do, believe) if cut.again or cut.moment is Moment.AFTER_COMMIT else "lost"
        assert self._answer(do) == expected
        self.books = after
        return expected

    def ref(self, kind: str) -> str:
        self.number += 1
        return f"{kind}-{self.number}"

    def _answer(self, do: Callable[[Session], object]) -> object:
        """Give what the hub says: a value, or the code of its refusal."""
        try:
            with self.database.transaction() as session:
                return do(session)
        except HubError as error:
            return error.code
        except IntegrityError:
            return "refused"
