"""A recall finds every order that got pieces of a lot or is about to, and shows nobody whole."""

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.errors import Unauthorised
from hub.order.lot_orders import LotOrder, orders_of_lot
from hub.order.ship.progress import record_confirm
from hub.roles import SYSTEM, Actor, Role
from tests.hub.inventory.lotted import of, release, tell
from tests.hub.making import AT, confirm, order, placed, stock

VIEWER = Actor("eye", frozenset({Role.VIEWER}))


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    """Nine apples: two of A, three of B, four of C."""
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    tell(session, "count", {"A": 2, "B": 3, "C": 4}, -1)


def ship(session: Session, name: str, shop: str = "pc", **lots: int) -> int:
    """Place an order and let it leave, of lots that are told."""
    pieces = sum(lots.values())
    order_id = placed(session, replace(order({"apple": pieces}, name), shop=shop))
    line = of("apple", pieces, **lots)
    record_confirm(session, confirm(order_id, 1, {}, lines=(line,)), AT)
    return order_id


def found(session: Session, lot: str, actor: Actor = SYSTEM, sku: str = "") -> list[tuple[str, int, int, int]]:
    told = orders_of_lot(session, actor, lot, sku).orders
    return [(one.external_id, one.shipped, one.assumed, one.due) for one in told]


def test_each_order_that_got_pieces_of_a_lot_is_found(session: Session) -> None:
    ship(session, "T1", B=1, C=1)
    ship(session, "T2", B=2)
    ship(session, "T3", A=1)
    assert (found(session, "B"), found(session, "C"), found(session, "Z")) == (
        [("T1", 1, 0, 0), ("T2", 2, 0, 0)],
        [("T1", 1, 0, 0)],
        [],
    )


def test_pieces_that_were_assumed_are_told_apart(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}))
    record_confirm(session, confirm(order_id, 1, {"apple": 3}), AT)
    assert (found(session, "A"), found(session, "B")) == ([("T1", 2, 2, 0)], [("T1", 1, 1, 0)])


def test_orders_that_are_about_to_get_some_are_found(session: Session) -> None:
    release(session, placed(session, order({"apple": 3})))
    assert (found(session, "A"), found(session, "B")) == ([("T1", 0, 0, 2)], [("T1", 0, 0, 1)])


def test_a_sku_narrows_it(session: Session) -> None:
    ship(session, "T1", B=1)
    assert (len(found(session, "B", sku="apple")), found(session, "B", sku="pear")) == (1, [])


def test_receivers_are_masked(session: Session) -> None:
    ship(session, "T1", B=1)
    (one,) = orders_of_lot(session, VIEWER, "B").orders
    assert (one.name, one.phone) == ("收**", "100****0001")


def test_who_works_for_one_shop_sees_its_orders_alone(session: Session) -> None:
    ship(session, "T1", B=1)
    ship(session, "T2", "h5", B=1)
    h5 = Actor("h5", frozenset({Role.VIEWER}), shops=frozenset({"h5"}))
    assert (len(found(session, "B")), found(session, "B", h5)) == (2, [("T2", 1, 0, 0)])


def test_who_may_not_see_orders_is_refused(session: Session) -> None:
    with pytest.raises(Unauthorised):
        orders_of_lot(session, Actor("sums", frozenset({Role.ANALYST})), "B")


def test_many_orders_come_page_by_page_each_once(session: Session) -> None:
    names = [f"T{no}" for no in range(3)]
    for name in names:
        ship(session, name, B=1)
    pages: list[LotOrder] = []
    after = ""
    while True:
        page = orders_of_lot(session, SYSTEM, "B", after=after, limit=1)
        pages += page.orders
        if not (after := page.next):
            break
    assert [one.external_id for one in pages] == names


@pytest.mark.parametrize("after", ["nonsense", "9" * 40, "٣:apple", ":"])
def test_a_cursor_that_was_never_given_begins_at_the_first(session: Session, after: str) -> None:
    ship(session, "T1", B=1)
    assert len(orders_of_lot(session, SYSTEM, "B", after=after).orders) == 1
