import re

import pytest
from playwright.sync_api import expect

from hub.database import row
from tests.console.browsing import LOOKS, Look, Site, audit
from tests.console.conftest import Open

DRAWER = "#drawer"
PAGES = {
    "schedule": "/console/schedule",
    "schedule-chore": "/console/schedule/chores/parcels.ask",
    "schedule-paused": "/console/schedule/chores/visits.forget",
    "schedule-poll": "/console/schedule/polls/mall-pc/hints",
    "connection-open": "/console/connections/wms-bj",
    "connection-limits": "/console/connections/wms-sh",
    "connection-try": "/console/connections/wms-bj/try-now",
}


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_nothing_bars_anybody_from_the_engines_screens(open_page: Open, look: Look) -> None:
    page = open_page("admin", look)
    for name, path in PAGES.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert audit(page, f"{name}-{look}") == [], path
        wide: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, f"{path} scrolls sideways"


def test_a_chore_is_paused_and_resumed_from_its_drawer(open_page: Open, site: Site) -> None:
    page = open_page("supervisor")
    page.goto("/console/schedule")
    page.get_by_role("link", name="Seal the audit log").click()
    expect(page).to_have_url(re.compile(r"/console/schedule/chores/audit\.seal$"))
    page.get_by_label("Reason").fill("the disk is full")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_contain_text("audit.seal is paused")
    expect(page.locator(DRAWER)).to_contain_text("the disk is full")
    page.get_by_label("Reason").fill("a bigger disk")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status")).to_contain_text("audit.seal goes on")
    with site.database.transaction() as session:
        found = row(session, "select paused_at from schedule where name = 'audit.seal'")
    assert found
    assert found.paused_at is None


def test_an_open_breaker_is_tried_at_once_by_a_supervisor(open_page: Open) -> None:
    page = open_page("supervisor")
    page.goto("/console/connections")
    page.get_by_role("link", name="wms-bj", exact=True).click()
    expect(page.locator("main")).to_contain_text("No call is made since")
    page.get_by_role("link", name="Try now…").click()
    page.get_by_label("Reason").fill("the warehouse called")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("status")).to_contain_text("One call of wms-bj is tried now")
    expect(page.locator("main")).to_contain_text("The next call that is due is tried.")
