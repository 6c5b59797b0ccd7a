"""A count that comes late has not seen what is younger: changes and our own confirms stand on top of it, by lot too."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inventory.count import Counted, take_report
from hub.inventory.ledger import drift
from hub.order.ship.progress import record_confirm
from tests.hub.inventory.counting import WMS, after, cases, level, report
from tests.hub.inventory.lotted import of, on_hand, tell
from tests.hub.making import confirm, order, placed, stock


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    """Put ten apples and two pears in Shanghai."""
    stock(session, {"sh": {"apple": 10, "pear": 2}})


def ship(session: Session, pieces: int, left: int | None, booked: int = 5, **lots: int) -> None:
    """Have apples leave by a confirm: by its location's word, if it says when, and by when it came."""
    order_id = placed(session, order({"apple": pieces}, f"T{booked}"))
    dated = None if left is None else after(left)
    told = confirm(order_id, 1, {}, f"c{booked}", lines=(of("apple", pieces, **lots),), confirmed_at=dated)
    record_confirm(session, told, after(booked))


def late(session: Session, pieces: int, counted: int = 2, **changes: Any) -> Counted:  # noqa: ANN401 # any field of a report
    return take_report(session, WMS, report({"apple": pieces}, "R1", after(counted), **changes), after(9))


def change(session: Session, pieces: int, said: int, heard: int | None = None) -> None:
    """Have the warehouse tell of a change, dated by its own clock and heard by ours."""
    told = report({"apple": pieces}, f"C{said}", after(said), kind="change")
    take_report(session, WMS, told, after(said if heard is None else heard))


@pytest.mark.parametrize("left", [5, None])
def test_what_left_after_a_count_is_not_put_back_by_it(session: Session, left: int | None) -> None:
    ship(session, 3, left)
    late(session, 10)
    assert (level(session, "apple"), drift(session), cases(session)) == ((7, 0, 0, 0), [], [])
    take_report(session, WMS, report({"apple": 7}, "R2", after(6)), after(9))  # which saw it
    assert level(session, "apple")[0] == 7


def test_what_left_before_a_count_is_in_it_whenever_its_confirm_came(session: Session) -> None:
    ship(session, 3, 1)
    late(session, 7)
    assert (level(session, "apple")[0], drift(session)) == (7, [])


def test_a_late_count_of_fewer_than_have_left_since_leaves_none(session: Session) -> None:
    ship(session, 3, 5)
    late(session, 2)
    assert (level(session, "apple")[0], drift(session), cases(session)) == (0, [], [])


def test_an_owner_s_number_has_what_left_taken_off_already(session: Session) -> None:
    ship(session, 3, 5)
    run(session, "update stock_level set authority = 'owner' where sku = 'apple'")
    late(session, 10)
    assert (level(session, "apple")[0], drift(session)) == (10, [])


def test_what_left_and_what_changed_since_both_stand_on_a_late_count(session: Session) -> None:
    ship(session, 3, 5)
    change(session, 4, 6)
    late(session, 9)
    assert (level(session, "apple")[0], drift(session)) == (10, [])


@pytest.mark.parametrize(("counted", "there"), [(0, 1), (2, 3), (9, 10)])
def test_what_left_of_goods_that_came_after_a_count_is_taken_off_as_well(
    session: Session, counted: int, there: int
) -> None:
    change(session, 5, 3)
    ship(session, 4, 5)
    late(session, counted)
    assert (level(session, "apple")[0], drift(session)) == (there, [])


def test_a_count_of_fewer_than_none_is_refused_whatever_came_since(session: Session) -> None:
    change(session, 5, 3)
    assert late(session, -3).refused == ("line 1 (apple): 15 on hand cannot become -3",)


@pytest.mark.parametrize(("clock", "there"), [("ours", 7), ("theirs", 4)])
def test_what_a_clock_ahead_of_ours_dated_was_seen_by_a_count_that_we_asked_for_later(
    session: Session, clock: str, there: int
) -> None:
    ship(session, 3, 6, 1)  # by the warehouse's clock at 6, and it was 1
    late(session, 7, 2, by_our_clock=clock == "ours")
    assert (level(session, "apple")[0], drift(session)) == (there, [])


@pytest.mark.parametrize(("clock", "there"), [("ours", 15), ("theirs", 20)])
def test_a_change_that_was_heard_before_we_asked_is_not_put_on_top(session: Session, clock: str, there: int) -> None:
    change(session, 5, 6, 1)
    late(session, 15, 2, by_our_clock=clock == "ours")
    assert (level(session, "apple")[0], drift(session)) == (there, [])


def test_what_left_elsewhere_or_of_other_goods_is_not_taken_off(session: Session) -> None:
    stock(session, {"bj": {"apple": 9}}, "ASN-2")
    ship(session, 3, 5)
    take_report(session, WMS, report({"pear": 2}, "R1", after(2)), after(9))
    elsewhere = report({"apple": 9}, "R1", after(2), location="bj")
    take_report(session, "wms-bj", elsewhere, after(9))
    assert (level(session, "pear")[0], level(session, "apple", "bj")[0]) == (2, 9)


def test_a_late_count_of_several_lots_has_what_changed_since_on_top_lot_by_lot(session: Session) -> None:
    tell(session, "count", {"A": 5, "B": 5})
    tell(session, "change", {"A": -2}, 5)
    tell(session, "change", {"B": 1, "C": 3}, 6)
    tell(session, "count", {"A": 6, "B": 7}, 2)
    assert (level(session, "apple")[0], on_hand(session)) == (15, {"A": 4, "B": 8, "C": 3})
    assert (drift(session), cases(session)) == ([], [])


def test_what_left_since_is_taken_off_the_lots_that_it_left(session: Session) -> None:
    tell(session, "count", {"A": 4, "B": 6})
    ship(session, 5, 5, A=4, B=1)
    tell(session, "count", {"A": 5, "B": 6}, 2)
    assert (level(session, "apple")[0], on_hand(session), cases(session)) == (6, {"A": 1, "B": 5}, [])


def test_lots_of_an_owners_number_are_taken_over_as_they_are(session: Session) -> None:
    tell(session, "count", {"A": 4, "B": 6})
    run(session, "update stock_level set authority = 'owner' where sku = 'apple'")
    ship(session, 5, 5, A=4, B=1)
    tell(session, "count", {"A": 3, "B": 6}, 2)
    assert (level(session, "apple")[0], on_hand(session), cases(session)) == (9, {"A": 3, "B": 6}, [])


def test_a_lot_of_which_more_has_left_than_a_late_count_found_is_empty_and_a_case(session: Session) -> None:
    tell(session, "change", {"A": -3}, 5)
    tell(session, "count", {"A": 1, "B": 9}, 2)
    assert (level(session, "apple")[0], on_hand(session), cases(session)) == (7, {"B": 9}, ["lot_drift"])
    (told,) = rows(session, "select message from case_file")
    assert told.message == "a late count: 3 of A left, 1 there when it was taken"
    tell(session, "count", {"B": 7}, 6)
    assert (on_hand(session), cases(session)) == ({"B": 7}, [])
