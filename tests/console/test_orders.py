import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from hub.order.find import get_order
from hub.roles import SYSTEM
from tests.console.browsing import NARROW, WALKS, Guard, Look, Site, scrolls_sideways, walk
from tests.console.conftest import Open
from tests.console.telling import tell
from tests.console.world import HOSTILE, NAME, PHONE, STREET
from tests.hub.making import order, placed


@pytest.fixture
def told(site: Site) -> tuple[int, int]:
    """Tell more of the order that was shipped in part; give its message and its step."""
    with site.database.transaction() as session:
        return tell(session, site.orders["partial"], datetime.now(UTC))


def numbers(page: Page) -> list[str]:
    return page.locator("[data-rows] tbody th .mono").all_inner_texts()


@pytest.mark.parametrize("look", WALKS, ids=str)
@pytest.mark.usefixtures("told")
def test_nothing_bars_anybody_from_an_order(open_page: Open, site: Site, look: Look) -> None:
    orders = {f"order-{name}": f"/console/orders/{site.orders[name]}" for name in ("partial", "review")}
    walk(open_page("supervisor", look), look, orders)


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_a_message(open_page: Open, told: tuple[int, int], look: Look) -> None:
    inbox, step = (f"/console/messages/{kind}/{number}" for kind, number in zip(("inbox", "step"), told, strict=True))
    messages = {"message-inbox": inbox, "message-compare": f"{inbox}?view=compare", "message-step": step}
    walk(open_page("operator", look), look, messages)


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_why_an_order_ships_from_there(open_page: Open, site: Site, look: Look) -> None:
    routing = f"/console/orders/{site.orders['partial']}/routing/1"
    walk(open_page("viewer", look), look, {"routing": routing})


def test_an_order_is_searched_and_opened(open_page: Open, site: Site) -> None:
    page = open_page("operator")
    page.goto("/console/orders")
    page.keyboard.press("/")
    page.keyboard.type("SF-k4")
    page.keyboard.press("Enter")
    expect(page.locator("[data-rows] tbody tr")).to_have_count(1)
    expect(page.locator(".by")).to_have_text("tracking no")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/console/orders/{site.orders['partial']}$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("W-2001")


