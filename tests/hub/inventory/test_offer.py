from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.inventory.offer import add_steps, push_now, sweep_offers
from hub.inventory.push import DUE, book_told, read_due
from hub.inventory.telling import Told
from tests.hub.inventory.shops import SHOP, STOCK, due, move, numbers, offer_of, tell_all, weighed
from tests.hub.making import BRAND, add_sku, stock


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 10, "pear": 4}})


def bind(session: Session, sku: str, *codes: str) -> None:
    for code in codes:
        run(
            session,
            """insert into channel_binding (brand, version, created_at, updated_at, shop, channel_sku, sku)
               values ('demo', 1, now(), now(), 'pc', :code, :sku)""",
            code=code,
            sku=sku,
        )


def lane_of(session: Session, sku: str) -> int:
    return offer_of(session, sku).bucket


@given(st.integers(-5, 10**12), st.integers(0, 100), st.integers(0, 50))
def test_a_number_is_never_more_than_there_is_nor_below_the_floor(pieces: int, ratio: int, floor: int) -> None:
    number = replace(SHOP, ratio=ratio, floor=floor).number(pieces)
    assert number == 0 or floor <= number <= pieces


def test_a_shop_is_told_its_part_and_nothing_below_its_floor(session: Session) -> None:
    weighed(session, ["apple", "pear"], shop=replace(SHOP, ratio=80, floor=4))
    assert numbers(session) == {"apple": 8, "pear": 0}


def test_a_bundle_follows_its_parts(session: Session) -> None:
    add_sku(session, "basket", parts={"apple": 2, "pear": 1})
    weighed(session, ["pear"])
    assert numbers(session) == {"pear": 4, "basket": 4}


def test_a_shop_of_bound_skus_is_told_of_no_other(session: Session) -> None:
    bind(session, "pear", "P-1")
    weighed(session, ["apple", "pear"], shop=replace(SHOP, every_sku=False))
    assert numbers(session) == {"pear": 4}


def test_a_code_that_stands_for_another_sku_is_told_that_one_s_number_alone(session: Session) -> None:
    bind(session, "pear", "apple")
    weighed(session, ["apple", "pear"])
    assert numbers(session) == {"pear": 4}
    bind(session, "apple", "A-1")
    weighed(session, ["apple"])
    assert numbers(session) == {"pear": 4, "apple": 10}


def test_a_sku_that_is_bound_no_more_is_told_no_more(session: Session) -> None:
    weighed(session, ["apple", "pear"])
    weighed(session, ["apple"], shop=replace(SHOP, every_sku=False))
    assert numbers(session) == {"pear": 4}


def test_a_connection_that_tells_another_shop_tells_it_all_under_the_codes_of_that_one(
    session: Session, at: datetime
) -> None:
    bind(session, "apple", "PC-1")
    run(session, "update channel_binding set shop = 'h5', channel_sku = 'H5-1'")
    bind(session, "apple", "PC-1")
    weighed(session, ["apple"])
    tell_all(session)
    weighed(session, ["apple"], at, replace(SHOP, shop="h5"))
    assert (offer_of(session, "apple").told, due(session)) == (None, ["apple"])
    told = read_due(session, SHOP.connection, lane_of(session, "apple"), 9)
    assert [(one.channel_sku, one.pieces) for one in told] == [("H5-1", 10)]


def test_a_number_that_comes_back_before_it_was_told_is_not_due(session: Session) -> None:
    weighed(session, ["apple"])
    tell_all(session)
    for pieces, expected in ((-1, ["apple"]), (1, [])):
        move(session, "apple", pieces, f"adjust {pieces}")
        weighed(session, ["apple"])
        assert due(session) == expected


def test_a_number_that_comes_back_while_another_is_under_way_is_due(session: Session, at: datetime) -> None:
    weighed(session, ["apple"])
    tell_all(session)
    move(session, "apple", -1, "a")
    weighed(session, ["apple"])
    read_due(session, SHOP.connection, lane_of(session, "apple"), 10)
    move(session, "apple", 1, "b")
    weighed(session, ["apple"], at)
    assert due(session) == ["apple"]


def test_every_code_of_a_sku_is_told_with_its_newest_number(session: Session) -> None:
    bind(session, "apple", "A-1", "A-2")
    weighed(session, ["apple"])
    move(session, "apple", -3, "a")
    weighed(session, ["apple"])
    told = read_due(session, SHOP.connection, lane_of(session, "apple"), 10)
    assert [(one.channel_sku, one.pieces) for one in told] == [("A-1", 7), ("A-2", 7)]
    assert {one.version for one in told} == {offer_of(session, "apple").version}


