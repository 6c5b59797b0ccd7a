import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from hub.database import row
from tests.console.browsing import WALKS, Look, Site, walk
from tests.console.conftest import Open
from tests.console.shelves import fill_shelves
from tests.hub.making import counters

DRAWER = "#drawer"
HOME = "/console/inventory"
LEVEL = f"{HOME}/level?at=sh&owner=OWNER&condition=saleable&sku="
PAGES = {
    "inventory": HOME,
    "inventory-below": f"{HOME}?show=below",
    "inventory-none": f"{HOME}?find=nothing",
    "inventory-level": f"{LEVEL}apple",
    "inventory-plum": f"{LEVEL}plum",
    "inventory-alerts": f"{HOME}/alerts",
    "inventory-alerts-over": f"{HOME}/alerts?state=closed",
}


@pytest.fixture(autouse=True)
def shelves(site: Site) -> None:
    with site.database.transaction() as session:
        fill_shelves(session, datetime.now(UTC))


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_the_screens_of_stock(open_page: Open, look: Look) -> None:
    page = open_page("admin", look)
    walk(page, look, PAGES)


def test_a_counter_is_found_corrected_and_kept_back_from_its_drawer(open_page: Open, site: Site) -> None:
    page = open_page("operator")
    page.goto(HOME)
    page.get_by_label("SKU or title").fill("西梅")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile("find="))
    page.locator("#levels").get_by_role("row", name="plum").filter(has_text="sh").get_by_role("link").click()
    expect(page.locator(DRAWER)).to_contain_text("plum at sh")
    page.get_by_label("Pieces (+ or −)").fill("-2")
    page.get_by_label("Reason").fill("broken in the aisle")
    page.get_by_role("button", name="Book").click()
    expect(page.get_by_role("status")).to_contain_text("plum at sh: -2 pieces.")
    page.get_by_label("Safety stock").fill("5")
    page.get_by_role("button", name="Keep back").click()
    expect(page.get_by_role("status")).to_contain_text("5 pieces of plum are kept back.")
    expect(page.locator(DRAWER)).to_contain_text("Adjusted")
    with site.database.transaction() as session:
        assert counters(session, "sh", "plum") == (10, 0)


def test_escape_closes_the_drawer_and_back_opens_it(open_page: Open) -> None:
    page = open_page("viewer")
    page.goto(f"{HOME}?show=below")
    page.locator("#levels").get_by_role("link", name="plum", exact=True).click()
    expect(page.locator(DRAWER)).to_contain_text("plum at sh")
    page.keyboard.press("Escape")
    expect(page.locator(DRAWER)).to_be_empty()
    expect(page).to_have_url(re.compile(r"\?show=below$"))
    page.go_back()
    expect(page.locator(DRAWER)).to_contain_text("plum at sh")


def test_a_channel_that_believes_in_too_much_is_told_at_once(open_page: Open, site: Site) -> None:
    page = open_page("operator")
    page.goto(f"{LEVEL}apple")
    expect(page.locator(DRAWER)).to_contain_text("+22")
    page.get_by_role("button", name="Tell channels now").click()
    expect(page.get_by_role("status")).to_contain_text("channels are told of apple.")
    with site.database.transaction() as session:
        found = row(session, "select bool_and(due) as due from stock_offer where sku = 'apple'")
    assert found
    assert found.due


def test_an_alert_is_seen_to_and_leads_to_its_stock(open_page: Open) -> None:
    page = open_page("operator")
    page.goto(HOME)
    page.get_by_role("navigation", name="Views of stock").get_by_role("link", name="Alerts").click()
    line = page.get_by_role("row", name="Few pieces").filter(has_text="plum").filter(has_text="sh")
    line.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("You see to it")
    expect(line).to_contain_text("operator")
    line.get_by_role("link", name="plum").click()
    expect(page).to_have_url(re.compile(r"/console/inventory\?find=plum&location=sh$"))


def test_a_threshold_is_set_and_removed_by_an_administrator(open_page: Open) -> None:
    page = open_page("admin")
    page.goto(f"{HOME}/alerts")
    form = page.get_by_role("form", name="Set a threshold")
    form.get_by_label("SKU").fill("pear")
    form.get_by_label("Fewer pieces than").fill("40")
    form.get_by_role("button", name="Set").click()
    expect(page.get_by_role("status")).to_contain_text("The threshold counts")
    line = page.get_by_role("row", name="pear").filter(has=page.get_by_role("button", name="Remove"))
    expect(line).to_contain_text("40")
    line.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("The threshold is gone.")
