"""Movements that commit in any order, while others look: none is missed, and each day's sales count once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from hub.database import Database, copy, row, rows, run
from hub.errors import NoStock
from hub.inventory.alert_rule import RuleView, list_alerts, set_rule
from hub.inventory.ledger import StockKey
from hub.inventory.lot_block import LotName, block_lot, unblock_lot
from hub.inventory.reserve import Claim, release, reserve
from hub.roles import SYSTEM
from tests.hub.inventory.lotted import tell
from tests.hub.inventory.shops import Looks, move, numbers, told_settings
from tests.hub.making import AT, BRAND, OWNER, stock

SKUS: Final = [f"s{number}" for number in range(6)]
CLOSED: Final = 8
"""Looks after which a span of numbers is closed, if nobody holds it open."""


@pytest.fixture
def looks(database: Database) -> Looks:
    """Stock that has been looked at."""
    with database.transaction() as session:
        stock(session, {"sh": dict.fromkeys(SKUS, 100)})
    made = Looks(database, told_settings())
    made.go(CLOSED)
    return made


def told(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        return dict(numbers(session))


def test_what_has_moved_is_found_by_the_next_look(looks: Looks, database: Database) -> None:
    with database.transaction() as session:
        move(session, "s1", -1, "a")
    looks.go()
    assert told(database) == {"s1": 99}


def test_what_commits_behind_a_later_movement_is_found_as_well(looks: Looks, database: Database) -> None:
    with database.transaction() as early:
        move(early, "s1", -1, "early")
        with database.transaction() as late:
            move(late, "s2", -1, "late")
        looks.go(CLOSED)
        assert told(database) == {"s2": 99}
    looks.go(CLOSED)
    assert told(database) == {"s1": 99, "s2": 99}


def test_a_span_stays_open_as_long_as_a_transaction_of_it(looks: Looks, database: Database) -> None:
    with database.transaction() as session:
        move(session, "s1", -1, "a")
        looks.go(3 * CLOSED)
        with database.transaction() as other:
            found = row(other, "select closed, seen from stock_look")
        assert found is not None
        assert found.closed < found.seen
    looks.go(2 * CLOSED)
    assert told(database) == {"s1": 99}


def test_a_restored_database_that_numbers_from_below_goes_on(looks: Looks, database: Database) -> None:
    with database.transaction() as session:
        move(session, "s1", -1, "a")
        run(session, "update stock_look set next_xid = :far", far=2**40)
        before = row(session, "select closed from stock_look")
    looks.go(CLOSED)
    with database.transaction() as session:
        after = row(session, "select closed from stock_look")
    assert before is not None
    assert after is not None
    assert after.closed > before.closed


def test_two_that_look_at_once_do_not_wait_for_each_other(looks: Looks, database: Database) -> None:
    with database.transaction() as session:
        rows(session, "select 1 from stock_look for update")
        assert looks.go() == [0]


def test_days_of_sales_are_what_orders_took_less_what_they_gave_back(looks: Looks, database: Database) -> None:
    key = StockKey("sh", "s1", OWNER)
    with database.transaction() as session:
        reserve(session, [Claim("order 1", key, 5)], AT)
    looks.go(CLOSED)
    with database.transaction() as session:
        release(session, [Claim("order 1", key, 2)], AT)
        reserve(session, [Claim("order 2", key, 1)], AT + timedelta(days=1))
    looks.go(2 * CLOSED)
    with database.transaction() as session:
        found = rows(session, "select day, pieces from stock_sale where sku = 's1' order by day")
    assert [one.pieces for one in found] == [3, 1]
    assert found[1].day - found[0].day == timedelta(days=1)


def test_whatever_commits_while_others_look_is_told_and_counted_once(looks: Looks, database: Database) -> None:
    def sell(seller: int) -> None:
        for number in range(20):
            with database.transaction() as session:
                sku = SKUS[(seller + number) % len(SKUS)]
                reserve(session, [Claim(f"{seller}-{number}", StockKey("sh", sku, OWNER), 1)], AT)

    with ThreadPoolExecutor(4) as pool:
        sellers = [pool.submit(sell, seller) for seller in range(4)]
        while not all(seller.done() for seller in sellers):
            looks.go()
    assert [seller.exception() for seller in sellers] == [None] * 4
    looks.go(2 * CLOSED)
    with database.transaction() as session:
        free = {one.sku: one.n for one in rows(session, "select sku, on_hand - allocated as n from stock_level")}
        sold = rows(session, "select sku, sum(pieces)::bigint as n from stock_sale group by sku")
    assert told(database) == free
    assert {one.sku: 100 - one.n for one in sold} == free


def test_a_refused_movement_tells_nobody_anything(looks: Looks, database: Database) -> None:
    with pytest.raises(NoStock), database.transaction() as session:
        move(session, "s1", -101, "too much")
    assert looks.go(CLOSED) == [0] * CLOSED


def test_lots_that_expire_at_midnight_are_told_and_warned_of_by_the_first_look_of_the_day(
    looks: Looks, database: Database
) -> None:
    lot = {"location": "sh", "owner": OWNER, "condition": "saleable", "on_hand": 70, "counted_at": AT}
    with database.transaction() as session:
        set_rule(session, SYSTEM, RuleView(BRAND, "s1", "sh", 50, 0), AT)
        for days, sku in enumerate(("s0", "s1", "s2")):  # today, tomorrow, the day after
            values = lot | {"sku": sku, "lot": "A", "expires_on": AT.date() + timedelta(days=days)}
            copy(session, "stock_lot", list(values), [tuple(values.values())])
    assert looks.go() == [0]
    looks.now = datetime(2026, 11, 11, 15, 59, 59, tzinfo=UTC)  # midnight is a second away in Shanghai
    assert looks.go(2) == [1, 0]
    assert told(database) == {"s1": 30}
    with database.transaction() as session:
        assert [(one.sku, one.kind) for one in list_alerts(session, SYSTEM)] == [("s1", "low_pieces")]


def test_a_lot_that_is_blocked_or_unblocked_is_told_by_the_next_look(looks: Looks, database: Database) -> None:
    with database.transaction() as session:
        tell(session, "count", {"A": 30, "B": 70}, sku="s1")
    looks.go(CLOSED)
    name = LotName(sku="s1", lot="A")
    for act, expected in ((block_lot, 70), (unblock_lot, 100)):
        with database.transaction() as session:
            act(session, "chief", BRAND, name, "mould", AT)
        looks.go()
        assert told(database)["s1"] == expected
