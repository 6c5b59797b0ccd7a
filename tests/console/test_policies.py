import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from hub.order.place.batch import place
from hub.order.rules.policy import POLICY, built_in
from hub.roles import SYSTEM
from hub.sourcing.policies import draft_policy, publish_policy
from tests.console.browsing import WALKS, Look, Site, walk
from tests.console.conftest import Open
from tests.hub.making import BRAND, ZONE, order

HOME = "/console/policies"
LIVE = built_in(BRAND).replace("my-first", "2026-12")
DRAFT = re.sub(r'note = ".*"', 'note = "尽量从上海发"', LIVE.replace("2026-12", "2027-01")).replace(
    "locations = []", 'locations = ["bj"]'
)


@pytest.fixture(autouse=True)
def policies(site: Site) -> None:
    """Let one policy be in force with the next drafted, over a week of orders."""
    now = datetime.now(UTC)
    with site.database.transaction() as session:
        draft_policy(session, SYSTEM, LIVE, POLICY.version, now - timedelta(days=9))
        publish_policy(
            session, SYSTEM, BRAND, "2026-12", "the first", now - timedelta(days=8), revision=1, untried="a test"
        )
        draft_policy(session, SYSTEM, DRAFT, POLICY.version, now - timedelta(hours=2))
        for no in range(7):
            at = now - timedelta(minutes=no)
            place(session, [order({"apple": 1 + 4 * no % 9}, f"P-{no}", placed_at=at, paid_at=at)], at, ZONE)


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_the_sourcing_policies(open_page: Open, look: Look) -> None:
    page = open_page("admin", look)
    walk(
        page,
        look,
        {
            "policies": HOME,
            "policies-new": f"{HOME}-new",
            "policy": f"{HOME}/{BRAND}/2026-12",
            "policy-draft": f"{HOME}/{BRAND}/2027-01",
            "policy-tried": f"{HOME}/{BRAND}/2027-01/try?days=7",
        },
    )


def test_a_policy_is_tried_and_published_in_the_browser(open_page: Open) -> None:
    page = open_page("admin")
    page.goto(f"{HOME}/{BRAND}/2027-01")
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_text("would ship otherwise")).to_be_visible()
    page.get_by_label("Reason").fill("cheaper")
    page.get_by_role("button", name="Publish 2027-01").click()
    expect(page.get_by_role("status")).to_contain_text("sourced by 2027-01 from the next batch on")
