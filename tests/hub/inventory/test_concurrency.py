from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows
from hub.inventory.ledger import drift
from tests.forked import FORKED
from tests.hub.inventory.racing import ORDERS, SKUS, place_batches, race
from tests.hub.making import stock

THREADS = 16
PROCESSES = 4

OPEN_LINES = """
    select location, line.sku, sum(quantity - line.shipped - released) as open
    from fulfilment_line line join fulfilment_order using (order_id, no) group by 1, 2"""

UNEXPLAINED = """
    select id from sales_order o where exists (
        select 1 from order_line where order_id = o.id and allocated < ordered)
    and not exists (select 1 from order_hold where order_id = o.id and type = 'stock' and released_at is null)"""


@pytest.fixture
def scarce(database: Database) -> Database:
    """Fill two locations with less than half of what will be wanted."""
    with database.transaction() as session:
        stock(session, {location: dict.fromkeys(SKUS, 10) for location in ("sh", "bj")})
    return database


def check(session: Session, orders: int) -> None:
    """Whatever raced, nothing is oversold, the ledger adds up, and who went short is held."""
    levels = rows(session, "select location, sku, on_hand, allocated from stock_level")
    reserved = {(one.location, one.sku): int(one.open) for one in rows(session, OPEN_LINES)}
    assert all(one.allocated == reserved.get((one.location, one.sku), 0) <= one.on_hand for one in levels)
    assert sum(one.allocated for one in levels) == sum(one.on_hand for one in levels)
    assert drift(session) == []
    assert rows(session, UNEXPLAINED) == []
    assert len(rows(session, "select 1 from sales_order")) == orders


def test_sixteen_threads_on_the_same_goods_never_oversell_or_deadlock(scarce: Database) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        wrong = list(pool.map(partial(place_batches, scarce), range(THREADS)))
    assert wrong == [[]] * THREADS
    with scarce.transaction() as session:
        check(session, THREADS * ORDERS)


def test_four_processes_on_the_same_goods_never_oversell_or_deadlock(scarce: Database, database_url: str) -> None:
    with ProcessPoolExecutor(PROCESSES, mp_context=FORKED) as pool:
        wrong = list(pool.map(race, [database_url] * PROCESSES, range(PROCESSES)))
    assert wrong == [[]] * PROCESSES
    with scarce.transaction() as session:
        check(session, PROCESSES * ORDERS)
