"""The daily check reads what is new of the ledger; what has changed in the old part is found by reading all again."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, row, rows, run
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.look import take_look
from hub.inventory.reconcile import LEDGER, VERIFIED, check_stock, reconcile
from hub.inventory.soft import Wish, hold
from hub.inventory.table import Reason
from hub.inventory.verified import forget_verified
from tests.hub.making import AT, BRAND, OWNER, forge, order, placed, stock

LAST, FIRST = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, 0, 1, tzinfo=UTC)


def close(session: Session, numbers: int | None = None) -> None:
    """Say up to which number nothing can be added any more: to the last, unless it is named."""
    run(
        session,
        """insert into stock_look (name, seen, closed, next_n, next_at, swept)
           select 'stock', n, n, n, :at, '' from (select coalesce(:numbers, last_value) as n from id_serial) drawn
           on conflict (name) do update set closed = excluded.closed""",
        at=AT,
        numbers=numbers,
    )


def move(session: Session, pieces: int, ref: str, at: datetime = AT) -> None:
    post(session, [Movement(StockKey("sh", "apple", OWNER), Reason.ADJUST, ref, on_hand=pieces)], at)


def plant(session: Session, ref: str) -> None:
    assert forge(session, "update stock_movement set on_hand = on_hand + 1 where ref = :ref", ref=ref) == 1


def found(session: Session, *, full: bool = False) -> set[str]:
    return {rule for rule, _, _ in check_stock(session, full=full)}


def verified(session: Session) -> int:
    one = row(session, "select number from stock_verification")
    return one.number if one else 0


@pytest.fixture
def old(session: Session) -> Session:
    """Verify a receipt and a loss; what comes later is new."""
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 4}})
    move(session, -2, "old")
    close(session)
    assert reconcile(session, AT) == 0
    return session


def test_what_was_changed_in_the_old_part_is_found_by_reading_all_again(old: Session) -> None:
    plant(old, "old")
    assert (reconcile(old, AT), found(old)) == (0, set())
    assert found(old, full=True) == {LEDGER, VERIFIED}


def test_what_is_wrong_in_the_new_part_is_found_daily(old: Session) -> None:
    move(old, -3, "new")
    plant(old, "new")
    assert (reconcile(old, AT), found(old), found(old, full=True)) == (1, {LEDGER}, {LEDGER})


def test_a_counter_that_moved_without_a_movement_is_found_daily(old: Session) -> None:
    run(old, "update stock_level set on_hand = on_hand + 1 where location = 'bj'")
    assert reconcile(old, AT) == 1


def test_a_movement_that_vanished_is_told_with_its_month(old: Session) -> None:
    forge(old, "delete from stock_movement where ref = 'old'")
    run(old, "update stock_level set on_hand = on_hand + 2 where location = 'sh'")
    told = [(subject, what) for rule, subject, what in check_stock(old, full=True) if rule == VERIFIED]
    assert told == [("stock:apple at sh", "month 2611: verified 7/0/0, ledger 9/0/0")]


def test_sums_of_carts_and_orders_are_kept_too(old: Session) -> None:
    hold(old, BRAND, "pc", "c1", [Wish("apple", 2)], timedelta(hours=1), AT)
    placed(old, order({"apple": 3}))
    close(old)
    assert [reconcile(old, AT), reconcile(old, AT), len(check_stock(old, full=True))] == [0, 0, 0]
    kept = rows(
        old, "select sum(on_hand) as on_hand, sum(allocated) as allocated, sum(soft) as soft from stock_verified"
    )
    assert tuple(map(int, kept[0])) == (11, 3, 2)


def test_what_is_not_closed_yet_is_read_again(old: Session) -> None:
    before = verified(old)
    move(old, -1, "open")
    assert (reconcile(old, AT), verified(old)) == (0, before)
    plant(old, "open")
    assert reconcile(old, AT) == 1


def test_nothing_is_verified_while_something_differs(old: Session) -> None:
    before = verified(old)
    move(old, -3, "new")
    plant(old, "new")
    close(old)
    assert (reconcile(old, AT), verified(old)) == (1, before)
    forge(old, "update stock_movement set on_hand = -3 where ref = 'new'")
    assert (reconcile(old, AT), verified(old) > before, found(old, full=True)) == (0, True, set())


def test_each_movement_counts_once_across_the_end_of_a_month(old: Session) -> None:
    for no, at in enumerate((LAST, FIRST, LAST, FIRST)):
        move(old, 1, f"m{no}", at)
        if no % 2:
            close(old)
        assert reconcile(old, at) == 0
    months = rows(old, "select month, sum(on_hand) as pieces from stock_verified group by 1 order by 1")
    assert ([(one.month, int(one.pieces)) for one in months], found(old, full=True)) == ([(2611, 13), (2612, 2)], set())


def test_what_was_verified_can_be_forgotten_and_all_is_read_anew(old: Session) -> None:
    plant(old, "old")
    run(
        old, "update stock_level set on_hand = on_hand + 1 where location = 'sh'"
    )  # somebody has put right what was wrong
    assert (found(old), found(old, full=True)) == ({LEDGER}, {VERIFIED})
    forget_verified(old, "op", AT)
    assert (found(old), reconcile(old, AT), found(old, full=True)) == (set(), 0, set())


def test_without_looks_all_is_read_each_time(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    assert (reconcile(session, AT), verified(session)) == (0, 0)
    forge(session, "update stock_movement set on_hand = 1")
    assert reconcile(session, AT) == 1


def test_the_worker_s_looks_close_what_is_verified_and_a_late_commit_is_not_missed(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 9}, "bj": {"apple": 9}})
    with database.transaction() as late:
        move(late, -2, "late")
        look(database, 6)
        assert reconciled(database) == 0
    look(database, 6)
    assert reconciled(database) == 0
    with database.transaction() as session:
        kept = row(session, "select sum(on_hand) as n from stock_verified where location = 'sh'")
        assert (kept and int(kept.n), found(session, full=True)) == (7, set())


def look(database: Database, times: int) -> None:
    for no in range(times):
        with database.transaction() as session:
            take_look(session, AT + timedelta(seconds=3 * no), "Asia/Shanghai")


def reconciled(database: Database) -> int:
    with database.transaction() as session:
        return reconcile(session, AT)
