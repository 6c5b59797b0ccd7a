"""Nobody is given pieces of lots that have expired by the business day: no order, no cart, no buyer in a flash sale."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy.orm import Session

from hub.database import Database
from hub.errors import NoStock
from hub.inventory.count import take_report
from hub.inventory.counted import CountReport, LotLine, ReportLine
from hub.inventory.hot import HotWish, book
from hub.inventory.hot_sale import Sale, heat
from hub.inventory.ledger import drift
from hub.inventory.soft import Held, Wish, hold
from hub.order.place.batch import Placed, place
from hub.order.ship.progress import record_report
from tests.hub.making import AT, BRAND, ZONE, line, order, placed, rejection, sources, stock

TODAY = AT.astimezone(ZONE).date()
TTL = timedelta(minutes=5)
THREADS = 10
EVENING = AT.replace(hour=17)
"""Past one in the morning of the next day in China, on which the lots end that are good today."""


def shelve(session: Session, good: int, old: int, where: str = "sh") -> None:
    """Have a warehouse count apples that end tomorrow, and some that end today."""
    stock(session, {where: {"apple": good + old}}, f"ASN-{where}")
    days = {"good": (good, TODAY + timedelta(days=1)), "old": (old, TODAY)}
    parts = tuple(LotLine(lot=code, pieces=n, expires_on=day) for code, (n, day) in days.items() if n)
    one = ReportLine(no=1, sku="apple", kind="count", pieces=good + old, lots=parts)
    take_report(session, f"wms-{where}", CountReport(report="R1", location=where, counted_at=AT, lines=(one,)), AT)


def cart(session: Session, pieces: int, at: datetime = AT, ref: str = "c1") -> Held:
    return hold(session, BRAND, "pc", ref, [Wish("apple", pieces)], TTL, at)


def test_an_order_is_given_good_pieces_alone(session: Session) -> None:
    shelve(session, 4, 3)
    order_id = placed(session, order({"apple": 6}))
    assert line(session, order_id).allocated == 4


def test_an_order_goes_where_good_pieces_are(session: Session) -> None:
    shelve(session, 1, 9)
    shelve(session, 5, 0, "bj")
    assert sources(session, placed(session, order({"apple": 5}))) == [("bj", "open")]


def test_the_day_of_an_order_is_that_of_the_business_zone(session: Session) -> None:
    shelve(session, 4, 0)
    allocated = [line(session, _at(session, at, f"T{no}")).allocated for no, at in enumerate([AT, EVENING])]
    assert allocated == [1, 0]


def _at(session: Session, at: datetime, number: str, **changes: str) -> int:
    """Place an order at a moment in another zone than that of business, and give its id."""
    [found] = place(session, [order({"apple": 1}, number, **changes)], at, ZONE)
    assert isinstance(found, Placed)
    return found.order_id


def test_what_is_sourced_again_is_given_good_pieces_alone(session: Session) -> None:
    shelve(session, 0, 8, "bj")
    shelve(session, 5, 0)
    order_id = placed(session, order({"apple": 3}))
    record_report(session, rejection(order_id, 1), AT)
    assert sources(session, order_id) == [("sh", "cancelled")]


def test_a_cart_holds_good_pieces_alone(session: Session) -> None:
    shelve(session, 4, 3)
    with pytest.raises(NoStock, match="apple x 1"):
        cart(session, 5, ref="more")
    with pytest.raises(NoStock, match="apple x 1"):
        cart(session, 1, EVENING.astimezone(ZONE), "late")
    assert [one.quantity for one in cart(session, 4).claims] == [4]


def test_an_order_does_not_take_what_has_expired_in_its_cart(session: Session) -> None:
    shelve(session, 4, 0)
    cart(session, 1)
    order_id = _at(session, EVENING, "T1", reservation="c1")
    assert (line(session, order_id).allocated, drift(session)) == (0, [])


def test_a_flash_sale_sells_good_pieces_alone(session: Session) -> None:
    shelve(session, 2, 3)
    heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11"), AT)
    answers = book(session, "apple", [HotWish(BRAND, "pc", f"c{n}", f"b{n}", "apple") for n in range(4)], AT).answers
    assert [isinstance(one, Held) for one in answers] == [True, True, False, False]


def one_cart(database: Database, no: int) -> int:
    try:
        with database.transaction() as session:
            return sum(one.quantity for one in cart(session, 1, ref=f"c{no}").claims)
    except NoStock:
        return 0


def one_order(database: Database, no: int) -> int:
    with database.transaction() as session:
        order_id = placed(session, order({"apple": 1}, f"T{no}"))
        return line(session, order_id).allocated


@pytest.mark.parametrize("acts", [(one_cart,), (one_order,), (one_cart, one_order)], ids=["carts", "orders", "both"])
def test_many_at_once_get_exactly_the_good_pieces(
    database: Database, acts: tuple[Callable[[Database, int], int], ...]
) -> None:
    with database.transaction() as session:
        shelve(session, 4, 20)
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(partial(acts[no % len(acts)], database, no)) for no in range(2 * THREADS)]
        assert sum(one.result() for one in asked) == 4
    with database.transaction() as session:
        assert drift(session) == []
