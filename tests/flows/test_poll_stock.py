from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from hub.database import Database, rows
from hub.inventory.ledger import drift
from hub.partitions import make_partitions
from hub.polls import STOCK
from hub.settings import Polls, Settings
from sandbox.listen import serving
from sandbox.qimen import application
from sandbox.qimen_sites import Config, Site
from tests.flows.polling import book, poll
from tests.hub.making import counters, stock
from tests.staging import NOWHERE, secret_of, settings_in

WMS = "wms-sh"


@pytest.fixture
def warehouse(database: Database) -> Iterator[str]:
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
        stock(session, {"sh": {"apple": 10, "pear": 3}})
    keys = {"connection": WMS, "app_key": WMS, "customer_id": WMS, "secret": secret_of(WMS)}
    site = Site.model_validate({**keys, "webhook": NOWHERE, "warehouses": ("sh",)})
    with serving(application(Config(sites=(site,)))) as url:
        yield url


def wishing(folder: Path, url: str, *, wish: str = "yes", stock_s: float = 900) -> Settings:
    settings = settings_in(folder, wms=url, read_s=3)
    wms = settings.connections[WMS].model_copy(update={"options": {"ask_stock": wish}})
    changes = {"connections": {**settings.connections, WMS: wms}, "polls": Polls(stock_s=stock_s)}
    return settings.model_copy(update=changes)


def fill(url: str, **pieces: str) -> None:
    lines = [{"warehouse": "sh", "sku": sku, "quantity": quantity} for sku, quantity in pieces.items()]
    requests.post(f"{url}/shelves", json={"connection": WMS, "pieces": lines}, timeout=5).raise_for_status()


def test_a_location_that_is_asked_has_its_answer_booked_as_a_count(
    database: Database, tmp_path: Path, warehouse: str
) -> None:
    settings = wishing(tmp_path, warehouse)
    fill(warehouse, apple="7", grape="9")
    assert (poll(database, settings), book(database, settings)) == (1, ["done"])
    with database.transaction() as session:
        assert [counters(session, "sh", sku)[0] for sku in ("apple", "pear")] == [7, 3]
        assert drift(session) == []


def test_what_is_answered_as_damaged_alone_is_sold_no_more(database: Database, tmp_path: Path, warehouse: str) -> None:
    settings = wishing(tmp_path, warehouse)
    lines = [{"warehouse": "sh", "sku": "apple", "quantity": "2", "type": "CC"}]
    requests.post(f"{warehouse}/shelves", json={"connection": WMS, "pieces": lines}, timeout=5).raise_for_status()
    assert (poll(database, settings), book(database, settings)) == (1, ["done"])
    with database.transaction() as session:
        found = rows(session, "select condition, on_hand from stock_level where sku = 'apple' order by condition")
        assert [tuple(one) for one in found] == [("damaged", 2), ("saleable", 0)]
        assert (counters(session, "sh", "pear")[0], drift(session)) == (3, [])


def test_a_location_is_asked_again_when_its_time_has_come(database: Database, tmp_path: Path, warehouse: str) -> None:
    settings = wishing(tmp_path, warehouse)
    fill(warehouse, apple="7")
    assert [poll(database, settings, after) for after in (0, 890, 910)] == [1, 0, 1]


@pytest.mark.parametrize(("wish", "stock_s"), [("", 900), ("no", 900), ("yes", 0)])
def test_nobody_is_asked_who_does_not_wish_it(
    database: Database, tmp_path: Path, warehouse: str, wish: str, stock_s: float
) -> None:
    assert poll(database, wishing(tmp_path, warehouse, wish=wish, stock_s=stock_s)) == 0


@pytest.mark.usefixtures("warehouse")
def test_a_failed_question_changes_no_counter_and_is_asked_again(database: Database, tmp_path: Path) -> None:
    settings = wishing(tmp_path, NOWHERE)
    assert (poll(database, settings), book(database, settings)) == (1, [])
    with database.transaction() as session:
        (one,) = rows(session, "select failures, name from poll where connection = :name", name=WMS)
        assert (one.name, one.failures, counters(session, "sh", "apple")[0]) == (STOCK, 1, 10)
