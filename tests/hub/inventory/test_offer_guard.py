from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.cases import resolve
from hub.database import row, rows, run
from hub.inventory.delist import let_pass, subject_of
from hub.inventory.offer import sweep_offers, weigh
from tests.hub.inventory.shops import SHOP, STOCK, due, move, numbers, tell_all, weighed
from tests.hub.making import open_causes, stock

SKUS = [f"s{number:02}" for number in range(10)]


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    """Ten SKUs of five pieces each, of which the shop knows."""
    stock(session, {"sh": dict.fromkeys(SKUS, 5)})
    weighed(session, SKUS)
    tell_all(session)


def empty(session: Session, *skus: str, at: datetime) -> None:
    for sku in skus:
        move(session, sku, -5, f"count {sku}")
    weighed(session, skus, at)


def refill(session: Session, *skus: str, at: datetime) -> None:
    for sku in skus:
        move(session, sku, 5, f"recount {sku}")
    weighed(session, skus, at)


def held(session: Session) -> list[str]:
    return [one.sku for one in rows(session, "select sku from stock_offer where held order by sku")]


def test_a_sku_that_sells_out_passes(session: Session, at: datetime) -> None:
    empty(session, *SKUS[:2], at=at)
    assert (due(session), held(session), open_causes(session)) == (SKUS[:2], [], [])


def test_many_zeros_at_once_are_held_back_and_a_person_is_called(session: Session, at: datetime) -> None:
    empty(session, *SKUS[:4], at=at)
    assert (due(session), held(session), open_causes(session)) == ([], SKUS[:4], ["stock_push"])
    assert numbers(session)[SKUS[0]] == 0


def test_other_numbers_pass_while_zeros_are_held(session: Session, at: datetime) -> None:
    empty(session, *SKUS[:4], at=at)
    move(session, SKUS[9], -1, "sold")
    weighed(session, [SKUS[9]], at)
    assert due(session) == [SKUS[9]]


def test_zeros_that_come_one_by_one_are_a_mass_as_well(session: Session, at: datetime) -> None:
    for minute, sku in enumerate(SKUS[:5]):
        empty(session, sku, at=at + timedelta(minutes=minute))
    assert held(session) == SKUS[2:5]


def test_zeros_over_a_long_time_are_none(session: Session, at: datetime) -> None:
    for hour, sku in enumerate(SKUS[:5]):
        empty(session, sku, at=at + timedelta(hours=hour))
    assert held(session) == []


def test_a_person_lets_them_pass_and_those_of_the_next_while(session: Session, at: datetime) -> None:
    empty(session, *SKUS[:4], at=at)
    assert let_pass(session, "a supervisor", SHOP.connection, at) == 4
    empty(session, *SKUS[4:8], at=at + timedelta(minutes=1))
    assert (due(session), held(session), open_causes(session)) == (SKUS[:8], [], [])


def test_what_a_person_let_pass_is_held_against_no_later_one(session: Session, at: datetime) -> None:
    wide = STOCK.model_copy(update={"guard_window_s": 7_200})
    empty(session, *SKUS[:4], at=at)
    let_pass(session, "a supervisor", SHOP.connection, at)
    tell_all(session)
    later = at + timedelta(minutes=30)
    move(session, SKUS[9], -5, "sold")
    weigh(session, [SHOP], [SKUS[9]], wide, later)
    assert (held(session), open_causes(session)) == ([], [])


def test_closing_the_case_lets_them_pass(session: Session, at: datetime) -> None:
    empty(session, *SKUS[:4], at=at)
    sweep_offers(session, [SHOP], [], STOCK, at)
    assert held(session) == SKUS[:4]
    resolve(session, subject_of(SHOP.connection), at, "a supervisor", "counted by hand")
    sweep_offers(session, [SHOP], [], STOCK, at)
    found = row(session, "select actor from audit_entry where act = 'stock.let_pass'")
    assert (due(session), found and found.actor) == (SKUS[:4], "a supervisor")


def test_a_count_that_is_put_right_ends_the_hold_by_itself(session: Session, at: datetime) -> None:
    empty(session, *SKUS[:4], at=at)
    refill(session, *SKUS[:4], at=at)
    sweep_offers(session, [SHOP], [], STOCK, at)
    assert (due(session), held(session), open_causes(session)) == ([], [], [])


def test_a_shop_that_is_first_told_of_nothing_but_zeros_is_held(session: Session, at: datetime) -> None:
    stock(session, {"sh": dict.fromkeys(["new1", "new2", "new3"], 1)}, "ASN-2")
    shop = replace(SHOP, connection="other", floor=2)
    weighed(session, ["new1", "new2", "new3"], at, shop)
    assert held(session) == ["new1", "new2", "new3"]


def test_zeros_are_held_back_also_of_what_the_shop_may_hear_this_moment(session: Session, at: datetime) -> None:
    run(session, "update stock_offer set told = 0, asking = true, due = true")
    empty(session, *SKUS[:4], at=at)
    assert (held(session), open_causes(session)) == (SKUS[:4], ["stock_push"])
