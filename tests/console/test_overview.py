import re

from playwright.sync_api import Page, expect

from hub.cases import NewCase, open_cases
from hub.database import row, run
from tests.console.browsing import Guard, Look, Site, texts
from tests.console.conftest import Open
from tests.hub.making import AT


def figure(page: Page, name: str) -> str:
    return page.locator(".figure", has_text=name).locator(".figure-value").inner_text()


def test_the_figures_are_those_of_the_database(open_page: Open, site: Site) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    with site.database.transaction() as session:
        cases = row(session, "select count(*) as n from case_file where state = 'open'")
    assert cases is not None
    assert figure(page, "Open exceptions") == str(cases.n)
    assert figure(page, "On time") == "66.7%"
    assert figure(page, "Dead calls") == "1"
    expect(page.locator(".figure", has_text="On time")).to_contain_text("target ≥ 95%")


def test_connections_that_need_somebody_come_first(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    names = texts(page, "table.rows >> nth=0 >> tbody tr td:first-child")
    assert names[:3] == ["sap", "mall-pc", "wms-bj"]
    assert names[-1] == "kdniao"
    expect(page.get_by_role("row", name="sap")).to_contain_text("Paused")


def test_every_failure_leads_to_what_mends_it(open_page: Open) -> None:
    page = open_page("operator", Look("zh-CN"))
    page.goto("/console/overview")
    line = page.locator(".causes li", has_text="unknown_sku")
    expect(line).to_contain_text("渠道商品未对应到 SKU")
    expect(line.get_by_role("link")).to_have_attribute("href", re.compile("/console/exceptions.*unknown_sku"))


def test_what_happens_meanwhile_appears_by_itself(open_page: Open, site: Site) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    before = int(figure(page, "Open exceptions"))
    with site.database.transaction() as session:
        open_cases(session, [NewCase("totals", "inbox:77", "demo", "by a fen", None, {"inbox": 77})], AT)
    expect(page.locator(".figure", has_text="Open exceptions")).to_contain_text(str(before + 1))


def test_the_chart_is_drawn_and_told_in_words(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    expect(page.locator("#throughput canvas")).to_be_visible()
    expect(page.locator("#throughput-sum")).to_contain_text(re.compile(r"\d+ orders received, \d+ shipments reported"))
    page.get_by_role("link", name="24 hours").click()
    expect(page.get_by_role("link", name="24 hours")).to_have_attribute("aria-current", "true")


def test_without_an_answer_the_values_stay_and_say_as_of_when(open_page: Open, guard: Guard) -> None:
    guard.expect("ERR_FAILED")
    page = open_page("operator")
    page.goto("/console/overview")
    value = figure(page, "Orders today")
    page.route("**/overview/**", lambda route: route.abort())
    expect(page.locator(".as-of")).to_have_class(re.compile("is-stale"))
    assert figure(page, "Orders today") == value
    expect(page.locator(".as-of")).to_contain_text(re.compile(r"as of \d\d:\d\d:\d\d"))


def test_a_tab_that_nobody_sees_asks_for_nothing(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    page.wait_for_load_state("networkidle")
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4_000)
    assert asked == []


def test_an_empty_hub_says_what_to_do_next(open_page: Open, site: Site) -> None:
    with site.database.transaction() as session:
        run(session, "truncate sales_order, case_file cascade")
    page = open_page("operator")
    page.goto("/console/overview")
    expect(page.locator("main")).to_contain_text("No orders yet.")
    expect(page.locator("main")).to_contain_text("./oms demo")
    expect(page.locator("main")).to_contain_text("Nothing needs a person.")
