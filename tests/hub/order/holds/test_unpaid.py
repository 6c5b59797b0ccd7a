"""Stock that is held for orders until they are paid: taken then, given back else, and never twice or for ever."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from commands.conservation import RULES
from hub.catalogue.describe import describe
from hub.catalogue.model import Storage
from hub.database import Database, rows, run
from hub.inventory.ledger import drift
from hub.inventory.level import free_pieces
from hub.inventory.soft import Wish, expire_due, hold
from hub.order.change.cancel import cancel
from hub.order.change.expire import Terms, expire
from hub.order.change.pay import pay
from hub.order.holds import unpaid as unpaid_holds
from hub.order.holds.resume import release_holds
from hub.order.holds.unpaid import SLACK, hold_unpaid
from hub.roles import SYSTEM
from tests.hub.making import AT, ZONE, add_sku, counters, order, placed, see, stock
from tests.scale import count

HERE = AT.astimezone(ZONE)
LIMIT = timedelta(minutes=30)
LIMITS = {"mall-pc": LIMIT}
TERMS = {"mall-pc": Terms(LIMIT, told=False)}


def soft(session: Session) -> dict[tuple[str, str], int]:
    found = rows(session, "select location, sku, soft from stock_level where soft > 0")
    return {(one.location, one.sku): one.soft for one in found}


def unpaid(session: Session, apples: int = 2, ref: str = "T1") -> int:
    return placed(session, order({"apple": apples}, ref, paid_at=None))


@pytest.fixture(autouse=True)
def _goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 2}})


def test_what_is_held_for_an_unpaid_order_nobody_else_gets_until_it_is_paid(session: Session) -> None:
    order_id = unpaid(session, 4)
    assert (hold_unpaid(session, LIMITS, HERE), soft(session)) == (1, {("sh", "apple"): 4})
    other = placed(session, order({"apple": 4}, "T2"))
    assert [(one.ordered, one.allocated) for one in see(session, other).lines] == [(4, 3)]
    pay(session, order_id, "mall-pc", AT, HERE)
    assert (see(session, order_id).lines[0].allocated, soft(session), counters(session, "sh", "apple")[1]) == (4, {}, 5)
    assert drift(session) == []


def test_what_nobody_paid_is_given_back_to_the_piece(session: Session) -> None:
    unpaid(session)
    hold_unpaid(session, LIMITS, HERE)
    assert expire(session, TERMS, AT + LIMIT) == 1
    assert (soft(session), free_pieces(session, {"apple": 0}, HERE), drift(session)) == (
        {},
        {("sh", "apple"): 5, ("bj", "apple"): 2},
        [],
    )


def test_an_order_is_looked_at_once_and_holds_what_is_there(session: Session) -> None:
    unpaid(session, 9)
    assert (hold_unpaid(session, LIMITS, HERE), hold_unpaid(session, LIMITS, HERE)) == (1, 0)
    assert soft(session) == {("sh", "apple"): 5, ("bj", "apple"): 2}


def test_what_another_process_has_held_for_meanwhile_is_not_held_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 5}})
        unpaid(session)
    there = unpaid_holds.rows

    def looked(session: Session, statement: str, **values: object) -> object:
        if "skip locked" not in statement:
            return there(session, statement, **values)
        monkeypatch.setattr(unpaid_holds, "rows", there)
        with database.transaction() as before:
            found = there(before, statement, **values)
        with database.transaction() as other:
            assert hold_unpaid(other, LIMITS, HERE) == 1
        return found

    monkeypatch.setattr(unpaid_holds, "rows", looked)
    with database.transaction() as session:
        assert (hold_unpaid(session, LIMITS, HERE), soft(session)) == (0, {("sh", "apple"): 2})


def test_the_older_order_holds_the_last_piece(session: Session) -> None:
    first, second = unpaid(session, 6), unpaid(session, 6, "T2")
    hold_unpaid(session, LIMITS, HERE)
    found = rows(
        session,
        """select r.order_id, sum(line.quantity)::bigint as n from reservation r
           join reservation_line line on line.reservation_id = r.id group by 1 order by 1""",
    )
    assert [tuple(one) for one in found] == [(first, 6), (second, 1)]


def test_an_order_that_a_person_lets_go_unpaid_takes_what_was_held(session: Session) -> None:
    order_id = unpaid(session)
    hold_unpaid(session, LIMITS, HERE)
    release_holds(session, order_id, SYSTEM, "on account", HERE)
    assert (see(session, order_id).lines[0].allocated, soft(session)) == (2, {})


def test_what_is_paid_waits_for_ever_or_has_a_cart_is_left_alone(session: Session) -> None:
    hold(session, "demo", "pc", "cart-1", [Wish("apple", 2)], timedelta(hours=1), HERE)
    placed(session, order({"apple": 2}, "T2", paid_at=None, reservation="cart-1"))
    placed(session, order({"apple": 1}, "T3"))
    unpaid(session)
    assert hold_unpaid(session, {"mall-pc": timedelta()}, HERE) == 0
    assert (hold_unpaid(session, LIMITS, HERE), sum(soft(session).values())) == (1, 2 + 2)


def test_for_an_order_whose_cart_has_expired_it_is_held_anew(session: Session) -> None:
    hold(session, "demo", "pc", "cart-1", [Wish("apple", 2)], timedelta(minutes=1), HERE)
    placed(session, order({"apple": 2}, paid_at=None, reservation="cart-1"))
    later = HERE + timedelta(minutes=1)
    expire_due(session, later)
    assert (hold_unpaid(session, LIMITS, later), soft(session)) == (1, {("sh", "apple"): 2})


def test_goods_to_come_and_virtual_ones_are_not_held(session: Session) -> None:
    add_sku(session, "pear")
    describe(session, SYSTEM, "pear", AT, storage=Storage.NONE)
    describe(session, SYSTEM, "apple", AT, available_from=(HERE + timedelta(days=9)).date())
    placed(session, order({"apple": 1, "pear": 1}, paid_at=None))
    assert (hold_unpaid(session, LIMITS, HERE), soft(session)) == (1, {})


def test_where_the_owners_number_counts_nothing_is_held(session: Session) -> None:
    run(session, "update stock_level set authority = 'owner' where location = 'sh'")
    unpaid(session)
    hold_unpaid(session, LIMITS, HERE)
    assert soft(session) == {("bj", "apple"): 2}


def end(session: Session, order_id: int, how: str) -> None:
    if how == "paid":
        pay(session, order_id, "mall-pc", AT, HERE)
    elif how == "cancelled":
        cancel(session, order_id, "buyer", "changed mind", HERE)
    elif how == "let go":
        release_holds(session, order_id, SYSTEM, "on account", HERE)


def forgotten(session: Session, at: datetime) -> None:
    """End what nobody ended: close what is unpaid, and let holds run out."""
    expire(session, TERMS, at + LIMIT)
    expire_due(session, at + LIMIT + SLACK)


@settings(
    max_examples=count(15, 200, quick=5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["paid", "cancelled", "let go", "late"])), max_size=5))
def test_no_piece_is_lost_or_held_for_ever_whatever_becomes_of_orders(
    session: Session, orders: Sequence[tuple[int, str]]
) -> None:
    with session.begin_nested() as attempt:
        ids = [unpaid(session, pieces, f"T{no}") for no, (pieces, _) in enumerate(orders)]
        hold_unpaid(session, LIMITS, HERE)
        for order_id, (_, how) in zip(ids, orders, strict=True):
            end(session, order_id, how)
            assert rows(session, RULES["stock held is what reservations hold"]) == []
        forgotten(session, AT)
        allocated = sum(one.allocated for order_id in ids for one in see(session, order_id).lines)
        assert (soft(session), drift(session)) == ({}, [])
        free = sum(free_pieces(session, {"apple": 0}, HERE).values())
        assert free + allocated == 7
        attempt.rollback()
