"""Stock from its counters to the listings of a Taobao shop: rows, steps, and the gateway's stand-in."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from hub.database import Database, row, run
from hub.inventory.ledger import StockKey
from hub.inventory.reserve import Claim, reserve
from hub.tokens import store_token
from sandbox.listen import serving
from sandbox.taobao import Config, application
from sandbox.taobao_books import Shop
from tests.connectors.exemplars import TOKEN
from tests.flows.telling import SECRET, SHOP, Desk
from tests.hub.making import AT, OWNER, add_sku, open_causes, stock

LISTINGS = [(7, 71, "A-1"), (8, 81, "A-1"), (7, 72, "P-1"), (9, 0, "BOX")]


@pytest.fixture
def url() -> Iterator[str]:
    """A shop that lists apples twice, pears, and an item without SKUs."""
    shop = Shop(connection=SHOP, app_key="k", secret=SECRET, access=TOKEN.access, refresh=TOKEN.refresh)
    with serving(application(Config(shops=(shop,), calls_per_s=9999))) as found:
        rows = [{"num_iid": item, "sku_id": sku, "outer_id": code, "quantity": 999} for item, sku, code in LISTINGS]
        requests.post(f"{found}/listings", json={"connection": SHOP, "listings": rows}, timeout=5).raise_for_status()
        yield found


@pytest.fixture
def desk(database: Database, url: str, tmp_path: Path) -> Desk:
    """A shop that binds three of four SKUs, and a fourth that it does not list."""
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 10, "pear": 4, "plum": 3, "fig": 9}})
        add_sku(session, "box", parts={"apple": 2, "pear": 1})
        for sku, code in {"apple": "A-1", "pear": "P-1", "box": "BOX", "plum": "?"}.items():
            run(
                session,
                """insert into channel_binding (brand, version, created_at, updated_at, shop, channel_sku, sku)
                   values ('demo', 1, :at, :at, 'pc', :code, :sku)""",
                at=AT,
                code=code,
                sku=sku,
            )
        store_token(session, SHOP, TOKEN, AT)
    options = {"calls_per_s": "9999"}
    changes = {"kind": "channels.taobao", "base_url": f"{url}/router/rest", "app_key": "k", "options": options}
    made = Desk(database, url, tmp_path, stock="bound", **changes)
    made.look()
    made.sweep()
    made.send()
    return made


def shelf(desk: Desk) -> Mapping[str, int]:
    return desk.shop()["pieces"]


def test_every_listing_offers_what_may_be_sold_bundles_too(desk: Desk) -> None:
    assert shelf(desk) == {"7/71": 10, "8/81": 10, "7/72": 4, "9/0": 4}


def test_a_sale_is_told_of_the_sku_and_its_bundles(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        reserve(session, [Claim("order 1", StockKey("sh", "apple", OWNER), 7)], AT)
    desk.look()
    desk.send()
    assert shelf(desk) == {"7/71": 3, "8/81": 3, "7/72": 4, "9/0": 1}


def test_what_the_shop_does_not_list_calls_a_person_and_parks_nothing(desk: Desk, database: Database) -> None:
    desk.sweep()
    with database.transaction() as session:
        found = row(session, "select refused, due from stock_offer where sku = 'plum'")
        assert open_causes(session) == ["stock_push"]
    assert found is not None
    assert (found.refused, found.due) == ("not_listed", False)
    assert desk.send() == []
