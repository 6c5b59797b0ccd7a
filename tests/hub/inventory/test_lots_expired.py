from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import run
from hub.inventory.count import take_report
from hub.inventory.counted import CountReport, LotLine, ReportLine
from hub.inventory.ledger import StockKey
from hub.inventory.lot import Unsold, pick_lots, unsold_of
from hub.inventory.promise import promise
from tests.hub.inventory.counting import WMS
from tests.hub.making import AT, BRAND, OWNER, ZONE, order, place_all, stock

APPLE = StockKey("sh", "apple", OWNER)
TODAY = date(2026, 11, 11)
LOTS = {"good": (4, TODAY + timedelta(days=1)), "today": (2, TODAY), "old": (1, TODAY - timedelta(days=9))}


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    """Ten apples: four good, three that are too old today, and three that never are."""
    stock(session, {"sh": {"apple": 10}, "bj": {"apple": 1}})
    days: dict[str, tuple[int, date | None]] = {**LOTS, "never": (3, None)}
    parts = tuple(LotLine(lot=code, pieces=pieces, expires_on=day) for code, (pieces, day) in days.items())
    line = ReportLine(no=1, sku="apple", kind="count", pieces=10, lots=parts)
    take_report(session, WMS, CountReport(report="R1", location="sh", counted_at=AT, lines=(line,)), AT)


def free(session: Session, at: datetime = AT) -> int:
    return promise(session, BRAND, "pc", ["apple"], at)["apple"].by_location["sh"]


def test_pieces_that_expire_today_or_did_before_are_not_promised(session: Session) -> None:
    assert [free(session, AT + timedelta(days=days)) for days in (-20, -1, 0, 1, 400)] == [10, 9, 7, 3, 3]


def test_the_day_is_that_of_the_zone_of_the_moment(session: Session) -> None:
    evening = AT.replace(hour=17)  # of the 11th in London's zone; past one in the morning of the 12th in China
    assert (free(session, evening), free(session, evening.astimezone(ZONE))) == (7, 3)


def test_orders_are_taken_off_what_has_not_expired(session: Session) -> None:
    place_all(session, order({"apple": 5}))
    assert free(session) == 2


@pytest.mark.parametrize(("on_hand", "backorder", "expected"), [(2, 0, 0), (2, 5, 5), (3, 1, 1), (4, 0, 1)])
def test_expired_pieces_that_are_missing_already_are_not_taken_off_twice(
    session: Session, on_hand: int, backorder: int, expected: int
) -> None:
    statement = "update stock_level set on_hand = :on_hand, backorder_limit = :more where location = 'sh'"
    run(session, statement, on_hand=on_hand, more=backorder)
    assert free(session) == expected


def test_expired_pieces_are_told_of_counters_that_have_some(session: Session) -> None:
    keys = [APPLE, APPLE._replace(location="bj")]
    assert unsold_of(session, keys, AT) == {APPLE: Unsold(0, 3)}


@pytest.mark.parametrize(
    ("quantity", "picked"),
    [(0, []), (3, [("good", 3)]), (6, [("good", 4), ("never", 2)]), (50, [("good", 4), ("never", 3)])],
)
def test_what_expires_first_leaves_first_and_nothing_expired_does(
    session: Session, quantity: int, picked: list[tuple[str, int]]
) -> None:
    assert pick_lots(session, APPLE, quantity, AT) == picked


def test_a_counter_without_lots_has_none_to_pick(session: Session) -> None:
    assert pick_lots(session, APPLE._replace(location="bj"), 3, AT) == []
