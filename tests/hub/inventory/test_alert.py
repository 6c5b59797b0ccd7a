from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from hub.database import rows, run
from hub.errors import Malformed, NotFound, Unauthorised
from hub.inventory.alarm import add_alarm_step, book_alarms, read_alarms
from hub.inventory.alert import Standing, findings, raise_alerts
from hub.inventory.alert_rule import RuleView, drop_rule, list_alerts, list_rules, set_rule
from hub.inventory.alert_table import AlertState
from hub.inventory.cover import Pace, paces
from hub.roles import SYSTEM, Actor, Role
from hub.stock_told import Stock
from tests.hub.inventory.shops import move
from tests.hub.inventory.test_free import expire
from tests.hub.making import AT, BRAND, add_sku, stock

CLEAR = 120
UNTOLD, TOLD = Stock(clear_percent=CLEAR), Stock(clear_percent=CLEAR, alert_connection="desk")
DESK = TOLD.heard_by("desk")


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 10, "pear": 3}, "bj": {"apple": 10}})


def rule(
    session: Session, at: datetime, sku: str = "apple", location: str = "sh", brand: str = BRAND, **below: int
) -> None:
    values = {"below_pieces": 0, "below_days": 0, **below}
    set_rule(session, SYSTEM, RuleView(brand, sku, location, **values), at)


def other_brand(session: Session) -> None:
    """Let another brand have plums, fewer than it wishes."""
    stock(session, {"gz": {"plum": 2}}, "ASN-2")
    for table, name in (("sku", "code"), ("stock_level", "sku"), ("location", "code")):
        run(session, f"update {table} set brand = 'other' where {name} = any(array['plum', 'gz'])")
    rule(session, AT, "plum", "", "other", below_pieces=5)


def sold(session: Session, at: datetime, pieces: Mapping[int, int], sku: str = "apple", location: str = "sh") -> None:
    """Write sales by how many days ago they were."""
    for days, number in pieces.items():
        run(
            session,
            "insert into stock_sale (sku, location, day, pieces) values (:sku, :location, :day, :pieces)",
            sku=sku,
            location=location,
            day=at - timedelta(days=days, hours=1),
            pieces=number,
        )


def alert(session: Session, at: datetime, *skus: str, told: bool = False) -> tuple[int, int]:
    return raise_alerts(session, skus or ("apple", "pear"), TOLD if told else UNTOLD, at)


def open_alerts(session: Session) -> list[tuple[str, str, str]]:
    return [(one.sku, one.location, one.kind) for one in reversed(list_alerts(session, SYSTEM))]


@given(st.integers(-10, 300), st.integers(0, 100), st.integers(0, 100), st.integers(0, 30), st.integers(0, 50))
def test_nothing_is_short_and_over_at_once(free: int, safety: int, below: int, days: int, pace: int) -> None:
    standing = Standing(BRAND, "apple", "sh", free, safety, Pace(Decimal(pace)), below, days)
    assert not any(one.short and one.over for one in findings(standing, CLEAR))


def test_an_alert_opens_once_and_closes_when_it_is_clearly_over(session: Session, at: datetime) -> None:
    rule(session, at, below_pieces=10)
    move(session, "apple", -1, "a")
    assert (alert(session, at), alert(session, at)) == ((1, 0), (0, 0))
    move(session, "apple", 2, "b")  # eleven pieces: above the threshold, and not clearly
    assert alert(session, at) == (0, 0)
    move(session, "apple", 1, "c")
    assert alert(session, at) == (0, 1)


def test_what_is_out_is_told_as_out(session: Session, at: datetime) -> None:
    rule(session, at, below_pieces=5)
    move(session, "apple", -10, "a")
    alert(session, at)
    assert open_alerts(session) == [("apple", "sh", "stock_out")]


def test_goods_of_which_every_lot_has_expired_are_out(session: Session, at: datetime) -> None:
    rule(session, at, below_pieces=5)
    expire(session, "sh", 10)
    alert(session, at)
    assert open_alerts(session) == [("apple", "sh", "stock_out")]


