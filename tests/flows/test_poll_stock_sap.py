import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.audience import set_audience
from hub.database import Database, rows, run
from hub.inventory.ledger import drift
from hub.order.ship.progress import record_confirm
from hub.partitions import make_partitions
from hub.settings import Connection, Settings
from sandbox.sap import open_sap
from sandbox.sap_books import give_stock, switch
from tests.flows.polling import book, poll
from tests.hub.making import BRAND, add_sku, confirm, counters, open_causes, order, placed, stock
from tests.staging import secret_of, settings_in

SAP = "sap"
OPTIONS = {"sales_org": "1710", "sold_to": "1000001", "ask_stock": "yes", "stock_at.sh": "1710/171A"}


@pytest.fixture
def far(database: Database) -> Iterator[str]:
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
        stock(session, {"sh": {"apple": 10, "pear": 3}, "bj": {"apple": 4}})
        set_audience(session, {(BRAND, "erp"): SAP})
    with open_sap(port=0, basic_auth=f"{SAP}:{secret_of(SAP)}", quiet=True) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def settings(tmp_path: Path, far: str) -> Settings:
    made = settings_in(tmp_path, read_s=3)
    (tmp_path / SAP).write_text(secret_of(SAP))
    sap = Connection(kind="erp.sap", brand=BRAND, base_url=far, app_key=SAP, options=OPTIONS)
    return made.model_copy(update={"connections": {**made.connections, SAP: sap}})


def give(far: str, **pieces: str) -> None:
    place = {"Plant": "1710", "StorageLocation": "171A"}
    rows_given = [{**place, "Material": sku, "MatlWrhsStkQtyInMatlBaseUnit": n} for sku, n in pieces.items()]
    give_stock(far, [*rows_given, {**place, "Material": "grape", "MatlWrhsStkQtyInMatlBaseUnit": "77"}])


def on_hand(database: Database, *places: tuple[str, str]) -> list[int]:
    with database.transaction() as session:
        assert drift(session) == []
        return [counters(session, *place)[0] for place in places]


def test_saps_count_is_booked_for_the_location_of_a_warehouse(database: Database, settings: Settings, far: str) -> None:
    give(far, apple="7")
    assert (poll(database, settings), book(database, settings)) == (1, ["done"])
    assert on_hand(database, ("sh", "apple"), ("sh", "pear"), ("bj", "apple")) == [7, 0, 4]
    with database.transaction() as session:
        marks = rows(session, "select sku, location, report from stock_watermark order by sku")
        assert [(one.sku, one.location) for one in marks] == [("apple", "sh"), ("pear", "sh")]
        assert {one.report.partition(" ")[0] for one in marks} == {SAP}


def test_what_came_there_untold_is_counted_and_what_is_not_listed_gets_no_counter(
    database: Database, settings: Settings, far: str
) -> None:
    with database.transaction() as session:
        for sku in ("grape", "fig"):
            add_sku(session, sku)
    give(far, apple="7")
    assert (poll(database, settings), book(database, settings)) == (1, ["done"])
    assert on_hand(database, ("sh", "grape"), ("sh", "apple")) == [77, 7]
    with database.transaction() as session:
        assert rows(session, "select 1 from stock_level where sku = 'fig'") == []


def test_what_a_buyer_holds_is_not_put_back_though_sap_has_not_heard(
    database: Database, settings: Settings, far: str
) -> None:
    with database.transaction() as session:
        order_id = placed(session, order({"pear": 3}))
        record_confirm(session, confirm(order_id, 1, {"pear": 3}), datetime.now(UTC))
    give(far, apple="10", pear="3")
    assert (poll(database, settings), book(database, settings)) == (1, ["done"])
    assert on_hand(database, ("sh", "apple"), ("sh", "pear")) == [10, 0]


def test_what_is_no_whole_piece_is_a_case_and_the_rest_is_booked(
    database: Database, settings: Settings, far: str
) -> None:
    give(far, apple="7.5", pear="2")
    assert (poll(database, settings), book(database, settings)) == (1, ["parked"])
    assert on_hand(database, ("sh", "apple"), ("sh", "pear")) == [10, 2]
    with database.transaction() as session:
        (told,) = rows(session, "select error from inbox")
        assert "apple" in told.error
        assert open_causes(session) == ["stock_report"]


def test_an_empty_answer_is_a_case_and_empties_no_shelf(database: Database, settings: Settings, far: str) -> None:
    give(far)
    assert (poll(database, settings), book(database, settings)) == (1, [])
    assert on_hand(database, ("sh", "apple"), ("sh", "pear")) == [10, 3]
    with database.transaction() as session:
        assert open_causes(session) == ["poll_failed"]


def test_a_refused_location_holds_up_no_other_and_is_asked_about_in_its_time(
    database: Database, settings: Settings, far: str
) -> None:
    give(far, apple="7")
    options = {**OPTIONS, "stock_at.bj": "1710/171B"}  # asked about first, and nothing is there
    sap = settings.connections[SAP].model_copy(update={"options": options})
    both = settings.model_copy(update={"connections": {**settings.connections, SAP: sap}})
    assert (poll(database, both), book(database, both)) == (1, ["done"])
    assert on_hand(database, ("sh", "apple"), ("bj", "apple")) == [7, 4]
    with database.transaction() as session:
        (one,) = rows(session, "select last_error, run_at from poll where (connection, name) = ('sap', 'stock')")
        assert one.last_error.startswith("nothing_listed")
        assert one.run_at > datetime.now(UTC) + timedelta(seconds=800)


def test_a_sap_that_is_away_changes_no_counter_and_is_asked_again(
    database: Database, settings: Settings, far: str
) -> None:
    give(far, apple="7")
    switch(far, "busy")
    assert (poll(database, settings), book(database, settings)) == (1, [])
    assert on_hand(database, ("sh", "apple")) == [10]
    with database.transaction() as session:
        (one,) = rows(session, "select failures from poll where (connection, name) = ('sap', 'stock')")
        assert one.failures == 1


def test_a_count_of_a_location_that_the_options_no_longer_name_is_refused(
    database: Database, settings: Settings, far: str
) -> None:
    give(far, apple="7")
    poll(database, settings)
    options = {name: value for name, value in OPTIONS.items() if name != "stock_at.sh"}
    sap = settings.connections[SAP].model_copy(update={"options": options})
    since = settings.model_copy(update={"connections": {**settings.connections, SAP: sap}})
    assert book(database, since) == ["parked"]
    assert on_hand(database, ("sh", "apple")) == [10]


def test_what_is_blocked_no_more_is_gone_from_what_may_not_be_sold(
    database: Database, settings: Settings, far: str
) -> None:
    place = {"Plant": "1710", "StorageLocation": "171A", "Material": "apple", "MatlWrhsStkQtyInMatlBaseUnit": "2"}
    give_stock(far, [place, {**place, "InventoryStockType": "07"}])
    assert (poll(database, settings), book(database, settings)) == (1, ["done"])
    assert blocked(database) == {"apple": 2}
    give_stock(far, [place])
    with database.transaction() as session:
        run(session, "update poll set run_at = now() - interval '1 second' where name = 'stock'")
    assert (poll(database, settings), book(database, settings)) == (1, ["done", "done"])
    assert (blocked(database), on_hand(database, ("sh", "apple"))) == ({"apple": 0}, [2])


def blocked(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        found = rows(session, "select sku, on_hand from stock_level where condition = 'damaged'")
        return {one.sku: one.on_hand for one in found}
