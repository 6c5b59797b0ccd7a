import re

from playwright.sync_api import Page, Route, expect

from hub.database import row
from tests.console.browsing import NARROW, Guard, Look, Site
from tests.console.conftest import Open


def theme_of(page: Page) -> object:
    return page.evaluate("document.documentElement.dataset.bsTheme")


def test_a_chosen_language_stays_with_the_person(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    page.get_by_role("button", name="中").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("总览")
    other = open_page("operator", Look("en"))
    other.goto("/console/overview")
    expect(other.get_by_role("heading", level=1)).to_have_text("总览")


def test_a_chosen_theme_shows_at_once_and_stays_with_the_person(open_page: Open, site: Site) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    page.get_by_label("Theme").click()
    with page.expect_response("**/preferences/theme"):
        page.get_by_role("button", name="Dark").click()
    assert theme_of(page) == "dark"
    with site.database.transaction() as session:
        kept = row(session, "select theme from person where name = 'operator'")
    assert kept is not None
    assert kept.theme == "dark"
    page.reload()
    assert theme_of(page) == "dark"


def test_without_a_choice_the_theme_follows_the_system(open_page: Open) -> None:
    page = open_page("operator", Look(theme="dark"))
    page.goto("/console/overview")
    assert theme_of(page) == "dark"
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_the_theme_is_set_before_anything_is_painted(open_page: Open, guard: Guard) -> None:
    guard.expect("ERR_FAILED")
    page = open_page("operator", Look(theme="dark"))
    page.route("**/console.js*", lambda route: route.abort())
    page.add_init_script(
        "new MutationObserver(() => { if (document.body) window.first ??= document.documentElement.dataset.bsTheme; })"
        ".observe(document, {childList: true, subtree: true})"
    )
    page.goto("/console/overview")
    assert page.evaluate("window.first") == "dark"


def test_the_slash_finds_orders(open_page: Open, guard: Guard) -> None:
    guard.expect("404")
    page = open_page("operator")
    page.goto("/console/overview")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("W-1001")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/console/orders\?q=W-1001$"))


def test_escape_leaves_the_search_and_closes_a_menu(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).not_to_be_focused()
    page.get_by_label("Theme").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Dark")).to_be_hidden()
    expect(page.get_by_label("Theme")).to_be_focused()


def test_j_and_k_move_in_a_table(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    for key in ("j", "j", "j", "k"):
        page.keyboard.press(key)
    expect(page.locator("[data-rows] tbody tr").nth(1)).to_have_class("at")
    expect(page.locator("tr.at")).to_have_count(1)


def test_a_number_is_copied_with_one_click(open_page: Open, site: Site) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    page.get_by_role("button", name=f"Copy {site.orders['many0']}").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == str(site.orders["many0"])


def test_a_time_tells_its_zone_and_distance_on_hover(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    time = page.locator("[data-rows] time").first
    time.hover()
    expect(time).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\+08 · .*(ago|now)"))


def test_on_a_telephone_the_screens_lie_at_the_bottom(open_page: Open) -> None:
    page = open_page("operator", Look(size=NARROW))
    page.goto("/console/overview")
    box = page.get_by_role("navigation", name="Screens").bounding_box()
    assert box is not None
    assert round(box["y"] + box["height"]) == NARROW[1]


def test_an_address_that_leads_nowhere_says_so_inside_the_frame(open_page: Open, guard: Guard) -> None:
    guard.expect("404")
    page = open_page("viewer", Look("zh-CN"))
    page.goto("/console/nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("页面不存在")
    expect(page.get_by_role("navigation", name="页面导航")).to_be_visible()
    page.get_by_role("link", name="返回总览").click()
    expect(page).to_have_url(re.compile("/console/overview$"))


def test_a_drawer_has_its_own_address_and_back_leads_out_of_it(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/runs")
    page.locator("[data-rows] [data-open]").first.click()
    expect(page).to_have_url(re.compile(r"/console/runs/\d+"))
    expect(page.locator("#drawer")).to_be_visible()
    expect(page.locator("#drawer")).to_be_focused()
    page.go_back()
    expect(page).to_have_url(re.compile(r"/console/runs$"))
    expect(page.locator("#drawer")).to_be_empty()


def test_the_address_of_a_drawer_opens_it_beside_its_list(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/runs")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/console/runs/\d+"))
    page.reload()
    expect(page.locator("#drawer")).to_be_visible()
    expect(page.locator("[data-rows] tbody tr").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/console/runs(\?|$)"))
    expect(page.locator("#drawer")).to_be_empty()


def test_a_drawer_that_is_slow_shows_that_it_comes(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/runs")
    held: list[Route] = []
    page.route(re.compile(r"/console/runs/\d+"), lambda route: held.append(route))  # noqa: PLW0108 # playwright wraps functions only
    page.locator("[data-rows] [data-open]").first.click()
    expect(page.locator("#drawer")).to_be_visible()
    expect(page.locator("#drawer")).to_be_empty()
    held[0].continue_()
    expect(page.locator("#drawer-title")).to_be_visible()


def test_a_drawer_that_fails_is_told_beside_the_page(open_page: Open, guard: Guard) -> None:
    guard.expect("503")
    page = open_page("operator")
    page.goto("/console/runs")
    page.route(re.compile(r"/console/runs/\d+"), lambda route: route.fulfill(status=503, body="<h1>proxy</h1>"))
    page.locator("[data-rows] [data-open]").first.click()
    expect(page.locator("#notes")).to_contain_text("That did not work. (503)")
    expect(page.locator("#drawer")).to_be_empty()


def test_the_navigation_counts_what_waits(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/connections")
    expect(page.locator("[data-count=exceptions]")).to_have_text("6")


def test_who_may_see_no_orders_has_a_console_without_them(open_page: Open) -> None:
    page = open_page("analyst")
    page.goto("/console/overview")
    expect(page.get_by_role("navigation", name="Screens").get_by_role("link")).to_have_count(1)
    expect(page.locator("main")).not_to_contain_text("Latest orders")
    page.wait_for_load_state("networkidle")
