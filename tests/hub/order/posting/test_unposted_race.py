from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.audience import set_audience
from hub.database import Database, row
from hub.errors import TryLater
from hub.inventory.count import Counted, take_report
from hub.inventory.counted import CountReport, ReportLine
from hub.order.posting import unposted
from hub.order.ship.progress import record_confirm
from tests.hub.making import AT, BRAND, confirm, order, placed, stock

LINE = ReportLine(no=1, sku="apple", kind="count", pieces=9)
REPORT = CountReport(report="R1", location="sh", counted_at=AT, lines=(LINE,))


@pytest.fixture
def order_id(database: Database) -> int:
    with database.transaction() as session:
        set_audience(session, {(BRAND, "erp"): "sap"})
        stock(session, {"sh": {"apple": 9}})
        return placed(session, order({"apple": 3}))


def leaving(database: Database, order_id: int, pieces: int) -> object:
    """Let so many pieces leave, one whenever a count is about to be booked."""
    left = iter(range(pieces))

    def book(session: Session, connection: str, report: CountReport, at: datetime, *, counted_by: str) -> Counted:
        if (no := next(left, None)) is not None:
            with database.transaction() as other:
                record_confirm(other, confirm(order_id, 1, {"apple": 1}, f"c{no}", final=False), AT)
        return take_report(session, connection, report, at, counted_by=counted_by)

    return book


def test_goods_that_leave_while_a_count_is_booked_are_not_put_back(
    database: Database, order_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unposted, "take_report", leaving(database, order_id, 2))
    with database.transaction() as session:
        unposted.take_erp_report(session, "sap", "wms-sh", REPORT, AT + timedelta(hours=1))
        level = row(session, "select on_hand, allocated from stock_level where location = 'sh' and sku = 'apple'")
    assert level == (7, 1)


def test_a_count_of_what_never_stands_still_waits(
    database: Database, order_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unposted, "TRIES", 2)
    monkeypatch.setattr(unposted, "take_report", leaving(database, order_id, 3))
    with pytest.raises(TryLater), database.transaction() as session:
        unposted.take_erp_report(session, "sap", "wms-sh", REPORT, AT + timedelta(hours=1))