def test_a_code_that_is_bound_to_another_sku_is_told_its_number_as_newer(session: Session, at: datetime) -> None:
    bind(session, "apple", "A-1")
    weighed(session, ["pear"])
    weighed(session, ["apple"])
    tell_all(session)
    before = offer_of(session, "apple").version
    run(session, "update channel_binding set sku = 'pear', updated_at = :at", at=at + timedelta(seconds=1))
    later = at + timedelta(seconds=5)
    sweep_offers(session, [SHOP], ["apple", "pear"], STOCK, later)
    (told,) = read_due(session, SHOP.connection, lane_of(session, "pear"), 10)
    assert (told.channel_sku, told.pieces, told.version > before) == ("A-1", 4, True)
    tell_all(session)
    sweep_offers(session, [SHOP], ["apple", "pear"], STOCK, later + timedelta(seconds=5))
    assert due(session) == []


def test_a_code_that_is_bound_while_its_sku_is_told_is_told_as_well(session: Session, at: datetime) -> None:
    weighed(session, ["apple"])
    bucket = lane_of(session, "apple")
    told = read_due(session, SHOP.connection, bucket, 10)
    bind(session, "apple", "A-1")
    run(session, "update channel_binding set updated_at = :at", at=at + timedelta(seconds=1))
    sweep_offers(session, [SHOP], ["apple"], STOCK, at + timedelta(seconds=2))
    book_told(session, SHOP.connection, bucket, Told(told=tuple(told)), at + timedelta(seconds=3))
    assert [one.channel_sku for one in read_due(session, SHOP.connection, bucket, 10)] == ["A-1"]


def test_a_sku_that_is_bound_again_is_told_in_newer_versions(session: Session) -> None:
    for _ in range(3):
        weighed(session, ["apple"])
        move(session, "apple", -1, f"a{numbers(session)}")
    before = offer_of(session, "apple").version
    weighed(session, ["apple"], shop=replace(SHOP, every_sku=False))
    weighed(session, ["apple"])
    assert offer_of(session, "apple").version > before


def test_what_a_channel_knows_and_is_told_again_comes_behind_what_it_does_not_know(
    session: Session, at: datetime
) -> None:
    weighed(session, ["apple", "pear"], shop=SHOP)
    tell_all(session)
    run(session, "update stock_offer set bucket = 0")
    before = offer_of(session, "apple").version
    sweep_offers(session, [SHOP], ["apple", "pear"], STOCK, at + timedelta(hours=25))
    assert offer_of(session, "apple").version > before  # the same message once more would be taken as a repeat
    run(session, "update stock_offer set offered = 3, updated_at = :at where sku = 'pear'", at=at + timedelta(hours=26))
    assert [one.sku for one in read_due(session, SHOP.connection, 0, 1)] == ["pear"]


def test_what_is_due_is_read_in_the_order_of_its_index_and_not_sorted_anew_for_each_step(session: Session) -> None:
    for name in ("seqscan", "bitmapscan", "sort"):
        run(session, f"set local enable_{name} = off")
    plan = "\n".join(one[0] for one in rows(session, f"explain {DUE}", connection="c", bucket=0, limit=9))
    assert "Presorted Key: ((NOT (told IS DISTINCT FROM offered))), updated_at" in plan


def test_a_number_that_changes_while_it_is_told_is_told_again(session: Session, at: datetime) -> None:
    weighed(session, ["apple"])
    bucket = lane_of(session, "apple")
    told = read_due(session, SHOP.connection, bucket, 10)
    move(session, "apple", -1, "a")
    weighed(session, ["apple"])
    book_told(session, SHOP.connection, bucket, Told(told=tuple(told)), at)
    assert (offer_of(session, "apple").told, due(session)) == (10, ["apple"])


def test_a_lane_has_one_step_however_often_its_numbers_change(session: Session, at: datetime) -> None:
    for round_ in range(5):
        move(session, "apple", -1, f"a{round_}")
        weighed(session, ["apple"])
        add_steps(session, [SHOP], at)
    found = row(session, "select count(*) as n from step where flow = 'push_stock'")
    assert found is not None
    assert found.n == 1


def test_safety_stock_and_what_was_told_long_ago_are_found_by_the_sweep(session: Session, at: datetime) -> None:
    weighed(session, ["apple", "pear"])
    tell_all(session)
    run(session, "update stock_level set safety = 2 where sku = 'apple'")
    sweep_offers(session, [SHOP], ["apple", "pear"], STOCK, at)
    assert (numbers(session)["apple"], due(session)) == (8, ["apple"])
    sweep_offers(session, [SHOP], ["pear"], STOCK, at + timedelta(hours=25))
    assert due(session) == ["apple", "pear"]


def test_a_person_has_a_channel_told_once_more(session: Session, at: datetime) -> None:
    weighed(session, ["apple", "pear"])
    tell_all(session)
    assert push_now(session, "an operator", BRAND, ["apple"], [SHOP.connection], at) == 1
    assert due(session) == ["apple"]
