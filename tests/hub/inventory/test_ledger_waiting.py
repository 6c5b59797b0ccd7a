"""What comes to fit while somebody waits for the counters before it is no shortage."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.database import Database
from hub.inventory.ledger import Shortage, StockKey, drift
from hub.inventory.level import receive
from hub.inventory.reserve import Claim, reserve
from tests.hub.making import AT, BRAND, OWNER, counters, stock
from tests.hub.waiting import until_it_waits

APPLE, PEAR = StockKey("sh", "apple", OWNER), StockKey("sh", "pear", OWNER)


def promise(database: Database, pears: int) -> None:
    with database.transaction() as session:
        reserve(session, [Claim("fo:1", APPLE, 1), Claim("fo:1", PEAR, pears)], AT)


def receive_while_it_waits(database: Database, pears: int) -> None:
    """Promise an apple and pears while goods of both come in: five pears, where there was one."""
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 5, "pear": 1}})
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            receive(session, BRAND, [(APPLE, 1), (PEAR, 4)], "ASN-2", AT)
            other = pool.submit(promise, database, pears)
            until_it_waits(database, other)
        other.result()


def test_a_counter_that_comes_to_fit_meanwhile_gives_what_is_wished(database: Database) -> None:
    receive_while_it_waits(database, 5)
    with database.transaction() as session:
        assert (counters(session, "sh", "apple"), counters(session, "sh", "pear")) == ((6, 1), (5, 5))
        assert drift(session) == []


def test_one_that_still_has_too_little_is_named_alone_and_nothing_is_promised(database: Database) -> None:
    with pytest.raises(Shortage) as told:
        receive_while_it_waits(database, 6)
    assert told.value.keys == {PEAR}
    with database.transaction() as session:
        assert (counters(session, "sh", "apple"), counters(session, "sh", "pear")) == ((6, 0), (5, 0))
