import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.console.browsing import WALKS, Look, Site, walk
from tests.console.conftest import Open
from tests.console.shelves import count_shelves, fill_shelves, share_shelves

DRAWER = "#drawer"
HOME = "/console/inventory"
LEVEL = f"{HOME}/level?at=sh&owner=OWNER&condition=saleable&sku=apple"
ONE = f"{HOME}/reports/one?connection=wms-sh&report="
PAGES = {
    "inventory-quotas": LEVEL,
    "inventory-reports": f"{HOME}/reports",
    "inventory-reports-none": f"{HOME}/reports?location=bj",
    "inventory-report": f"{ONE}CK-1102",
    "inventory-report-late": f"{ONE}CK-1100",
    "inventory-report-refused": f"{ONE}CK-1103",
}


@pytest.fixture(autouse=True)
def shelves(site: Site) -> None:
    now = datetime.now(UTC)
    with site.database.transaction() as session:
        fill_shelves(session, now)
        share_shelves(session, now)
        count_shelves(session, now)


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_quotas_and_reports(open_page: Open, look: Look) -> None:
    page = open_page("admin", look)
    walk(page, look, PAGES)


def test_a_quota_is_given_changed_and_removed_on_the_stock_page(open_page: Open) -> None:
    page = open_page("operator")
    page.goto(LEVEL)
    part = page.locator(f"{DRAWER} section:has(#quotas-title)")
    part.get_by_role("combobox", name="Shop").select_option("h5")
    part.get_by_role("combobox", name="Quota").select_option("cap")
    part.get_by_label("Amount (pieces or percent)").fill("50")
    part.get_by_role("button", name="Give quota").click()
    expect(page.get_by_role("status")).to_contain_text("The quota of apple for h5 is set.")
    line = part.get_by_role("row", name="At most")
    expect(line).to_contain_text("all together")
    line.get_by_label("Amount of h5").fill("60")
    line.get_by_role("button", name="Change").click()
    expect(line.locator("td").nth(5)).to_have_text("58")  # two are in a cart
    line.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("h5 shares apple like any other shop again.")
    expect(line).to_have_count(0)


def test_somebody_who_only_looks_sees_what_each_shop_has_left(open_page: Open) -> None:
    page = open_page("viewer")
    page.goto(LEVEL)
    part = page.locator(f"{DRAWER} section:has(#quotas-title)")
    expect(part.get_by_role("row", name="Its own pieces")).to_contain_text("57")
    expect(part.get_by_role("button")).to_have_count(0)


def test_a_drift_is_followed_from_the_list_to_its_counter_and_back(open_page: Open) -> None:
    page = open_page("viewer")
    page.goto(HOME)
    page.get_by_role("navigation", name="Views of stock").get_by_role("link", name="Reports").click()
    page.get_by_role("navigation", name="Reports by what became of them").get_by_role("link", name="Differs").click()
    expect(page).to_have_url(re.compile(r"show=differing"))
    expect(page.locator("#reports tbody tr")).to_have_count(1)
    page.get_by_role("link", name="CK-1102").click()
    line = page.get_by_role("row", name="apple")
    expect(line).to_contain_text("The difference was booked")
    line.get_by_role("link", name="apple").click()
    expect(page.locator(DRAWER)).to_contain_text("apple at sh")
    page.locator(DRAWER).get_by_role("link", name="CK-1102").click()
    expect(page.get_by_role("heading", name="Report CK-1102")).to_be_visible()


def test_a_report_that_came_too_late_says_what_stood_against_it(open_page: Open) -> None:
    page = open_page("viewer")
    page.goto(f"{HOME}/reports")
    page.get_by_label("Location").select_option("sh")
    expect(page).to_have_url(re.compile(r"location=sh"))
    page.get_by_role("link", name="CK-1100").click()
    expect(page.get_by_role("row", name="apple")).to_contain_text("CK-1102")
