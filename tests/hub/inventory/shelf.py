"""The whole stock machine: carts, sales, quotas and orders, warehouses that count, and lots that are blocked."""

from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy.orm import Session

from hub.inventory.count import take_report
from hub.inventory.ledger import StockKey
from hub.inventory.lot_block import LotName, block_lot, make_room, unblock_lot
from tests.hub.inventory.cutting import Cut
from tests.hub.inventory.machine import blocked
from tests.hub.inventory.machine.books import PLACES, SKUS
from tests.hub.inventory.machine.ground import CUT, KEY
from tests.hub.inventory.machine.said import DAYS, Line, Report, Told, take
from tests.hub.inventory.machine.trade import CHOICE, Orders
from tests.hub.making import BRAND

LINE: Final = st.one_of(
    st.builds(Line, st.sampled_from(SKUS), st.just("count"), st.integers(0, 12), st.booleans()),
    st.builds(Line, st.sampled_from(SKUS), st.just("change"), st.integers(-8, 8), st.booleans()),
)
PAGE: Final = st.lists(LINE, min_size=1, max_size=2, unique_by=lambda line: line.sku)


class Shelf(Orders):
    """Acts on four counters; reports are written once, and their pages come in any order and more than once."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[Report, int]] = []

    @rule(
        place=st.sampled_from(PLACES),
        minutes_ago=st.integers(0, 20),
        pages=st.lists(PAGE, min_size=1, max_size=2),
        full=st.booleans(),
        cut=CUT,
    )
    def count(self, place: str, minutes_ago: int, pages: list[list[Line]], full: bool, cut: Cut) -> None:  # noqa: FBT001 # hypothesis passes it by name
        """A warehouse counts, and its first page comes."""
        report = Report(self.ref("R"), place, self.now - timedelta(minutes=minutes_ago), pages, full)
        self.written += [(report, page) for page in range(1, len(pages) + 1)]
        self._send(report, 1, cut)

    @precondition(lambda self: any(one.lots for one in self.books.piles.values()))
    @rule(key=KEY, lot=st.sampled_from(sorted(DAYS)), cut=CUT)
    def block(self, key: StockKey, lot: str, cut: Cut) -> None:
        name = LotName(sku=key.sku, lot=lot, location=key.location)
        self.act(
            lambda session: block_lot(session, "chief", BRAND, name, "mould", self.now),
            lambda books: blocked.block(books, key, lot, self.now.date()),
            cut,
        )

    @precondition(lambda self: any(one.blocked for one in self.books.piles.values()))
    @rule(choice=CHOICE, cut=CUT)
    def unblock(self, choice: int, cut: Cut) -> None:
        found = [(key, lot) for key, one in sorted(self.books.piles.items()) for lot in sorted(one.blocked)]
        key, lot = found[choice % len(found)]
        name = LotName(sku=key.sku, lot=lot, location=key.location)
        self.act(
            lambda session: unblock_lot(session, "chief", BRAND, name, "sieved", self.now).pieces,
            lambda books: blocked.unblock(books, key, lot),
            cut,
        )

    @precondition(lambda self: any(one.blocked for one in self.books.piles.values()))
    @rule(cut=CUT)
    def look_what_is_blocked(self, cut: Cut) -> None:
        self.act(
            lambda session: make_room(session, self.now),
            lambda books: blocked.look_again(books, self.now.date()),
            cut,
        )

    @precondition(lambda self: self.written)
    @rule(choice=CHOICE, cut=CUT)
    def send_page(self, choice: int, cut: Cut) -> None:
        report, page = self.written[choice % len(self.written)]
        self._send(report, page, cut)

    def _send(self, report: Report, page: int, cut: Cut) -> None:
        self.act(lambda session: self._told(session, report, page), lambda books: take(books, report, page), cut)

    def _told(self, session: Session, report: Report, page: int) -> Told:
        told = take_report(session, f"wms-{report.location}", report.sent(page), self.now)
        return Told(told.taken, told.outdated, told.repeated, len(told.refused), told.short)