def test_a_safety_stock_is_watched_without_a_rule(session: Session, at: datetime) -> None:
    run(session, "update stock_level set safety = 4 where sku = 'pear'")
    alert(session, at)
    assert open_alerts(session) == [("pear", "sh", "low_pieces")]


def test_a_rule_of_all_locations_watches_their_sum(session: Session, at: datetime) -> None:
    rule(session, at, location="", below_pieces=20)
    assert alert(session, at) == (0, 0)
    move(session, "apple", -1, "a", location="bj")
    alert(session, at)
    assert open_alerts(session) == [("apple", "", "low_pieces")]


@pytest.mark.parametrize("sku", ["apple", ""])
def test_a_sku_whose_locations_were_all_closed_is_out(session: Session, at: datetime, sku: str) -> None:
    stock(session, {"sh": {"old": 0}}, "ASN-2")
    rule(session, at, sku, "", below_pieces=5)
    run(session, "update location set active = false")
    assert (alert(session, at, "apple", "old"), open_alerts(session)) == ((1, 0), [("apple", "", "stock_out")])
    run(session, "update stock_level set on_hand = 0")
    assert alert(session, at, "apple", "old") == (0, 0)
    run(session, "update location set active = true where code = 'bj'")
    run(session, "update stock_level set on_hand = 10 where location = 'bj'")
    assert alert(session, at, "apple") == (0, 1)


@pytest.mark.parametrize("location", ["", "bj"])
def test_what_a_threshold_names_and_nobody_has_counted_is_out(session: Session, at: datetime, location: str) -> None:
    add_sku(session, "fig")
    rule(session, at, "fig", location, below_pieces=5)
    rule(session, at, "", location, below_pieces=5)  # of every SKU: those that have been there
    assert (alert(session, at, "fig"), open_alerts(session)) == ((1, 0), [("fig", location, "stock_out")])


def test_the_rule_of_a_sku_goes_before_the_brands(session: Session, at: datetime) -> None:
    rule(session, at, sku="", location="sh", below_pieces=50)
    rule(session, at, sku="apple", location="sh", below_pieces=5)
    alert(session, at)
    assert open_alerts(session) == [("pear", "sh", "low_pieces")]


def test_days_of_cover_follow_the_faster_of_week_and_month(session: Session, at: datetime) -> None:
    sold(session, at, {1: 14, 20: 14, 40: 999})
    assert paces(session, ["apple"], at)["apple", "sh"].pieces_per_day == 2
    rule(session, at, below_days=6)
    alert(session, at)
    (found,) = list_alerts(session, SYSTEM)
    assert (found.kind, found.cover_days, found.threshold) == ("low_cover", 5, 6)


def test_what_does_not_sell_lasts(session: Session, at: datetime) -> None:
    rule(session, at, below_days=365)
    assert alert(session, at) == (0, 0)


def test_an_alert_that_nobody_watches_any_more_is_closed(session: Session, at: datetime) -> None:
    rule(session, at, below_pieces=11)
    alert(session, at)
    assert drop_rule(session, SYSTEM, BRAND, "apple", "sh", at)
    assert (alert(session, at), list_rules(session, SYSTEM)) == ((0, 1), [])


def test_an_open_alert_shows_how_its_sku_stands_now(session: Session, at: datetime) -> None:
    rule(session, at, below_pieces=11)
    alert(session, at, told=True)
    book_alarms(session, read_alarms(session, DESK))
    move(session, "apple", -4, "a")
    sold(session, at, {1: 14})
    rule(session, at, below_pieces=20)
    assert alert(session, at, told=True) == (0, 0)
    (found,) = list_alerts(session, SYSTEM)
    assert (found.pieces, found.threshold, found.cover_days) == (6, 20, 3)
    assert read_alarms(session, DESK) == []


def test_an_alert_is_a_line_of_the_log(session: Session, at: datetime) -> None:
    rule(session, at, below_pieces=11)
    with capture_logs() as logs:
        alert(session, at)
    assert [(one["event"], one["sku"], one["pieces"]) for one in logs] == [("stock.alert", "apple", 10)]


