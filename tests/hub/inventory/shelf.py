"""The whole stock machine: carts, sales, quotas and orders, and warehouses that count what is there."""

from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy.orm import Session

from hub.inventory.count import take_report
from tests.hub.inventory.cutting import Cut
from tests.hub.inventory.machine.books import PLACES, SKUS
from tests.hub.inventory.machine.ground import CUT
from tests.hub.inventory.machine.said import Line, Report, Told, take
from tests.hub.inventory.machine.trade import CHOICE, Orders

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
