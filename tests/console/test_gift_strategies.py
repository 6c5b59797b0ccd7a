from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from hub.gift.model import Give, Strategy
from hub.gift.strategy import draft, publish
from hub.order.place.batch import place
from hub.roles import SYSTEM
from tests.console.browsing import WALKS, Look, Site, walk
from tests.console.conftest import Open
from tests.hub.making import BRAND, ZONE, add_sku, order

HOME = "/console/gifts"
PAGE = f"{HOME}/{BRAND}/spring"


@pytest.fixture(autouse=True)
def strategies(site: Site) -> None:
    """Let one strategy be in force with the next drafted, over some orders."""
    now = datetime.now(UTC)
    with site.database.transaction() as session:
        for sku in ("gift-cup", "gift-mug"):
            add_sku(session, sku)
        live = Strategy(brand=BRAND, name="spring", min_fen=1_000, first_orders=100, gives=(Give(sku="gift-cup"),))
        publish(session, SYSTEM, BRAND, "spring", draft(session, SYSTEM, live, now), now, untried="a test")
        gives = (Give(sku="gift-cup", value_fen=900, instead="gift-mug"),)
        changes = {"gives": gives, "if_out": "replace", "once_per_member": True, "min_fen": 2_000}
        draft(session, SYSTEM, live.model_copy(update=changes), now)
        for no in range(5):
            at = now - timedelta(minutes=no)
            place(session, [order({"apple": 1 + no}, f"G-{no}", placed_at=at, paid_at=at)], at, ZONE)


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_the_gift_strategies(open_page: Open, look: Look) -> None:
    page = open_page("admin", look)
    paths = {"gifts": HOME, "gifts-new": f"{HOME}-new", "gift": PAGE, "gift-tried": f"{PAGE}/2/try?days=7"}
    walk(page, look, paths)


def test_a_strategy_is_tried_and_published_in_the_browser(open_page: Open) -> None:
    page = open_page("admin")
    page.goto(PAGE)
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_text("Would have had it")).to_be_visible()
    page.get_by_role("button", name="Publish version 2").click()
    expect(page.get_by_role("status")).to_contain_text("Version 2 of spring is in force")
