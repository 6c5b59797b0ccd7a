import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows, run
from hub.errors import Conflict, NotFound
from hub.fulfilment.model import CancelAnswer
from hub.inventory.ledger import drift
from hub.merge.close import close_windows
from hub.order.change.cancel import cancel
from hub.order.place.batch import Placed
from hub.order.ship.together import book_cancel_answer, book_confirm
from tests.hub.making import AT, RECEIVER, confirm, order, place_all, placed, stock
from tests.hub.merge.merging import LATER, close, groups, merging, releases

RECIPIENTS = 6
TO = [RECEIVER.model_copy(update={"phone": f"100000001{n:02}"}) for n in range(RECIPIENTS)]


def die_after(database: Database, act: Callable[[Session], object]) -> None:
    """Act in a transaction that never commits."""

    def die() -> None:
        with database.transaction() as session:
            act(session)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()


@pytest.fixture
def ids(database: Database) -> list[int]:
    """Place three orders for each of some recipients."""
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 99}})
        merging(session)
        wishes = [order({"apple": 1}, f"T{n}", receiver=TO[n % RECIPIENTS]) for n in range(RECIPIENTS * 3)]
        return [one.order_id for one in place_all(session, *wishes) if isinstance(one, Placed)]


def test_two_who_close_windows_make_one_group_of_each_recipient(database: Database, ids: list[int]) -> None:
    start = threading.Barrier(4)

    def work(_: int) -> int:
        start.wait()
        with database.transaction() as session:
            return close_windows(session, LATER)

    with ThreadPoolExecutor(4) as pool:
        closed = sum(pool.map(work, range(4)))
    with database.transaction() as session:
        closed += close(session)
        assert (closed, len(groups(session)), len(releases(session))) == (len(ids), RECIPIENTS, RECIPIENTS)
        assert {len(group) for group in groups(session)} == {3}


def test_cancelling_and_closing_at_once_neither_deadlocks_nor_loses_anybody(database: Database, ids: list[int]) -> None:
    start = threading.Barrier(4)

    def call_off(n: int) -> None:
        start.wait()
        for order_id in ids[n::6]:
            with database.transaction() as session:
                cancel(session, order_id, "buyer", "", AT)

    def go_round() -> None:
        start.wait()
        for _ in range(6):
            with database.transaction() as session:
                close_windows(session, LATER)

    with ThreadPoolExecutor(4) as pool:
        for done in [*(pool.submit(call_off, n) for n in range(2)), *(pool.submit(go_round) for _ in range(2))]:
            done.result()
    with database.transaction() as session:
        close(session)
        assert (sorted(map(len, groups(session))), drift(session)) == ([3] * 4, [])
        states = rows(session, "select lifecycle, count(*) as n from sales_order group by 1 order by 1")
        assert [tuple(one) for one in states] == [("cancelled", 6), ("in_fulfilment", 12)]


def test_confirms_cancellations_and_answers_crosswise_neither_deadlock_nor_lose_a_piece(
    database: Database, ids: list[int]
) -> None:
    with database.transaction() as session:
        close(session)
        run(session, "update step set state = 'done', settled_at = :at", at=AT)
    heads, start = ids[:RECIPIENTS], threading.Barrier(3)

    def ship() -> None:
        start.wait()
        for head in heads:
            with suppress(Conflict, NotFound), database.transaction() as session:
                book_confirm(session, confirm(head, 1, {"apple": 1}, final=False), AT)

    def call_off() -> None:
        start.wait()
        for order_id in reversed(ids[RECIPIENTS:]):
            with suppress(Conflict), database.transaction() as session:
                cancel(session, order_id, "buyer", "", AT)

    def answer() -> None:
        start.wait()
        for head in reversed(heads):
            with suppress(Conflict), database.transaction() as session:  # nobody may have asked yet
                book_cancel_answer(session, head, 1, CancelAnswer(stopped=head % 2 == 0), AT)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work) for work in (ship, call_off, answer)]:
            done.result()
    with database.transaction() as session:
        assert drift(session) == []
        odd = """select count(*) as n from order_line l where allocated <> (
                     select coalesce(sum(f.quantity - f.shipped - f.released), 0) from fulfilment_line f
                     where (f.order_id, f.line_no) = (l.order_id, l.line_no))"""
        assert rows(session, odd)[0].n == 0


def test_who_dies_while_closing_leaves_nothing_and_the_next_makes_the_group(database: Database, ids: list[int]) -> None:
    die_after(database, lambda session: close_windows(session, LATER))
    with database.transaction() as session:
        assert (groups(session), releases(session)) == ([], [])
        assert close(session) == len(ids)
        assert len(groups(session)) == RECIPIENTS


def test_who_dies_while_booking_a_confirm_has_told_nobody(database: Database, ids: list[int]) -> None:
    with database.transaction() as session:
        close(session)
    told = confirm(ids[0], 1, {"apple": 3})
    die_after(database, lambda session: book_confirm(session, told, AT))
    shipped = "select count(*) as n from order_line where shipped > 0"
    with database.transaction() as session:
        assert rows(session, shipped)[0].n == 0
        book_confirm(session, told, AT)
        assert (rows(session, shipped)[0].n, drift(session)) == (3, [])


def test_an_order_placed_while_a_window_closes_waits_for_the_next(database: Database, ids: list[int]) -> None:
    with database.transaction() as closing:
        close_windows(closing, LATER)
        with database.transaction() as session:
            late = placed(session, order({"apple": 1}, "late", receiver=TO[0]))
    with database.transaction() as session:
        assert close_windows(session, LATER) == 1
        assert releases(session)[-1] == {"order_id": late, "no": 1}
    assert ids
