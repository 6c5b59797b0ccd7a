import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from hub.database import row, rows, run
from hub.inbox import read
from hub.polls import PROBE, claim_polls, finish_poll, plan_polls
from tests.console.browsing import NARROW, WALKS, Guard, Look, Site, walk
from tests.console.conftest import Open
from tests.dashboards.troubles import case_of, dead, lost, parked, short
from tests.hub.making import add_sku
from tests.staging import CANARY, CANARY_NAME

NOW = datetime.now(UTC)
DRAWER = "#drawer"


@pytest.fixture
def waiting(site: Site) -> list[int]:
    """Let three messages wait for a code that nothing is bound to."""
    with site.database.transaction() as session:
        add_sku(session, "green-tea-250")
        return [parked(session, NOW, f"w{no}", code="TEA-250") for no in range(3)]


@pytest.fixture
def steps(site: Site) -> list[int]:
    """Let three calls be dead of one error."""
    with site.database.transaction() as session:
        return [dead(session, NOW, f"D{no}") for no in range(3)]


def step_states(site: Site, steps: list[int]) -> set[str]:
    with site.database.transaction() as session:
        return {one.state for one in rows(session, "select state from step where id = any(:ids)", ids=steps)}


def open_case(page: Page, site: Site, cause: str, subject: str = "") -> int:
    """Open the drawer of a case from the list of its cause."""
    with site.database.transaction() as session:
        case_id = case_of(session, cause, subject)
    page.goto(f"/console/exceptions?type={cause}")
    page.get_by_role("link", name=str(case_id), exact=True).click()
    expect(page.locator(DRAWER)).to_contain_text(str(case_id))
    return case_id


def test_an_unknown_product_is_found_bound_and_its_messages_go_on(
    open_page: Open, site: Site, waiting: list[int]
) -> None:
    page = open_page("operator")
    page.goto("/console/exceptions")
    page.get_by_role("link", name="A channel product is bound to no SKU").click()
    line = page.locator(".fix-list li", has_text="TEA-250")
    expect(line).to_contain_text("Messages that wait: 3")
    line.get_by_role("link", name="Bind…").click()
    with page.expect_response("**/exceptions/skus?**"):
        page.get_by_label("Look for a SKU by code or title").fill("green")
    expect(page.get_by_role("radio")).to_have_count(1)  # what was found has replaced what was offered
    page.get_by_role("radio", name="green-tea-250").check()
    page.get_by_label("Reason").fill("the shop renamed it")
    page.get_by_role("button", name="Bind and replay 3").click()
    expect(page.get_by_role("status")).to_contain_text("TEA-250 is green-tea-250 now: 3 messages go on.")
    expect(page.locator("main")).not_to_contain_text("TEA-250")
    with site.database.transaction() as session:
        assert {read(session, one).state for one in waiting} == {"received"}


def test_dead_calls_of_one_error_are_retried_together(open_page: Open, site: Site, steps: list[int]) -> None:
    page = open_page("supervisor")
    page.goto("/console/exceptions?type=step_dead")
    page.get_by_role("link", name="Retry all 3…").click()
    expect(page).to_have_url(re.compile("/console/exceptions/alike"))
    expect(page.locator(DRAWER)).to_contain_text(re.compile(r"Will be acted on\s*3"))
    page.get_by_label("Reason").fill("the warehouse knows us again")
    page.get_by_role("button", name="Retry 3").click()
    expect(page.get_by_role("status")).to_contain_text("3 runs are due again")
    assert step_states(site, steps) == {"unknown"}


def test_a_reason_that_is_missing_keeps_the_form_and_does_nothing(
    open_page: Open, site: Site, steps: list[int]
) -> None:
    page = open_page("operator")
    open_case(page, site, "step_dead", f"step:{steps[0]}")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_label("Reason")).to_be_focused()
    assert step_states(site, steps) == {"dead"}


def test_a_dead_call_is_retried_from_its_case(open_page: Open, site: Site, steps: list[int]) -> None:
    page = open_page("operator")
    case_id = open_case(page, site, "step_dead", f"step:{steps[0]}")
    page.get_by_label("Reason").fill("mended")
    page.get_by_role("button", name="Try again").dblclick()
    expect(page.get_by_role("status")).to_contain_text("is due again")
    expect(page.get_by_role("link", name=str(case_id), exact=True)).to_have_count(0)
    assert step_states(site, steps) == {"unknown", "dead"}


