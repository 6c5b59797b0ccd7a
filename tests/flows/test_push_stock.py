from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.push_stock import PushStock
from hub.database import Database, rows, run
from hub.errors import HubError
from hub.inventory.alert_rule import RuleView, set_rule
from hub.inventory.ledger import StockKey
from hub.inventory.reserve import Claim, release, reserve
from hub.inventory.telling import Telling
from hub.roles import SYSTEM
from sandbox.listen import serving
from sandbox.storefront import Config, Shop, application
from tests.flows.telling import SECRET, SHOP, Desk
from tests.hub.making import AT, BRAND, OWNER, open_causes, stock


@pytest.fixture
def url() -> Iterator[str]:
    """A storefront of the test's own."""
    with serving(application(Config(shops=(Shop(connection=SHOP, secret=SECRET),)))) as found:
        yield found


@pytest.fixture
def desk(database: Database, url: str, tmp_path: Path) -> Desk:
    """A shop that knows of 1000 apples and 5 pears."""
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 1000, "pear": 5}})
    made = Desk(database, url, tmp_path)
    made.look()
    made.sweep()
    made.send()
    return made


def sell(database: Database, sku: str, pieces: int, ref: str = "order 1") -> None:
    with database.transaction() as session:
        reserve(session, [Claim(ref, StockKey("sh", sku, OWNER), pieces)], AT)


def open_causes_of(database: Database) -> list[str]:
    with database.transaction() as session:
        return open_causes(session)


def test_a_shop_believes_what_may_be_sold(desk: Desk) -> None:
    assert desk.shop()["pieces"] == desk.promised() == {"apple": 1000, "pear": 5}


def test_a_burst_of_movements_of_one_sku_is_one_or_two_calls(desk: Desk, database: Database) -> None:
    before = desk.shop()["tellings"]
    for number in range(500):
        sell(database, "apple", 1, f"order {number}")
        if number % 50 == 0:
            desk.look()
    desk.look()
    desk.send()
    assert desk.shop()["tellings"] - before <= 2
    assert desk.shop()["pieces"]["apple"] == 500


def test_the_number_is_read_when_the_step_is_sent(desk: Desk, database: Database) -> None:
    sell(database, "pear", 1)
    desk.look()
    sell(database, "pear", 3, "order 2")
    desk.look()
    assert desk.send() == ["done"]
    assert desk.shop()["pieces"]["pear"] == 1


def test_a_step_whose_number_came_back_calls_nobody(desk: Desk, database: Database) -> None:
    before = desk.shop()["tellings"]
    for pieces in (1, -1):
        with database.transaction() as session:
            run(session, "update stock_level set safety = safety + :pieces where sku = 'pear'", pieces=pieces)
        desk.sweep()
    assert (desk.send(), desk.shop()["tellings"]) == (["done"], before)


@pytest.mark.parametrize("mode", ["lost_answer", "reset", "garbage"])
def test_an_unheard_call_is_made_again_and_ends_at_the_newest_number(desk: Desk, database: Database, mode: str) -> None:
    sell(database, "pear", 1)
    desk.look()
    desk.break_next(mode)
    desk.send()
    sell(database, "pear", 1, "order 2")
    for _ in range(60):
        desk.look()
    desk.send()
    assert desk.shop()["pieces"] == desk.promised()
    assert open_causes_of(database) == []


def test_a_worker_that_dies_after_its_call_leaves_nothing_untold(desk: Desk, database: Database) -> None:
    sell(database, "pear", 1)
    desk.look()
    (job,) = desk.engine.prepare(desk.engine.take(1))
    desk.engine.call(job)
    with database.transaction() as session:
        release(session, [Claim("order 1", StockKey("sh", "pear", OWNER), 1)], AT)
    for _ in range(60):
        desk.look()
    desk.send()
    assert desk.shop()["pieces"] == desk.promised()


def test_a_busy_channel_is_told_later(desk: Desk, database: Database) -> None:
    sell(database, "pear", 1)
    desk.look()
    desk.break_next("503")
    assert desk.send() == ["pending"]
    for _ in range(60):
        desk.look()
    assert desk.send() == ["done"]
    assert desk.shop()["pieces"]["pear"] == 4


def test_what_a_channel_refuses_parks_no_lane_and_calls_a_person(desk: Desk, database: Database) -> None:
    sell(database, "pear", 1)
    desk.look()
    desk.break_next("business")
    assert desk.send() == ["done"]
    desk.sweep()
    assert open_causes_of(database) == ["stock_push"]
    sell(database, "pear", 1, "order 2")
    desk.look()
    desk.send()
    desk.sweep()
    assert (desk.shop()["pieces"]["pear"], open_causes_of(database)) == (3, [])


def test_after_a_refused_batch_each_number_is_told_by_itself(database: Database, url: str, tmp_path: Path) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {f"s{number}": number + 1 for number in range(12)}})
    desk = Desk(database, url, tmp_path)
    desk.look()
    desk.break_next("business", 4)
    desk.sweep()
    desk.send()
    assert desk.shop()["pieces"] == desk.promised()
    with database.transaction() as session:
        assert rows(session, "select 1 from stock_offer where due or alone or asking or refused <> ''") == []


def test_no_more_calls_are_made_than_the_channel_allows(database: Database, url: str, tmp_path: Path) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {f"s{number}": number + 1 for number in range(12)}})
    desk = Desk(database, url, tmp_path, rate_per_s=0.5, burst=1)
    desk.look()
    desk.sweep()
    told = list[int]()
    for _ in range(8):
        desk.send()
        told.append(desk.shop()["tellings"])
        desk.look()
    assert all(later - now <= 1 for now, later in zip(told, told[2:], strict=False))
    assert desk.shop()["pieces"] == desk.promised()


def test_a_channel_that_is_not_told_of_stock_needs_a_person(desk: Desk) -> None:
    with pytest.raises(HubError, match="not told of stock"):
        PushStock().call(object(), [Telling(sku="a", channel_sku="a", pieces=1, version=1)])
    assert desk.send() == []


def test_a_shop_that_the_settings_tell_no_more_is_told_nothing_and_forgotten(desk: Desk, database: Database) -> None:
    sell(database, "apple", 400)
    desk.look()
    quiet = desk.settings.connections[SHOP].model_copy(update={"stock": "none"})
    desk.settings = desk.settings.model_copy(update={"connections": {SHOP: quiet}})
    desk.sweep()
    assert (desk.send(), desk.shop()["pieces"]["apple"]) == ([], 1000)
    with database.transaction() as session:
        assert rows(session, "select 1 from stock_offer") == []


def test_a_stock_alert_reaches_its_partner_as_it_opens_and_closes(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        set_rule(session, SYSTEM, RuleView(BRAND, "pear", "", 4, 0), AT)
    for pieces in (2, -2):
        with database.transaction() as session:
            run(session, "update stock_level set on_hand = on_hand - :pieces where sku = 'pear'", pieces=pieces)
        desk.sweep()
        desk.send()
    assert sorted(desk.shop()["alerts"].values()) == ["low_pieces closed pear", "low_pieces open pear"]


def test_a_step_waits_for_nobody_who_weighs_its_numbers(desk: Desk, database: Database) -> None:
    sell(database, "pear", 1)
    desk.look()
    with database.transaction() as session:
        rows(session, "select 1 from stock_offer for update")
        assert desk.send() == ["done"]
    desk.look()
    assert (desk.send(), desk.shop()["pieces"]["pear"]) == (["done"], 4)
