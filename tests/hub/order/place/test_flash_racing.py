"""A flash sale's limit beside carts that end at this very moment: nobody waits in a circle, or for what is over."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows
from hub.errors import Conflict
from hub.inventory.hot_sale import Sale, heat, list_sales
from hub.inventory.soft import Wish, expire_due, hold, release_held
from hub.order.change.wanted import WantedLine
from hub.order.model import Buyer, ShopOrder
from hub.order.rest import hold_orders
from tests.hub.making import AT, BRAND, order, placed, stock
from tests.hub.order.changing import cut, want
from tests.hub.waiting import until_it_waits

TTL = timedelta(minutes=15)


def bought(pieces: int = 2, **changes: object) -> ShopOrder:
    return order({"apple": pieces}, "T1", buyer=Buyer(ref="a", nick="买家"), **{"reservation": "c1", **changes})


def with_a_cart(session: Session) -> None:
    """Open a sale of two pieces a buyer, and hold both for a buyer's cart."""
    stock(session, {"sh": {"apple": 50}})
    heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", per_buyer=2), AT)
    hold(session, BRAND, "pc", "c1", [Wish("apple", 2)], TTL, AT, buyer="a")


def counted(session: Session) -> int:
    return list_sales(session, None, AT)[0].pieces


def let_go(session: Session) -> bool:
    return release_held(session, "pc", "c1", AT)


def run_out(session: Session) -> bool:
    return expire_due(session, AT + TTL) == 1


def test_a_cart_is_let_go_while_its_order_is_changed_and_neither_waits_in_a_circle(database: Database) -> None:
    with database.transaction() as session:
        with_a_cart(session)
        first = placed(session, bought(paid_at=None))

    def end() -> bool:
        with database.transaction() as session:
            return let_go(session)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            hold_orders(session, [first])  # as a change does before it frees what it cancels
            assert counted(session) == 2
            other = pool.submit(end)
            until_it_waits(database, other)
            cut(session, first, L1=1)
        assert other.result()
    with database.transaction() as session:
        assert counted(session) == 1


@pytest.mark.parametrize("end", [let_go, run_out])
def test_an_order_whose_cart_ends_while_it_is_placed_is_not_held_for_it(
    database: Database, end: Callable[[Session], bool]
) -> None:
    with database.transaction() as session:
        with_a_cart(session)

    def place() -> None:
        with database.transaction() as session:
            placed(session, bought())

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            assert end(session)
            other = pool.submit(place)
            until_it_waits(database, other)
            assert not other.done()
        other.result()
    with database.transaction() as session:
        held = [one.rule for one in rows(session, "select rule from order_hold where released_at is null")]
        assert (held, counted(session)) == ([], 2)


def test_a_buyer_for_whom_a_change_adds_pieces_gets_no_others_beside_it(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 50}})
        heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", per_buyer=2), AT)
        first = placed(session, bought(1, reservation=None))

    def more() -> None:
        with database.transaction() as session:
            hold(session, BRAND, "pc", "c1", [Wish("apple", 1)], TTL, AT, buyer="a")

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            want(session, first, WantedLine("L1", 2))
            other = pool.submit(more)
            until_it_waits(database, other)
        with pytest.raises(Conflict, match="2 at most"):
            other.result()
    with database.transaction() as session:
        assert counted(session) == 2
