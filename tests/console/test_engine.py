import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from hub.database import row, rows
from hub.replay_work import work_off
from tests.console.browsing import WALKS, Look, Site, audit, keep_picture, walk
from tests.console.conftest import Open
from tests.console.world import settings
from tests.dashboards.troubles import dead, parked

NOW = datetime.now(UTC)

DRAWER = "#drawer"
PAGES = {
    "schedule": "/console/schedule",
    "schedule-chore": "/console/schedule/chores/parcels.ask",
    "schedule-paused": "/console/schedule/chores/visits.forget",
    "schedule-poll": "/console/schedule/polls/mall-pc/hints",
    "connection-open": "/console/connections/wms-bj",
    "connection-limits": "/console/connections/wms-sh",
    "connection-try": "/console/connections/wms-bj/try-now",
    "runs-dead": "/console/runs?state=dead",
    "messages": "/console/messages",
    "dead-letters": "/console/dead-letters",
    "replay-new": "/console/replays/new?what=step&act=skip&connection=wms-sh&error=http_503&state=dead",
    "replays": "/console/replays",
}


@pytest.fixture
def things(site: Site) -> dict[str, str]:
    """Let calls be dead of one error and a message be parked, and give the addresses of each."""
    with site.database.transaction() as session:
        steps = [dead(session, NOW - timedelta(minutes=5), f"D{no}", "http_503") for no in range(6)]
        inbox = parked(session, NOW - timedelta(minutes=5), "e1")
    return {
        "run": f"/console/runs/{steps[0]}",
        "message": f"/console/messages/{inbox}",
        "message-edit": f"/console/messages/{inbox}/edit",
    }


def work(site: Site, later: timedelta) -> None:
    """Do what the worker's chore does, as if so long had passed."""
    with site.database.transaction() as session:
        work_off(session, datetime.now(UTC) + later, settings())


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_the_engines_screens(open_page: Open, things: dict[str, str], look: Look) -> None:
    page = open_page("admin", look)
    walk(page, look, {**PAGES, **things})


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


def test_a_dead_group_is_retried_by_a_job_that_is_paused_and_resumed(
    open_page: Open, site: Site, things: dict[str, str]
) -> None:
    page = open_page("supervisor")
    page.goto("/console/dead-letters?q=http_503")
    page.get_by_role("link", name="Retry…").click()
    expect(page.locator(DRAWER)).to_contain_text(re.compile(r"Will be acted on\s*6"))
    page.get_by_label("Rate, a second").fill("0.5")
    page.get_by_label("Reason").fill("the warehouse is back")
    page.get_by_role("button", name="Retry 6").click()
    expect(page.get_by_role("status")).to_contain_text("has begun")
    expect(page.locator("main")).to_contain_text("0 of 6")
    work(site, timedelta(seconds=5))
    expect(page.locator("main")).to_contain_text(re.compile("[23] of 6"))
    assert audit(page, "replay-en-light") == []
    page.get_by_role("link", name="Pause…").click()
    page.get_by_label("Reason").fill("wait for the night")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_contain_text("rests until somebody resumes it")
    work(site, timedelta(minutes=9))
    page.get_by_role("link", name="Resume…").click()
    page.get_by_label("Reason").fill("it is night")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status")).to_contain_text("goes on")
    work(site, timedelta(minutes=9))
    expect(page.locator("main")).to_contain_text("6 of 6")
    expect(page.locator(".page-head")).to_contain_text("Done")
    with site.database.transaction() as session:
        found = rows(
            session, "select distinct state from step where id = :id", id=int(things["run"].rpartition("/")[2])
        )
    assert [one.state for one in found] == ["unknown"]


def test_a_parked_message_is_edited_and_its_difference_seen(open_page: Open, things: dict[str, str]) -> None:
    page = open_page("supervisor")
    page.goto(things["message"])
    page.get_by_role("link", name="Edit and replay…").click()
    expect(page.get_by_role("button", name="Open it")).to_be_visible()
    page.get_by_label("Reason").fill("the shop mistyped the code")
    page.get_by_role("button", name="Open it").click()
    text = page.locator(".edit-area")
    text.fill(text.input_value().replace('"new"', '"apple"'))
    page.get_by_role("button", name="See the difference").click()
    expect(page.locator(".diff")).to_contain_text("apple")
    assert audit(page) == []
    keep_picture(page, "message-diff-en-light")
    page.get_by_label("Reason").fill("the shop mistyped the code")
    page.get_by_role("button", name="Take it in").click()
    expect(page.get_by_role("status")).to_contain_text("takes the place of")
    expect(page.locator(DRAWER)).to_contain_text("Edited by a person from message")


def test_ticked_runs_are_kept_while_the_list_renews_and_acted_on(open_page: Open, things: dict[str, str]) -> None:
    page = open_page("supervisor")
    number = things["run"].rpartition("/")[2]
    page.goto("/console/runs?error=http_503")
    page.get_by_label(f"Select run {number}").check()
    page.get_by_role("button", name="With the selected…").click()
    expect(page).to_have_url(re.compile(rf"/console/replays/new\?what=step&id={number}$"))
    expect(page.locator(DRAWER)).to_contain_text(re.compile(r"Will be acted on\s*1"))
    expect(page.get_by_label(f"Select run {number}")).to_be_checked()
