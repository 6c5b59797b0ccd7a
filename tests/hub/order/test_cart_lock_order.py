"""Carts are locked before counters, and all counters at once, by whoever goes on with their orders or ends them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows, run
from hub.inventory.ledger import drift
from hub.inventory.level import hold_still
from hub.inventory.soft import Wish, expire_due, hold, release_held
from hub.order.change.expire import Terms, expire
from hub.order.holds.repair import release_orders
from hub.order.holds.resume import release_holds
from hub.order.rest import hold_orders
from hub.roles import SYSTEM
from tests.hub.making import AT, BRAND, ZONE, order, placed, stock
from tests.hub.waiting import until_it_waits

TTL = timedelta(minutes=15)
HERE = AT.astimezone(ZONE)


def waiting(session: Session, ref: str, sku: str) -> int:
    """Place an order that waits to be paid with its cart."""
    hold(session, BRAND, "pc", ref, [Wish(sku, 1)], TTL, AT)
    return placed(session, order({sku: 1}, f"T-{ref}", paid_at=None, reservation=ref))


def let_go(session: Session) -> object:
    return release_held(session, "pc", "c1", AT)


def run_out(session: Session) -> object:
    return expire_due(session, AT + TTL)


@pytest.mark.parametrize("end", [let_go, run_out])
def test_who_ends_a_cart_and_who_goes_on_with_its_order_wait_in_no_circle(
    database: Database, end: Callable[[Session], object]
) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 5}})
        first = waiting(session, "c1", "apple")

    def work() -> None:
        with database.transaction() as session:
            end(session)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            hold_orders(session, [first])  # as all do who go on with several orders
            assert drift(session) == []
            other = pool.submit(work)
            until_it_waits(database, other)
            assert release_orders(session, SYSTEM, [first], "tried", HERE) == 1
        other.result()
    with database.transaction() as session:
        states = [one.state for one in rows(session, "select state from reservation")]
        assert (states, drift(session)) == (["taken"], [])


def test_who_closes_unpaid_orders_locks_what_carts_and_what_locations_hold_at_once(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 5, "pear": 5}})
        sourced = placed(session, order({"apple": 1}, "T1", paid_at=None))
        release_holds(session, sourced, SYSTEM, "tried", HERE)
        run(session, "update order_hold set released_at = null")
        waiting(session, "c1", "pear")

    def close() -> int:
        with database.transaction() as session:
            return expire(session, {"mall-pc": Terms(timedelta(minutes=5), told=False)}, AT + TTL)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            hold_still(session, {"apple"})
            assert drift(session) == []
            other = pool.submit(close)
            until_it_waits(database, other)
            hold_still(session, {"pear"})  # whoever books both comes to it next
            assert drift(session) == []
        assert other.result() == 2