def test_filters_are_the_address_and_back_leads_through_them(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/orders")
    every = numbers(page)
    page.get_by_role("link", name="On hold").click()
    expect(page).to_have_url(re.compile("status=on_hold"))
    held = numbers(page)
    page.get_by_label("Channel").select_option("mall-h5")
    expect(page).to_have_url(re.compile("channel=mall-h5.*status=on_hold|status=on_hold.*channel=mall-h5"))
    expect(page.get_by_text("No order matches.")).to_be_visible()
    page.go_back()
    expect(page.locator("[data-rows] tbody tr")).to_have_count(len(held))
    page.go_back()
    expect(page.locator("[data-rows] tbody tr")).to_have_count(len(every))
    assert 0 < len(held) < len(every)


def test_a_phone_is_found_without_standing_in_the_address(open_page: Open) -> None:
    page = open_page("operator")
    page.goto("/console/orders")
    page.get_by_label("Find").fill(PHONE)
    page.get_by_role("button", name="Find").click()
    expect(page.locator("[data-rows] tbody tr").first).to_be_visible()
    expect(page.get_by_text("of the phone 100****0042")).to_be_visible()
    assert PHONE not in page.url
    assert PHONE not in page.content()


def test_new_orders_are_hinted_at_while_the_rows_stay(open_page: Open, site: Site) -> None:
    page = open_page("operator")
    page.goto("/console/orders")
    before = numbers(page)
    with site.database.transaction() as session:
        placed(session, order({"apple": 1}, "W-9000"))
    expect(page.get_by_text("New orders: 1")).to_be_visible()
    assert numbers(page) == before
    page.locator(".came-link").click()
    expect(page.locator("[data-rows] tbody tr").first).to_contain_text("W-9000")


def test_a_held_order_is_released_with_a_reason(open_page: Open, site: Site) -> None:
    page = open_page("operator")
    page.goto(f"/console/orders/{site.orders['review']}")
    expect(page.locator(".stage-stuck")).to_contain_text("Checked")
    page.locator("summary", has_text="Release").click()
    page.get_by_label("Reason").first.fill("the buyer agrees")
    page.locator(".act-panel").get_by_role("button", name="Release").click()
    expect(page.get_by_text("The order goes on.")).to_be_visible()
    expect(page.locator(".stage-stuck")).to_have_count(0)
    expect(page.locator(".line")).to_contain_text("the buyer agrees")
    with site.database.transaction() as session:
        assert get_order(session, site.orders["review"], SYSTEM).lifecycle == "in_fulfilment"


def test_a_call_opens_in_the_drawer_and_back_closes_it(open_page: Open, site: Site, told: tuple[int, int]) -> None:
    page = open_page("operator")
    page.goto(f"/console/orders/{site.orders['partial']}")
    page.get_by_role("link", name="request and answer").first.click()
    expect(page).to_have_url(re.compile(f"/console/messages/step/{told[1]}$"))
    expect(page.locator("#drawer")).to_contain_text("deliveryOrderCode")
    page.go_back()
    expect(page.locator("#drawer")).to_be_empty()
    expect(page).to_have_url(re.compile(f"/console/orders/{site.orders['partial']}$"))


def test_the_drawer_has_an_address_of_its_own(open_page: Open, site: Site, told: tuple[int, int]) -> None:
    page = open_page("operator")
    page.goto(f"/console/messages/inbox/{told[0]}?view=compare")
    expect(page.locator("#drawer")).to_contain_text("receiver.province")
    expect(page.get_by_role("heading", level=1)).to_contain_text("W-2001")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_empty()
    expect(page).to_have_url(re.compile(f"/console/orders/{site.orders['partial']}$"))


def test_the_receiver_is_shown_after_a_reason_and_gone_after_a_reload(open_page: Open, site: Site) -> None:
    page = open_page("supervisor")
    page.goto(f"/console/orders/{site.orders['shipped']}")
    assert PHONE not in page.content()
    page.get_by_text("Show the receiver").click()
    page.locator("#receiver").get_by_label("Reason").fill("the courier asks")
    page.locator("#receiver").get_by_role("button", name="Show").click()
    expect(page.locator("#receiver")).to_contain_text(PHONE)
    expect(page.locator("#receiver")).to_contain_text(STREET)
    page.reload()
    expect(page.locator("#receiver")).not_to_contain_text(PHONE)
    expect(page.locator(".line")).to_contain_text("looked at the receiver")


def test_no_page_of_an_order_shows_a_person_or_runs_what_a_partner_wrote(
    open_page: Open, site: Site, told: tuple[int, int]
) -> None:
    page = open_page("operator")
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    for path in (f"orders/{site.orders['open']}", f"messages/inbox/{told[0]}", f"messages/step/{told[1]}"):
        page.goto(f"/console/{path}")
        text = page.content()
        assert not [one for one in (PHONE, NAME, STREET, HOSTILE) if one in text]


def test_on_a_phone_the_list_keeps_the_number_in_sight(open_page: Open) -> None:
    page = open_page("operator", Look(size=NARROW))
    page.goto("/console/orders")
    page.locator(".wide").evaluate("wide => wide.scrollLeft = 400")
    box = page.locator("[data-rows] tbody th").first.bounding_box()
    assert box is not None
    assert box["x"] < 40
    assert not scrolls_sideways(page)


def test_an_order_that_is_not_there_says_so(open_page: Open, guard: Guard) -> None:
    guard.expect("404")
    page = open_page("operator")
    page.goto("/console/orders/nowhere")
    expect(page.locator("main")).to_contain_text("404")