def test_what_fails_is_told_beside_the_form_that_stays(
    open_page: Open, site: Site, steps: list[int], guard: Guard
) -> None:
    guard.expect("409")
    page = open_page("operator")
    open_case(page, site, "step_dead", f"step:{steps[0]}")
    with site.database.transaction() as session:
        run(session, "update step set state = 'done' where id = any(:ids)", ids=steps)
    page.get_by_label("Reason").fill("mended")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#notes")).to_contain_text("is not dead")
    expect(page.get_by_label("Reason")).to_have_value("mended")


def test_ticked_cases_are_counted_and_acted_on(open_page: Open, site: Site, steps: list[int]) -> None:
    page = open_page("supervisor")
    page.goto("/console/exceptions?type=step_dead")
    expect(page.get_by_role("button", name="With the selected…")).to_be_disabled()
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="With the selected…").click()
    page.get_by_label("Reason").fill("mended")
    page.get_by_role("button", name=re.compile(r"Retry \d")).click()
    expect(page.get_by_role("status")).to_contain_text("are due again")
    assert step_states(site, steps) == {"unknown"}


def test_a_case_is_taken_and_closed_with_what_was_done(open_page: Open, site: Site) -> None:
    with site.database.transaction() as session:
        run(session, "update case_file set cause = 'cancel_refused' where cause = 'malformed'")
    page = open_page("operator")
    case_id = open_case(page, site, "cancel_refused")
    page.get_by_role("button", name="Assign to me").click()
    expect(page.locator(DRAWER).get_by_role("definition").filter(has_text="operator")).to_be_visible()
    page.get_by_label("What was done").fill("the warehouse stopped the parcel")
    page.get_by_role("button", name="Close the case").click()
    expect(page.get_by_role("status")).to_contain_text("The case is closed.")
    with site.database.transaction() as session:
        found = row(session, "select state, assignee, resolution from case_file where id = :id", id=case_id)
    assert tuple(found or ()) == ("resolved", "operator", "the warehouse stopped the parcel")


def test_a_lost_address_is_corrected_by_name(open_page: Open, site: Site) -> None:
    with site.database.transaction() as session:
        lost(session, "LOST")
    page = open_page("operator", Look("zh-CN"))
    open_case(page, site, "address")
    page.get_by_label("省、市或区县").fill("浦东")
    page.get_by_role("radio", name="浦东新区").check()
    page.get_by_role("textbox", name="原因").fill("已与买家确认")
    page.get_by_role("button", name="更正并放行").click()
    expect(page.get_by_role("status")).to_contain_text("订单已放行")


def test_a_paused_connection_is_resumed_from_its_page(open_page: Open, site: Site) -> None:
    page = open_page("supervisor")
    page.goto("/console/connections")
    page.get_by_role("link", name="sap", exact=True).click()
    page.get_by_role("link", name="Resume…").click()
    page.get_by_label("Reason").fill("a new password")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status")).to_contain_text("sap goes on")
    expect(page.locator(".page-head")).not_to_contain_text("Paused")
    with site.database.transaction() as session:
        assert not row(session, "select 1 from case_file where cause = 'connection_paused' and state = 'open'")


def test_a_test_shows_its_outcome_by_itself(open_page: Open, site: Site) -> None:
    later = NOW + timedelta(days=3650)
    with site.database.transaction() as session:
        plan_polls(session, [("mall-pc", PROBE)], later, NOW)
    page = open_page("supervisor")
    page.goto("/console/connections/mall-pc")
    page.get_by_role("button", name="Test").click()
    probe = page.locator(".polls li", has_text="Probe")
    expect(probe).to_contain_text("Testing")
    with site.database.transaction() as session:
        (turn,) = claim_polls(session, [("mall-pc", PROBE)], 1, datetime.now(UTC), timedelta(seconds=9))
        finish_poll(session, turn, datetime.now(UTC), later)
    expect(probe).to_contain_text("Good")