def test_alerts_are_told_once_as_they_open_and_as_they_close(session: Session, at: datetime) -> None:
    rule(session, at, below_pieces=11)
    alert(session, at, told=True)
    assert [add_alarm_step(session, "desk", DESK, at) for _ in range(2)] == [True, False]
    opened = read_alarms(session, DESK)
    move(session, "apple", 10, "a")
    alert(session, at, told=True)
    book_alarms(session, opened)
    assert [(one.state, one.pieces) for one in (*opened, *read_alarms(session, DESK))] == [("open", 10), ("closed", 20)]
    book_alarms(session, read_alarms(session, DESK))
    assert read_alarms(session, DESK) == []


def test_alerts_are_listed_within_a_persons_brands(session: Session, at: datetime) -> None:
    rule(session, at, below_pieces=11)
    alert(session, at)
    stranger = Actor("somebody", frozenset({Role.OPERATOR}), frozenset({"other"}))
    assert (list_alerts(session, stranger), list_alerts(session, SYSTEM, AlertState.CLOSED)) == ([], [])
    with pytest.raises(Unauthorised):
        set_rule(session, stranger, RuleView(BRAND, "apple", "sh", 1, 1), at)


@pytest.mark.parametrize("pieces", [-1, 2**63])
def test_a_threshold_beyond_reason_is_refused(session: Session, at: datetime, pieces: int) -> None:
    with pytest.raises(Malformed):
        rule(session, at, below_pieces=pieces)
    assert rows(session, "select 1 from stock_rule") == []


@pytest.mark.parametrize(
    ("sku", "location"), [("aple", ""), ("basket", ""), ("voucher", ""), ("plum", ""), ("apple", "gz")]
)
def test_a_threshold_that_would_watch_nothing_is_refused(
    session: Session, at: datetime, sku: str, location: str
) -> None:
    other_brand(session)
    add_sku(session, "basket", parts={"apple": 2})
    add_sku(session, "voucher", storage="none")
    with pytest.raises(NotFound, match=f"no (SKU|location) {location or sku}"):
        rule(session, at, sku, location, below_pieces=5)


def test_a_brand_with_a_connection_of_its_own_is_told_there_and_all_others_where_they_were(
    session: Session, at: datetime
) -> None:
    other_brand(session)
    rule(session, at, below_pieces=11)
    own = Stock(alert_connection="desk", alert_connection_of={"other": "theirs"})
    assert raise_alerts(session, ["apple", "plum"], own, at) == (2, 0)
    told = own.told_of_alerts()
    assert all(add_alarm_step(session, name, listener, at) for name, listener in told.items())
    assert {name: [one.sku for one in read_alarms(session, listener)] for name, listener in told.items()} == {
        "desk": ["apple"],
        "theirs": ["plum"],
    }
    book_alarms(session, read_alarms(session, told["theirs"]))
    assert [len(read_alarms(session, one)) for one in (told["theirs"], told["desk"])] == [0, 1]


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (Stock(alert_connection="desk", alert_connection_of={"other": ""}), [("apple", "desk")]),
        (Stock(alert_connection_of={"other": "theirs"}), [("plum", "theirs")]),
        (Stock(alert_connection="desk", alert_connection_of={"other": "desk"}), [("apple", "desk"), ("plum", "desk")]),
        (Stock(), []),
    ],
)
def test_a_brand_may_be_the_only_one_that_is_told_or_the_only_one_that_is_not(
    session: Session, at: datetime, own: Stock, told: list[tuple[str, str]]
) -> None:
    other_brand(session)
    rule(session, at, below_pieces=11)
    raise_alerts(session, ["apple", "plum"], own, at)
    heard = own.told_of_alerts().items()
    assert [(alarm.sku, name) for name, listener in heard for alarm in read_alarms(session, listener)] == told
    assert len(rows(session, "select 1 from stock_alert where due")) == len(told)
