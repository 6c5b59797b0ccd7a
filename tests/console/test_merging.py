from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from hub.merge.policy import ShopPolicy, set_policy
from hub.roles import SYSTEM
from tests.console.browsing import WALKS, Look, Site, walk
from tests.console.conftest import Open
from tests.hub.making import BRAND

HOME = "/console/merging"


@pytest.fixture(autouse=True)
def policies(site: Site) -> None:
    """Let one of the two shops merge, beside another brand's."""
    with site.database.transaction() as session:
        set_policy(session, SYSTEM, ShopPolicy(BRAND, "pc", brands=("sister",), window_min=45), datetime.now(UTC))


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_the_merge_policies(open_page: Open, look: Look) -> None:
    page = open_page("admin", look)
    walk(page, look, {"merging-set": f"{HOME}/pc", "merging-never-set": f"{HOME}/h5", "merging": HOME})
    table = page.get_by_role("region", name="Merge policies" if look.locale == "en" else "合单策略")
    assert table.evaluate("one => one.scrollWidth <= one.clientWidth"), "the list scrolls sideways on a narrow screen"


def test_a_shop_begins_to_merge_in_the_browser(open_page: Open) -> None:
    page = open_page("admin")
    page.goto(HOME)
    page.get_by_role("link", name="h5").click()
    page.get_by_label("Minutes to wait").fill("90")
    page.get_by_label("Gift").check()
    page.get_by_role("button", name="Set the policy").click()
    expect(page.get_by_role("status")).to_contain_text("Orders of h5 merge by this from the next one on.")
    expect(page.get_by_role("region", name="What counts now")).to_contain_text("90 min")
    expect(page.get_by_label("Gift")).to_be_checked()