def test_a_run_has_an_address_and_back_and_esc_close_it(open_page: Open, steps: list[int]) -> None:
    page = open_page("viewer")
    page.goto("/console/runs?state=dead")
    page.get_by_role("link", name=str(steps[0]), exact=True).click()
    expect(page).to_have_url(re.compile(rf"/console/runs/{steps[0]}\?state=dead"))
    expect(page.locator(DRAWER)).to_contain_text("wms-sh")
    page.go_back()
    expect(page).to_have_url(re.compile(r"/console/runs\?state=dead$"))
    expect(page.locator(DRAWER)).to_be_empty()
    page.goto(f"/console/runs/{steps[0]}?state=dead")
    expect(page.get_by_role("heading", name=f"Run {steps[0]}")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(DRAWER)).to_be_empty()
    expect(page).to_have_url(re.compile(r"/console/runs\?state=dead$"))


def test_runs_are_narrowed_at_once_and_back_widens_them_again(open_page: Open, steps: list[int]) -> None:
    page = open_page("viewer")
    page.goto("/console/runs")
    page.get_by_label("Connection").select_option("mall-pc")
    expect(page).to_have_url(re.compile(r"/console/runs\?connection=mall-pc$"))
    expect(page.get_by_role("link", name=str(steps[0]), exact=True)).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("link", name=str(steps[0]), exact=True)).to_be_visible()
    expect(page.get_by_label("Connection")).to_have_value("")


def test_a_run_that_changes_is_seen_without_asking(open_page: Open, site: Site, steps: list[int]) -> None:
    page = open_page("viewer")
    page.goto("/console/runs")
    line = page.get_by_role("row").filter(has=page.get_by_role("link", name=str(steps[0]), exact=True))
    expect(line).to_contain_text("Dead")
    with site.database.transaction() as session:
        run(session, "update step set state = 'cancelled', settled_at = now() where id = :id", id=steps[0])
    expect(line).to_contain_text("Cancelled")


def test_no_drawer_shows_whom_an_order_is_for(open_page: Open, site: Site, steps: list[int]) -> None:
    page = open_page("supervisor")
    open_case(page, site, "step_dead", f"step:{steps[0]}")
    page.get_by_role("link", name="All attempts of this run").click()
    expect(page.get_by_role("heading", name=f"Run {steps[0]}")).to_be_visible()
    for summary in page.locator("details > summary").all():
        if not summary.evaluate("summary => summary.parentElement.open") and summary.is_visible():
            summary.click()
    text = page.content()
    assert CANARY not in text
    assert CANARY_NAME not in text


@pytest.fixture
def drawers(site: Site) -> list[str]:
    """Give the address of a drawer of each kind."""
    with site.database.transaction() as session:
        step = dead(session, NOW, "A1")
        dead(session, NOW, "A2")
        parked(session, NOW, "a1", code="TEA-250")
        lost(session, "A3")
        short(session, "A4")
        add_sku(session, "TEA-250-green")
        causes = ("step_dead", "unknown_sku", "address", "stock", "malformed", "connection_paused")
        cases = [f"/console/exceptions/{case_of(session, cause)}" for cause in causes]
    return [
        *cases,
        "/console/exceptions/bind?connection=mall-pc&code=TEA-250",
        "/console/exceptions/selected?type=step_dead&every=true",
        f"/console/runs/{step}",
        "/console/connections/mall-h5",
        "/console/connections/sap/resume",
        "/console/connections/mall-h5/ask-again",
        "/console/exceptions?type=step_dead",
        "/console/exceptions?type=unknown_sku",
    ]


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_a_drawer(open_page: Open, drawers: list[str], look: Look) -> None:
    page = open_page("admin", look)
    walk(page, look, {f"work-{number}": path for number, path in enumerate(drawers)})


def test_a_case_is_worked_off_on_a_phone(open_page: Open, site: Site, steps: list[int]) -> None:
    page = open_page("operator", Look(size=NARROW))
    open_case(page, site, "step_dead", f"step:{steps[0]}")
    page.get_by_label("Reason").fill("mended")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status")).to_contain_text("is due again")
    assert "unknown" in step_states(site, steps)
