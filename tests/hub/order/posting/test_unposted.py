from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.audience import set_audience
from hub.database import row, run
from hub.inventory.condition import Condition
from hub.inventory.counted import CountReport, ReportLine
from hub.order.posting.sale import mark_issued, mark_sold
from hub.order.posting.unposted import left_unposted, without
from hub.order.ship.progress import record_confirm
from tests.hub.making import AT, BRAND, confirm, order, placed, stock

LATER = AT + timedelta(hours=1)


@pytest.fixture(autouse=True)
def erp(session: Session) -> None:
    set_audience(session, {(BRAND, "erp"): "sap"})
    stock(session, {"sh": {"apple": 9, "pear": 9}})


def ship(session: Session, pieces: int, number: str = "T1", *, final: bool = True) -> int:
    order_id = placed(session, order({"apple": 3}, number))
    record_confirm(session, confirm(order_id, 1, {"apple": pieces}, f"c-{number}", final=final), AT)
    return order_id


def left(session: Session, counted_at: datetime = LATER, **where: str) -> Mapping[str, int]:
    place = {"connection": "sap", "location": "sh", **where}
    return left_unposted(session, place["connection"], place["location"], counted_at)


def test_what_has_not_shipped_has_not_left(session: Session) -> None:
    placed(session, order({"apple": 3}))
    assert left(session) == {}


@pytest.mark.parametrize("final", [True, False])
def test_what_left_is_not_posted_until_its_goods_issue_is_booked(session: Session, *, final: bool) -> None:
    ship(session, 2, final=final)
    ship(session, 3, "T2")
    assert left(session) == {"apple": 5}


def test_a_booked_goods_issue_is_posted_for_counts_that_come_after_it(session: Session) -> None:
    order_id = ship(session, 3)
    mark_sold(session, order_id, 1, "4711", AT)
    mark_issued(session, order_id, 1, "80000001", LATER)
    counted = [LATER - timedelta(minutes=1), LATER, LATER + timedelta(minutes=1)]
    assert [left(session, at) for at in counted] == [{"apple": 3}, {"apple": 3}, {}]


def test_a_goods_issue_that_was_given_up_is_not_waited_for(session: Session) -> None:
    ship(session, 3)
    run(session, "update step set state = 'cancelled' where flow = 'post_goods_issue'")
    assert left(session) == {}


def test_a_dead_goods_issue_is_not_posted(session: Session) -> None:
    ship(session, 3)
    run(session, "update step set state = 'dead' where flow = 'post_sale'")
    assert left(session) == {"apple": 3}


@pytest.mark.parametrize("final", [True, False])
def test_another_location_and_another_erp_have_nothing_to_do_with_it(session: Session, *, final: bool) -> None:
    ship(session, 2, final=final)
    assert (left(session, location="bj"), left(session, connection="sap-2")) == ({}, {})


def test_good_pieces_are_counted_less_what_has_left_and_never_below_none(session: Session) -> None:
    ship(session, 3)
    counts = [("apple", 8), ("apple", 2), ("apple", -1), ("pear", 5)]
    lines = [ReportLine(no=no, sku=sku, kind="count", pieces=n) for no, (sku, n) in enumerate(counts, 1)]
    bad = ReportLine(no=9, sku="apple", kind="count", pieces=4, condition=Condition.DAMAGED)
    report = CountReport(report="R1", location="sh", counted_at=LATER, lines=(*lines, bad))
    told = without(report, left(session))
    assert [line.pieces for line in told.lines] == [5, 0, -1, 5, 4]
    assert told.model_copy(update={"lines": report.lines}) == report


def test_what_cannot_be_counted_stays_as_it_is(session: Session) -> None:
    ship(session, 3)
    line = ReportLine(no=1, sku="apple", kind="count", pieces=8, fault="in kilograms")
    report = CountReport(report="R1", location="sh", counted_at=LATER, lines=(line,))
    assert without(report, left(session)) == report


def test_looking_changes_nothing(session: Session) -> None:
    ship(session, 3)
    left(session)
    found = row(session, "select count(*) as n from posting where issue_at is null")
    assert found is not None
    assert found.n == 1
