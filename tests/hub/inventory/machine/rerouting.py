"""A machine of real orders whose locations count too few pieces: what is short finds another source, or a person."""

from datetime import datetime, timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy.orm import Session

from commands.conservation import RULES
from hub.database import KEYRING, Database, rows, run
from hub.fulfilment.release import mark_submitted
from hub.inventory.count import take_report
from hub.inventory.counted import CountReport, ReportLine
from hub.inventory.ledger import StockKey
from hub.inventory.level import receive
from hub.inventory.quota import Quota, set_quota
from hub.inventory.reconcile import check_books
from hub.inventory.reservation_table import QuotaMode
from hub.order.change.cancel import cancel
from hub.order.relocate import relocate
from tests.conftest import RING
from tests.hub.making import AT, BRAND, OWNER, order, placed, stock
from tests.hub.order.change.change_machine import with_gift
from tests.hub.order.change.mistold import mistold

PLACES: Final = ("bj", "gz", "sh")
SKUS: Final = ("apple", "pear")
TRIES: Final = 20

MOVABLE: Final = """
    select f.code from stock_level level
    join fulfilment_order f on (f.location, f.owner) = (level.location, level.owner)
    join fulfilment_line line on (line.order_id, line.no, line.sku) = (f.order_id, f.no, level.sku)
    where level.short > 0 and f.negotiation = 'unsubmitted' and f.execution not in ('closed', 'incomplete', 'cancelled')
      and line.quantity > line.shipped + line.released"""
"""Fulfilment orders that need what was not found, and that their location has not heard of."""

UNEXPLAINED: Final = """
    select id from sales_order o where lifecycle <> 'cancelled' and exists (
        select 1 from order_line where order_id = o.id and allocated + cancelled < ordered)
    and not exists (select 1 from order_hold where order_id = o.id and type = 'stock' and released_at is null)"""
"""Orders that want pieces which have no source, and wait for no stock; what is cancelled is wanted no more."""

UNCALLED: Final = """
    select location from stock_level level where short > 0 and not exists (
        select from case_file where cause = 'stock_short' and state = 'open'
            and subject = 'stock:' || level.sku || ' at ' || level.location)"""


class Rerouting(RuleBasedStateMachine):
    """Orders are placed and cancelled, some are sent to their location, and whatever is short is sourced again."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.now = AT
        self.number = 0
        self.orders: list[int] = []
        self.session = Session(self.database.engine, expire_on_commit=False, info={KEYRING: RING})

    @initialize(pieces=st.integers(2, 9))
    def fill(self, pieces: int) -> None:
        stock(self.session, {place: dict.fromkeys(SKUS, pieces) for place in PLACES}, "ASN-0")
        for place in ("", *PLACES):
            quota = Quota(sku=SKUS[0], shop="pc", location=place, mode=QuotaMode.CAP, amount=1)
            set_quota(self.session, "chief", BRAND, quota, AT - timedelta(days=1))

    @rule(pieces=st.dictionaries(st.sampled_from(SKUS), st.integers(1, 3), min_size=1), gift=st.booleans())
    def place(self, pieces: dict[str, int], gift: bool) -> None:  # noqa: FBT001 # hypothesis calls it by name
        one = order(pieces, self._ref("T"))
        self.orders.append(placed(self.session, with_gift(one) if gift else one))

    @precondition(lambda self: self.orders)
    @rule(choice=st.integers(0))
    def cancel(self, choice: int) -> None:
        cancel(self.session, self.orders[choice % len(self.orders)], "operator-1", "changed mind", self._tick())

    @precondition(lambda self: self.orders)
    @rule(choice=st.integers(0))
    def submit(self, choice: int) -> None:
        """A location takes what it was sent: it stays there whatever is counted."""
        found = rows(
            self.session,
            """select order_id, no, code, connection from fulfilment_order
               where order_id = :id and negotiation = 'unsubmitted'
                 and execution not in ('closed', 'incomplete', 'cancelled')""",
            id=self.orders[choice % len(self.orders)],
        )
        for one in found:
            run(
                self.session,
                """update step set state = 'done', attempts = 1, settled_at = :at
                   where flow = 'release_fulfilment' and lane = :lane""",
                at=self._tick(),
                lane=f"fo:{one.code}:{one.connection}",
            )
            mark_submitted(self.session, one.order_id, one.no, "W1", self.now)

    @rule(place=st.sampled_from(PLACES), sku=st.sampled_from(SKUS), pieces=st.integers(1, 6))
    def receive(self, place: str, sku: str, pieces: int) -> None:
        receive(self.session, BRAND, [(StockKey(place, sku, OWNER), pieces)], self._ref("ASN"), self._tick())

    @rule(place=st.sampled_from(PLACES), counted=st.dictionaries(st.sampled_from(SKUS), st.integers(0, 8), min_size=1))
    def count(self, place: str, counted: dict[str, int]) -> None:
        lines = [ReportLine(no=no, sku=sku, kind="count", pieces=n) for no, (sku, n) in enumerate(counted.items(), 1)]
        at = self._tick()
        report = CountReport(report=self._ref("R"), location=place, counted_at=at, lines=tuple(lines))
        take_report(self.session, f"wms-{place}", report, at)

    @rule()
    def relocate(self) -> None:
        """All that can be moved is moved, after which nothing is left to do, and each case stands for a lack."""
        moves = [relocate(self.session, self._tick()) for _ in range(TRIES)]
        assert moves[-1] == 0, "orders are moved for ever"
        assert rows(self.session, MOVABLE) == []
        called = rows(self.session, "select 1 from case_file where cause = 'stock_short' and state = 'open'")
        assert len(called) == len(rows(self.session, "select 1 from stock_level where short > 0"))

    @invariant()
    def no_piece_is_lost_or_promised_twice(self) -> None:
        assert check_books(self.session) == []
        assert [name for name, query in RULES.items() if rows(self.session, query)] == []
        assert rows(self.session, UNEXPLAINED) == []
        assert mistold(self.session) == []
        assert rows(self.session, UNCALLED) == []

    def teardown(self) -> None:
        self.session.close()

    def _ref(self, kind: str) -> str:
        self.number += 1
        return f"{kind}-{self.number}"

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now
