"""Changes of an order on its page, as a browser shows them: every form, what it would come to, and a journey."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from hub.order.change.begin import change, reroute
from hub.order.change.channel import revise
from hub.order.change.revision import Author, Contents, Wish
from hub.order.change.wanted import pieces_of
from hub.order.find import get_order
from hub.roles import SYSTEM
from tests.console.browsing import LOOKS, NARROW, WALKS, Look, Site, audit, scrolls_sideways, walk
from tests.console.conftest import Open
from tests.hub.aftersale.returning import arrive, ask, granted, sent
from tests.hub.making import RECEIVER, order, placed

DRAWER = "#drawer"
FORESEEN = "#foreseen .remedy"
BY = Author("operator", "the buyer asked for it")


@pytest.fixture
def much(site: Site) -> int:
    """Place an order that was changed in every way: fewer pieces with money, another house, another warehouse."""
    now = datetime.now(UTC)
    with site.database.transaction() as session:
        made = placed(session, order({"apple": 3, "pear": 1}, "W-5001", freight=500, placed_at=now, paid_at=now))
        there = RECEIVER.model_copy(update={"street": "新路9号"})
        change(session, made, Wish(contents=Contents(receiver=there)), BY, now)
        change(session, made, Wish(pieces=pieces_of(session, made, {"L1": 1})), BY, now)
        reroute(session, made, Wish(route=(), target="bj"), BY, now)
    return made


@pytest.fixture
def asked(site: Site) -> int:
    """Place an order that was changed here and at its channel, so that somebody has to decide."""
    now = datetime.now(UTC)
    with site.database.transaction() as session:
        made = placed(session, order({"apple": 1}, "W-5002", placed_at=now, paid_at=now))
        there, elsewhere = (RECEIVER.model_copy(update={"street": street}) for street in ("新路9号", "第三路3号"))
        change(session, made, Wish(contents=Contents(receiver=there)), BY, now)
        later = order({"apple": 1}, "W-5002", source_revision=2, receiver=elsewhere, placed_at=now, paid_at=now)
        revise(session, made, later, "ask", now)
    return made


@pytest.fixture
def back(site: Site) -> int:
    """Ship an order of which one return waits, one is awaited and one has arrived."""
    now = datetime.now(UTC)
    with site.database.transaction() as session:
        made = sent(session, order({"apple": 3}, "W-5003", placed_at=now, paid_at=now), {"apple": 3})
        granted(session, made, {"L1": 1})
        arrive(session, made, 1, {"apple": 1})
        granted(session, made, {"L1": 1})
        ask(session, made, {"L1": 1})
    return made


def foresee(page: Page, path: str, fields: dict[str, str]) -> None:
    """Fill in a form of change by its labels and look at what it would come to."""
    page.goto(path)
    for label, text in {**fields, "Reason|原因": "the buyer asked"}.items():
        page.locator(DRAWER).get_by_label(re.compile(label)).first.fill(text)
    page.locator(".change-form button").click()
    page.locator(FORESEEN).wait_for()
    page.wait_for_load_state("networkidle")


def assert_open_to_all(page: Page, name: str) -> None:
    assert audit(page, name) == [], name
    assert not scrolls_sideways(page), f"{name} scrolls sideways"


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_the_forms_of_change(
    open_page: Open, site: Site, much: int, asked: int, look: Look
) -> None:
    numbers = {
        **dict.fromkeys(("address", "remark", "reroute", "goods", "pieces", "cancel"), much),
        "decide": asked,
        **dict.fromkeys(("reship", "exchange", "return", "intercept"), site.orders["shipped"]),
    }
    forms = {f"change-{name}": f"/console/orders/{number}/change/{name}" for name, number in numbers.items()}
    walk(open_page("operator", look), look, forms)


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_nothing_bars_anybody_from_what_a_change_would_come_to(
    open_page: Open, site: Site, much: int, look: Look
) -> None:
    page = open_page("operator", look)
    for name, act, number, fields in (
        ("money", "pieces", much, {"L1|apple|APPLE": "1"}),
        ("more", "goods", much, {"Pieces wanted of apple|apple 要的件数": "5"}),
        ("all", "cancel", much, {}),
        ("refused", "address", much, {"Phone|手机|电话": "10"}),
        ("again", "exchange", site.orders["shipped"], {"apple|APPLE": "1"}),
    ):
        foresee(page, f"/console/orders/{number}/change/{act}", fields)
        assert_open_to_all(page, f"foreseen-{name}-{look}")


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_nothing_bars_anybody_from_what_was_changed(open_page: Open, much: int, look: Look) -> None:
    page = open_page("operator", look)
    page.goto(f"/console/orders/{much}")
    page.wait_for_load_state("networkidle")
    expect(page.locator(".revisions").first.locator("li")).to_have_count(3)
    page.locator(".act-menu summary").last.click()
    assert_open_to_all(page, f"revisions-{look}")


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_nothing_bars_anybody_from_returns_and_what_is_done_about_them(open_page: Open, back: int, look: Look) -> None:
    page = open_page("operator", look)
    page.goto(f"/console/orders/{back}")
    page.wait_for_load_state("networkidle")
    expect(page.locator("[aria-labelledby=returns-title] .revisions > li")).to_have_count(3)
    assert_open_to_all(page, f"returns-{look}")


@pytest.mark.parametrize("look", [Look(), Look(size=NARROW)], ids=str)
def test_a_piece_is_cancelled_once_its_money_was_seen(open_page: Open, site: Site, look: Look) -> None:
    number = site.orders["accepted"]
    page = open_page("operator", look)
    page.goto(f"/console/orders/{number}")
    page.locator(".act-menu summary").last.click()
    page.get_by_role("link", name="Cancel some pieces").click()
    page.get_by_label("Pieces of").fill("1")
    page.get_by_label("Reason").fill("one is enough")
    page.get_by_role("button", name="See what it would do").click()
    expect(page.locator(FORESEEN)).to_contain_text(re.compile(r"In all\s*¥10\.00"))
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_role("status")).to_contain_text("The change is made.")
    expect(page.locator(".revisions").first).to_contain_text("one is enough")
    with site.database.transaction() as session:
        assert [one.amount for one in get_order(session, number, SYSTEM).refunds] == [1000]
