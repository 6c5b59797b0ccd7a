import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from hub.database import run
from hub.review.publish import NewRule, draft_rule, publish_rule
from hub.review.rules import rule_versions
from hub.review.verdict import Holding, HoldType, Letting
from hub.roles import SYSTEM, Role
from tests.console.browsing import WALKS, Guard, Look, Site, walk
from tests.console.conftest import Open
from tests.hub.making import BRAND, order, placed

HOME = "/console/rules"


@pytest.fixture(autouse=True)
def rules(site: Site) -> None:
    """Let one rule be in force in its second version with a third drafted, and one let holds go."""
    held = Holding(type=HoldType.FRAUD, resolver=Role.SUPERVISOR)
    waits = Holding(type=HoldType.FRAUD, expires_after_s=7_200)
    quick = Letting(releases=(HoldType.FRAUD, HoldType.REMARK))
    now = datetime.now(UTC)
    with site.database.transaction() as session:
        for no, (expression, verdict) in enumerate(
            (
                ("order.total > 300000", held),
                ("order.total > 500000 && buyer.orders_90d == 0", held),
                ("order.total > 500000 && buyer.orders_90d < 2 || blacklist.hit", waits),
            ),
            1,
        ):
            at = now - timedelta(days=9 - 3 * no)
            why = "新买家的大额订单由主管先看"
            rule = NewRule(name="large_new_buyer", brand=BRAND, expression=expression, verdict=verdict, why=why)
            draft_rule(session, SYSTEM, rule, at)
            if no < 3:
                publish_rule(session, SYSTEM, rule.name, no, at + timedelta(hours=1), untried="a test")
        rule = NewRule(name="small_and_known", expression="order.total < 20000 && buyer.orders_90d > 5", verdict=quick)
        draft_rule(session, SYSTEM, rule, now)
        publish_rule(session, SYSTEM, rule.name, 1, now, untried="a test")
        run(session, "update review_rule set drafted_by = 'admin', published_by = 'admin' where published_by <> ''")


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_the_review_rules(open_page: Open, look: Look) -> None:
    page = open_page("admin", look)
    walk(
        page,
        look,
        {
            "rules": HOME,
            "rules-retired": f"{HOME}?retired=true",
            "rule": f"{HOME}/large_new_buyer",
            "rule-tried": f"{HOME}/large_new_buyer/3/try?days=30",
            "rule-new": f"{HOME}-new",
        },
    )


def test_a_rule_is_written_in_the_browser(open_page: Open, site: Site) -> None:
    page = open_page("admin")
    page.goto(HOME)
    page.get_by_role("link", name="New rule").click()
    page.get_by_label("Rule name").fill("buyer_asks_to_wait")
    page.get_by_label("When this is true").fill('order.remark.contains("先别发")')
    page.get_by_label("Held for").select_option("remark")
    page.get_by_label("Ends by itself after").fill("90")
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.get_by_role("status")).to_contain_text("Version 1 of buyer_asks_to_wait is drafted")
    expect(page).to_have_url(re.compile("/console/rules/buyer_asks_to_wait$"))
    with site.database.transaction() as session:
        (rule,) = rule_versions(session, SYSTEM, "buyer_asks_to_wait")
    assert rule.verdict == Holding(type=HoldType.REMARK, expires_after_s=5_400)


def test_a_draft_is_published_after_it_was_tried_and_holds_the_next_order(open_page: Open, site: Site) -> None:
    page = open_page("admin")
    page.goto(f"{HOME}/large_new_buyer")
    expect(page.get_by_role("button", name="Publish version 3")).to_be_disabled()
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.locator("#trial")).to_contain_text("Orders looked at")
    page.get_by_role("button", name="Publish version 3").click()
    expect(page.get_by_role("status")).to_contain_text("Version 3 of large_new_buyer is in force")
    with site.database.transaction() as session:
        placed(session, order({"apple": 600}, "W-5001"))
    page.goto("/console/holds?rule=large_new_buyer")
    expect(page.get_by_role("row").filter(has_text="W-5001")).to_contain_text("total ¥6,000.00 · on any list no")


def test_an_expression_that_is_refused_says_why_and_stays_in_the_form(open_page: Open, guard: Guard) -> None:
    guard.expect("422")
    page = open_page("admin")
    page.goto(f"{HOME}-new")
    page.get_by_label("Rule name").fill("wrong")
    page.get_by_label("When this is true").fill("order.total > nobody.knows")
    with page.expect_response(lambda answer: answer.status == 422):
        page.get_by_role("button", name="Save as a draft").click()
    expect(page.locator("#notes")).to_contain_text("no fact is called nobody")
    expect(page.get_by_label("When this is true")).to_have_value("order.total > nobody.knows")


def test_what_lets_go_asks_for_other_values_than_what_holds(open_page: Open) -> None:
    page = open_page("admin", Look("zh-CN"))
    page.goto(f"{HOME}-new")
    expect(page.get_by_label("自动解除（分钟）")).to_be_visible()
    page.get_by_role("radio", name="自动放行挂起").check()
    expect(page.get_by_label("自动解除（分钟）")).to_be_hidden()
    expect(page.get_by_role("group", name="放行的挂起类型")).to_be_visible()
