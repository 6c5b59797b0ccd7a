"""A lot is blocked while orders, carts and counts come: nobody is given its pieces once the block is committed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy.orm import Session

from hub.database import Database
from hub.errors import HubError
from hub.inventory.count import take_report
from hub.inventory.counted import CountReport, LotLine, ReportLine
from hub.inventory.lot_block import LotName, Outcome, block_lot, list_blocks, make_room, unblock_lot
from hub.inventory.reconcile import check_books
from hub.inventory.soft import Wish, hold
from hub.order.relocate import relocate
from tests.hub.inventory.counting import level
from tests.hub.inventory.lotted import tell
from tests.hub.making import AT, BRAND, line, order, place_all, placed, stock
from tests.hub.waiting import until_it_waits

A = LotName(sku="apple", lot="A")
THREADS = 8
ROUNDS = 8


@pytest.fixture
def shelf(database: Database) -> Database:
    """Put ten apples in Shanghai, four of lot A and six of lot B."""
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 10}})
        tell(session, "count", {"A": 4, "B": 6}, -1)
    return database


def block(session: Session) -> Outcome:
    return block_lot(session, "chief", BRAND, A, "mould", AT)


def order_in(database: Database, pieces: int) -> int:
    with database.transaction() as session:
        return line(session, placed(session, order({"apple": pieces}))).allocated


def block_in(database: Database) -> Outcome:
    with database.transaction() as session:
        return block(session)


def hold_in(database: Database, pieces: int) -> str:
    try:
        with database.transaction() as session:
            hold(session, BRAND, "pc", "c1", [Wish("apple", pieces)], timedelta(minutes=5), AT)
    except HubError as error:
        return error.code
    return "held"


def test_an_order_that_comes_while_a_lot_is_being_blocked_is_given_none_of_it(shelf: Database) -> None:
    with ThreadPoolExecutor(1) as pool:
        with shelf.transaction() as blocking:
            block(blocking)
            ordering = pool.submit(order_in, shelf, 9)
            until_it_waits(shelf, ordering)
        assert ordering.result() == 6


def test_a_cart_that_comes_while_a_lot_is_being_blocked_is_given_none_of_it(shelf: Database) -> None:
    with ThreadPoolExecutor(1) as pool:
        with shelf.transaction() as blocking:
            block(blocking)
            holding = pool.submit(hold_in, shelf, 7)
            until_it_waits(shelf, holding)
        assert holding.result() == "no_stock"


def test_a_lot_that_is_blocked_while_an_order_comes_finds_what_the_order_got(shelf: Database) -> None:
    with ThreadPoolExecutor(1) as pool:
        with shelf.transaction() as ordering:
            placed(ordering, order({"apple": 9}))
            blocking = pool.submit(block_in, shelf)
            until_it_waits(shelf, blocking)
        assert blocking.result() == Outcome(pieces=4, carts=0, lacking=3)
    with shelf.transaction() as session:
        assert (relocate(session, AT), level(session, "apple")) == (1, (10, 0, 0, 0))


def test_two_who_block_a_lot_at_the_same_moment_block_it_once(shelf: Database) -> None:
    with ThreadPoolExecutor(1) as pool:
        with shelf.transaction() as first:
            block(first)
            second = pool.submit(block_in, shelf)
            until_it_waits(shelf, second)
        with pytest.raises(HubError, match="blocked already"):
            second.result()


def act(database: Database, racer: int) -> list[str]:
    """Block and unblock, count, hold carts, place orders or move them; give what failed by our fault."""
    wrong: list[str] = []
    for n in range(ROUNDS):
        try:
            with database.transaction() as session:
                _act_once(session, racer, n)
        except HubError as error:
            if error.code not in {"no_stock", "lot_blocked", "lot_not_blocked", "unknown_lot"}:
                wrong.append(error.code)
    return wrong


def _act_once(session: Session, racer: int, n: int) -> None:
    name = LotName(sku="apple", lot="AB"[n % 2], location=("", "sh")[racer // 4])
    kind = racer % 4
    if kind == 0 and n % 3 < 2:
        block_lot(session, f"chief-{racer}", BRAND, name, "mould", AT)
    elif kind == 0:
        unblock_lot(session, f"chief-{racer}", BRAND, name, "sieved", AT)
    elif kind == 1:
        place_all(session, *(order({"apple": 1 + n % 3, "pear": 1}, f"T{racer}-{n}-{no}") for no in (1, 2)))
    elif kind == 2:
        pieces = {"A": (racer + n) % 7, "B": n % 5}
        parts = tuple(LotLine(lot=lot, pieces=many) for lot, many in pieces.items() if many)
        told = ReportLine(no=1, sku="apple", kind="count", pieces=sum(pieces.values()), lots=parts)
        at = AT + timedelta(seconds=n)
        report = CountReport(report=f"R{racer}-{n}", location="sh", counted_at=at, lines=(told,))
        take_report(session, "wms-sh", report, at)
    elif n % 2:
        make_room(session, AT)
        hold(session, BRAND, "pc", f"c{racer}-{n}", [Wish("pear", 1), Wish("apple", 1)], timedelta(hours=1), AT)
    else:
        relocate(session, AT)


def test_blocks_race_with_orders_carts_and_counts_and_no_counter_is_wrong(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 20, "pear": 20}, "bj": {"apple": 9, "pear": 9}})
        tell(session, "count", {"A": 8, "B": 12}, -1)
    with ThreadPoolExecutor(THREADS) as pool:
        wrong = list(pool.map(partial(act, database), range(THREADS)))
    assert wrong == [[]] * THREADS
    with database.transaction() as session:
        assert check_books(session) == []
        for one in list_blocks(session, None):
            unblock_lot(session, "chief", BRAND, LotName(sku=one.sku, lot=one.lot, location=one.location), "x", AT)
        assert check_books(session) == []
