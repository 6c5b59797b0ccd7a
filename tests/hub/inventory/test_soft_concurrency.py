import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy.orm import Session

from commands.conservation import RULES
from hub.database import Database, rows
from hub.inventory.ledger import drift, post
from hub.inventory.soft import Wish, expire_due, hold, release_held, take_held
from tests.forked import FORKED
from tests.hub.inventory.racing import CARTS, SKUS, TTL, die_holding, hold_carts, race_for_carts
from tests.hub.making import AT, BRAND, stock

THREADS = 16
PROCESSES = 4
HELD_RULE = "stock held is what reservations hold"


@pytest.fixture
def scarce(database: Database) -> Database:
    """Fill two locations with less than will be wanted."""
    with database.transaction() as session:
        stock(session, {location: dict.fromkeys(SKUS, 20) for location in ("sh", "bj")})
    return database


def check(session: Session) -> None:
    """All is held, nothing beyond, and ledger, counters and carts agree."""
    levels = rows(session, "select on_hand, allocated, soft from stock_level")
    assert [(one.soft, one.allocated) for one in levels] == [(20, 0)] * len(levels)
    assert drift(session) == []
    assert rows(session, RULES[HELD_RULE]) == []


def test_sixteen_threads_hold_exactly_what_there_is_and_never_deadlock(scarce: Database) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        wrong = list(pool.map(partial(hold_carts, scarce, CARTS), range(THREADS)))
    assert wrong == [[]] * THREADS
    with scarce.transaction() as session:
        check(session)


def test_four_processes_hold_exactly_what_there_is_and_never_deadlock(scarce: Database, database_url: str) -> None:
    with ProcessPoolExecutor(PROCESSES, mp_context=FORKED) as pool:
        wrong = list(pool.map(race_for_carts, [database_url] * PROCESSES, range(PROCESSES)))
    assert wrong == [[]] * PROCESSES
    with scarce.transaction() as session:
        check(session)


def test_the_same_cart_sent_by_all_at_once_is_held_once(scarce: Database) -> None:
    def send(_: int) -> int:
        with scarce.transaction() as session:
            return hold(session, BRAND, "pc", "c1", [Wish("apple", 3)], TTL, AT).reservation_id

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(set(pool.map(send, range(THREADS)))) == 1
    with scarce.transaction() as session:
        assert [one.n for one in rows(session, "select sum(soft)::bigint as n from stock_level")] == [3]


def test_a_cart_that_all_want_to_end_ends_once(scarce: Database) -> None:
    with scarce.transaction() as session:
        hold(session, BRAND, "pc", "c1", [Wish("apple", 3)], TTL, AT)

    def end(n: int) -> int:
        with scarce.transaction() as session:
            if n % 3 == 0:
                return expire_due(session, AT + TTL)
            if n % 3 == 1:
                return release_held(session, "pc", "c1", AT)
            taken = take_held(session, {n: ("pc", "c1")}, AT)
            post(session, taken, AT)
            return len(taken)

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(end, range(THREADS))) == 1
    with scarce.transaction() as session:
        assert [one.n for one in rows(session, "select sum(soft)::bigint as n from stock_level")] == [0]
        assert drift(session) == []


def test_a_process_killed_between_reserving_and_commit_leaves_nothing_behind(
    scarce: Database, database_url: str
) -> None:
    with scarce.transaction() as session:
        hold(session, BRAND, "pc", "old", [Wish(SKUS[1], 2)], TTL, AT)
    dying = FORKED.Process(target=die_holding, args=(database_url,))
    dying.start()
    dying.join()
    assert dying.exitcode == -signal.SIGKILL
    with scarce.transaction() as session:
        held = rows(session, "select sku, soft, allocated from stock_level where soft + allocated > 0")
        assert [(one.sku, one.soft, one.allocated) for one in held] == [(SKUS[1], 2, 0)]
        assert [one.ref for one in rows(session, "select ref from reservation where state = 'held'")] == ["old"]
        assert drift(session) == []
