"""Orders that nobody pays: closed in time, their stock given back, and never both closed and paid."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from flows.notify_closures import unpaid_terms
from hub.database import Database, rows, run
from hub.errors import Conflict
from hub.inventory.ledger import drift
from hub.inventory.soft import Wish, hold
from hub.order.change.expire import Terms, expire
from hub.order.change.pay import pay
from hub.order.holds.resume import release_holds
from hub.order.place.batch import Placed
from hub.roles import SYSTEM
from hub.settings import Connection, Orders, Settings
from tests.hub.making import AT, add_sku, counters, line, open_causes, order, place_all, placed, see, step_states, stock

TERMS = {"mall-pc": Terms(timedelta(minutes=30), told=True)}
LATE = AT + timedelta(minutes=30)


@pytest.fixture
def unpaid(session: Session, at: datetime) -> int:
    """Place an order whose cart holds its two apples until it is paid."""
    stock(session, {"sh": {"apple": 3}})
    hold(session, "demo", "pc", "cart-1", [Wish("apple", 2)], timedelta(days=1), at)
    return placed(session, order({"apple": 2}, paid_at=None, reservation="cart-1"))


def soft(session: Session) -> int:
    return rows(session, "select soft from stock_level where sku = 'apple'")[0].soft


def test_an_unpaid_order_is_closed_when_its_time_is_over(session: Session, unpaid: int) -> None:
    assert (expire(session, TERMS, LATE - timedelta(seconds=1)), soft(session)) == (0, 2)
    assert (expire(session, TERMS, LATE), soft(session)) == (1, 0)
    seen = see(session, unpaid)
    assert (seen.lifecycle, seen.payment, seen.holds, line(session, unpaid).cancelled) == ("closed", "unpaid", (), 2)
    assert (step_states(session, "notify_closure"), drift(session)) == (["pending"], [])
    assert expire(session, TERMS, LATE) == 0


def test_a_paid_order_takes_what_its_cart_held(session: Session, unpaid: int, at: datetime) -> None:
    assert pay(session, unpaid, "mall-pc", at, at) == "in_fulfilment"
    assert (soft(session), counters(session, "sh", "apple"), see(session, unpaid).payment) == (0, (3, 2), "paid")
    assert pay(session, unpaid, "mall-pc", at, at) == "in_fulfilment"
    assert (expire(session, TERMS, LATE), drift(session)) == (0, [])


def test_money_that_comes_after_the_end_has_to_go_back(session: Session, unpaid: int) -> None:
    expire(session, TERMS, LATE)
    with pytest.raises(Conflict) as caught:
        pay(session, unpaid, "mall-pc", LATE, LATE)
    assert (caught.value.code, see(session, unpaid).payment) == ("order_closed", "unpaid")


def test_payment_lets_go_of_its_own_hold_alone(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 3}})
    order_id = placed(session, order({"apple": 1}, paid_at=None, remark="先别发"))
    assert pay(session, order_id, "mall-pc", at, at) == "accepted"
    assert ([one.type for one in see(session, order_id).holds], open_causes(session)) == (["remark"], ["review"])


def test_an_order_that_a_person_let_go_unpaid_stays(session: Session, unpaid: int, at: datetime) -> None:
    release_holds(session, unpaid, SYSTEM, "cash on delivery", at)
    assert (expire(session, TERMS, LATE), see(session, unpaid).lifecycle) == (0, "in_fulfilment")


def test_a_hold_that_is_let_go_while_the_orders_are_being_locked_is_heeded(
    session: Session, unpaid: int, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(session: Session, statement: str, **values: object) -> Sequence[Row[Any]]:
        """Answer as a statement does that saw the holds just before a person released one."""
        found = rows(session, statement, **values)
        if "skip locked" in statement:
            release_holds(session, unpaid, SYSTEM, "cash on delivery", at)
        return found

    monkeypatch.setattr("hub.order.change.expire.rows", overtaken)
    assert (expire(session, TERMS, LATE), see(session, unpaid).lifecycle) == (0, "in_fulfilment")


def test_a_bundle_is_closed_with_its_parts(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    placed(session, order({"box": 3}, paid_at=None))
    expire(session, TERMS, LATE)
    lines = rows(session, "select ordered, cancelled from order_line order by line_no")
    assert [(one.ordered, one.cancelled) for one in lines] == [(3, 3), (6, 6), (3, 3)]


@pytest.mark.parametrize(("doubt", "closed"), [(False, 1), (True, 0)])
def test_what_was_sourced_unpaid_is_taken_back_unless_its_location_may_know(
    session: Session, unpaid: int, at: datetime, *, doubt: bool, closed: int
) -> None:
    release_holds(session, unpaid, SYSTEM, "tried", at)
    run(session, "update order_hold set released_at = null")
    run(session, "update step set doubt = :doubt", doubt=doubt)
    assert expire(session, TERMS, LATE) == closed
    assert (counters(session, "sh", "apple"), drift(session)) == ((3, 0 if closed else 2), [])


def test_a_shop_a_brand_or_all_set_the_limit() -> None:
    connections = {
        "a": Connection(kind="channels.storefront", brand="demo", unpaid_min=5),
        "b": Connection(kind="channels.storefront", brand="demo", options={"tell_closed": "yes"}),
        "c": Connection(kind="channels.storefront", brand="other"),
    }
    terms = unpaid_terms(Settings(orders=Orders(unpaid_min=60, unpaid_min_of={"demo": 30}), connections=connections))
    assert [terms[one].limit.total_seconds() for one in "abc"] == [300, 1800, 3600]
    assert [terms[one].told for one in "abc"] == [False, True, False]
    assert not any(one.keep_deposit for one in terms.values())
    assert unpaid_terms(Settings(orders=Orders(deposit="keep"), connections=connections))["a"].keep_deposit


def test_an_order_is_paid_or_closed_and_never_both(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 24}})
        wishes = [order({"apple": 1}, f"T{n}", paid_at=None) for n in range(24)]
        ids = [one.order_id for one in place_all(session, *wishes) if isinstance(one, Placed)]
    start = threading.Barrier(3)

    def close() -> int:
        start.wait()
        done = 0
        for _ in range(12):
            with database.transaction() as session:
                done += expire(session, TERMS, LATE)
        return done

    def settle(mine: list[int]) -> int:
        start.wait()
        done = 0
        for order_id in mine:
            with database.transaction() as session:
                try:
                    pay(session, order_id, "mall-pc", LATE, LATE.astimezone(UTC))
                except Conflict:
                    continue
            done += 1
        return done

    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(settle, ids[::2]), pool.submit(settle, ids[1::2]), pool.submit(close)]
        paid, also, closed = [one.result() for one in work]
    with database.transaction() as session:
        states = rows(session, "select lifecycle, payment, count(*) as n from sales_order group by 1, 2 order by 1")
        assert {(one.lifecycle, one.payment) for one in states} <= {("closed", "unpaid"), ("in_fulfilment", "paid")}
        assert paid + also + closed == 24
        assert (counters(session, "sh", "apple"), drift(session)) == ((24, paid + also), [])
