"""An order in the database, whose one step waits to be sent."""

import pytest

from hub.database import Database
from tests.flows.acting import Play
from tests.hub.making import order, placed, stock


@pytest.fixture
def order_id(database: Database) -> int:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 100}, "bj": {"pear": 100}})
        return placed(session, order({"apple": 2}))


@pytest.fixture
def play(database: Database, order_id: int) -> Play:
    assert order_id
    return Play(database)
