import re

from playwright.sync_api import expect

from hub.database import rows, run
from tests.console.browsing import Guard, Look, Site, sign_in
from tests.console.conftest import Open


def test_who_signs_in_comes_to_the_page_that_was_asked_for(open_page: Open) -> None:
    page = open_page()
    page.goto("/console/overview?span=day")
    expect(page).to_have_url(re.compile(r"/console/sign-in\?next="))
    sign_in(page, "operator")
    expect(page).to_have_url(re.compile(r"/console/overview\?span=day$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_a_wrong_password_says_so_and_keeps_the_name(open_page: Open, guard: Guard) -> None:
    guard.expect("401")
    page = open_page()
    page.goto("/console/sign-in")
    sign_in(page, "operator", "not the password")
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    expect(page.get_by_label("Name")).to_have_value("operator")
    expect(page.get_by_label("Password")).to_be_focused()


def test_many_wrong_passwords_make_a_name_wait(open_page: Open, guard: Guard) -> None:
    guard.expect("40[01]|429")
    page = open_page(look=Look("zh-CN"))
    page.goto("/console/sign-in")
    for _ in range(5):
        sign_in(page, "viewer", "not the password")
        expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, "viewer")
    expect(page.get_by_role("alert")).to_contain_text("失败次数过多")


def test_signing_out_ends_the_visit_itself(open_page: Open, site: Site) -> None:
    page = open_page("operator")
    page.goto("/console/overview")
    page.get_by_label("Signed in as").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/console/sign-in$"))
    with site.database.transaction() as session:
        assert all(one.revoked_at for one in rows(session, "select revoked_at from console_visit"))


def test_a_visit_that_was_ended_elsewhere_asks_to_sign_in_again(open_page: Open, site: Site, guard: Guard) -> None:
    guard.expect("401")
    page = open_page("operator")
    page.goto("/console/overview")
    with site.database.transaction() as session:
        run(session, "update console_visit set revoked_at = now()")
    expect(page).to_have_url(re.compile(r"/console/sign-in\?next=%2Fconsole%2Foverview$"))


def test_the_language_is_the_browsers_until_somebody_chooses(open_page: Open) -> None:
    page = open_page(look=Look("zh-CN"))
    page.goto("/console/sign-in")
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    sign_in(page, "analyst")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
