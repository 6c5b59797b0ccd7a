from datetime import datetime

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.database import row, run
from hub.errors import Conflict
from hub.inventory.condition import Condition
from hub.inventory.ledger import Movement, Shortage, StockKey, drift, post
from hub.inventory.level import free_pieces, receive
from hub.inventory.reserve import Claim, consume, release, reserve
from hub.inventory.table import Reason
from hub.partitions import make_partitions
from tests.hub.making import AT, BRAND, OWNER, counters, forge, stock

APPLE = StockKey("sh", "apple", OWNER)
PEAR = StockKey("sh", "pear", OWNER)


def claim(pieces: int, ref: str = "fo:1", key: StockKey = APPLE) -> list[Claim]:
    return [Claim(ref, key, pieces)]


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 5, "pear": 1}})


def test_pieces_go_from_free_to_allocated_to_gone(session: Session, at: datetime) -> None:
    reserve(session, claim(3), at)
    assert (counters(session, "sh", "apple"), free_pieces(session, {"apple": 0}, at)["sh", "apple"]) == ((5, 3), 2)
    consume(session, claim(2, "ship:1"), at)
    release(session, claim(1), at)
    assert counters(session, "sh", "apple") == (3, 0)
    assert drift(session) == []


def test_more_than_there_is_is_not_promised(session: Session, at: datetime) -> None:
    with pytest.raises(Shortage, match="not enough stock of apple at sh") as caught:
        reserve(session, claim(6), at)
    assert caught.value.keys == {APPLE}
    assert counters(session, "sh", "apple") == (5, 0)


def test_one_that_does_not_fit_stops_all(session: Session, at: datetime) -> None:
    with pytest.raises(Shortage) as caught:
        reserve(session, [*claim(1), *claim(2, key=PEAR)], at)
    assert caught.value.keys == {PEAR}
    assert counters(session, "sh", "apple") == (5, 0)


def test_claims_on_one_counter_are_added_up(session: Session, at: datetime) -> None:
    with pytest.raises(Shortage):
        reserve(session, [*claim(3, "fo:1"), *claim(3, "fo:2")], at)
    reserve(session, [*claim(3, "fo:1"), *claim(2, "fo:2")], at)
    assert counters(session, "sh", "apple") == (5, 5)


def test_what_was_not_promised_is_not_given_back_or_consumed(session: Session, at: datetime) -> None:
    with pytest.raises(Shortage):
        release(session, claim(1), at)
    with pytest.raises(Shortage):
        consume(session, claim(1), at)


def test_a_counter_that_is_not_there_has_nothing(session: Session, at: datetime) -> None:
    damaged = APPLE._replace(condition=Condition.DAMAGED)
    with pytest.raises(Shortage) as caught:
        reserve(session, claim(1, key=damaged), at)
    assert caught.value.keys == {damaged}


def test_a_backorder_limit_lets_more_be_promised(session: Session, at: datetime) -> None:
    run(session, "update stock_level set backorder_limit = 2 where sku = 'apple'")
    reserve(session, claim(7), at)
    with pytest.raises(Shortage):
        reserve(session, claim(1, "fo:2"), at)
    assert free_pieces(session, {"apple": 1}, at)["sh", "apple"] == 0


def test_one_cause_is_booked_once(session: Session, at: datetime) -> None:
    reserve(session, claim(1), at)
    with pytest.raises(Conflict, match="booked before") as caught, session.begin_nested():
        reserve(session, claim(1), at)
    assert caught.value.code == "movement_booked"
    assert counters(session, "sh", "apple") == (5, 1)


def test_a_document_of_goods_is_received_once(session: Session, at: datetime) -> None:
    with pytest.raises(Conflict, match="booked before"), session.begin_nested():
        receive(session, BRAND, [(APPLE, 5)], "ASN-1", at)
    receive(session, BRAND, [(APPLE, 5)], "ASN-2", at)
    assert counters(session, "sh", "apple") == (10, 0)


def test_nothing_to_book_is_no_error(session: Session, at: datetime) -> None:
    post(session, [], at)
    receive(session, BRAND, [], "ASN-9", at)
    assert drift(session) == []


def test_damaged_goods_are_not_free(session: Session, at: datetime) -> None:
    receive(session, BRAND, [(APPLE._replace(condition=Condition.DAMAGED), 7)], "ASN-3", at)
    assert free_pieces(session, {"apple": 0}, at) == {("sh", "apple"): 5}


@pytest.mark.parametrize("change", ["on_hand = on_hand + 1", "allocated = allocated + 1", "soft = soft + 1"])
def test_a_counter_that_somebody_changed_is_found(session: Session, change: str) -> None:
    run(session, f"update stock_level set {change} where sku = 'apple'")
    (told,) = drift(session)
    assert told.key == APPLE
    assert told.counted != told.booked


def test_a_counter_or_a_movement_that_vanished_is_found(session: Session) -> None:
    forge(session, "delete from stock_movement where sku = 'pear'")
    run(session, "delete from stock_level where sku = 'apple'")
    assert [str(told) for told in drift(session)] == [
        "apple at sh: counters 0/0/0, ledger 5/0/0",
        "pear at sh: counters 1/0/0, ledger 0/0/0",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "update stock_movement set on_hand = on_hand + 1",
        "delete from stock_movement where sku = 'apple'",
        "truncate stock_movement",
        "update stock_movement_y2026m11 set allocated = 0",
        "delete from stock_movement_y2026m11",
        "truncate stock_movement_y2026m11",
    ],
)
def test_the_table_itself_refuses_to_alter_a_movement(session: Session, statement: str) -> None:
    with pytest.raises(IntegrityError, match="is never altered"):
        run(session, statement)


def test_a_whole_month_of_movements_can_be_taken_out_and_dropped(session: Session) -> None:
    run(session, "alter table stock_movement detach partition stock_movement_y2026m11")
    assert run(session, "update stock_movement_y2026m11 set on_hand = 0") == 2
    run(session, "drop table stock_movement_y2026m11")
    make_partitions(session, AT)
    receive(session, BRAND, [(PEAR, 7)], "ASN-4", AT)
    with pytest.raises(IntegrityError, match="is never altered"):
        run(session, "delete from stock_movement")


def test_the_table_itself_refuses_an_oversold_counter(session: Session, at: datetime) -> None:
    post(session, [Movement(APPLE, Reason.ADJUST, "count-1", on_hand=-5)], at)
    found = row(session, "select count(*) as n from stock_movement where reason = 'adjust'")
    assert found is not None
    assert (found.n, counters(session, "sh", "apple")) == (1, (0, 0))
    with pytest.raises(Shortage):
        post(session, [Movement(APPLE, Reason.ADJUST, "count-2", on_hand=-1)], at)
