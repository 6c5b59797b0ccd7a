import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from hub.database import run
from hub.order.find import get_order
from hub.order.model import OrderType
from hub.roles import SYSTEM
from tests.console.browsing import NARROW, WALKS, Look, Site, walk
from tests.console.conftest import Open
from tests.dashboards.troubles import lost
from tests.hub.making import order, placed
from tests.hub.review.ruling import enforce, holding, rule

DRAWER = "#drawer"
HOME = "/console/holds"


@pytest.fixture(autouse=True)
def held(site: Site) -> dict[str, int]:
    """Hold more orders, some for long, one for two reasons, one until a moment to come."""
    now = datetime.now(UTC)
    with site.database.transaction() as session:
        made = {
            "both": placed(session, order({"apple": 1}, "W-4001", paid_at=None, type=OrderType.PRESALE)),
            "dear": placed(session, order({"apple": 3_000}, "W-4002")),
            "lost": lost(session, "W-4003"),
        }
        enforce(session, rule("line.sku == 'apple'", verdict=holding(scope="line")))
        made["part"] = placed(session, order({"apple": 1}, "W-4004"))
        of = "update order_hold set created_at = :at"
        run(session, f"{of} where order_id = :id", at=now - timedelta(hours=30), id=made["dear"])
        run(session, f"{of} where order_id = :id", at=now - timedelta(hours=6), id=made["lost"])
        until = now + timedelta(hours=2)
        run(session, "update order_hold set expires_at = :at where type = 'presale'", at=until)
    return {**site.orders, **made}


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_the_holds_queue(open_page: Open, held: dict[str, int], look: Look) -> None:
    page = open_page("admin", look)
    walk(
        page,
        look,
        {
            "holds": HOME,
            "holds-none": f"{HOME}?shop=h5&age=7d",
            "hold": f"{HOME}/{held['both']}/1?type=finance",
            "hold-of-a-line": f"{HOME}/{held['part']}/1",
            "order-part-held": f"/console/orders/{held['part']}",
            "hold-address": f"{HOME}/{held['lost']}/1",
            "holds-many": f"{HOME}/selected?every=true",
        },
    )


def test_a_held_order_is_found_by_its_type_and_released(open_page: Open, site: Site, held: dict[str, int]) -> None:
    page = open_page("operator")
    page.goto(HOME)
    page.get_by_role("navigation", name="Types of hold").get_by_role("link", name="Remark").click()
    expect(page).to_have_url(re.compile(r"\?type=remark$"))
    page.get_by_role("link", name="W-2006").click()
    expect(page.locator(DRAWER)).to_contain_text("The remark says")
    page.get_by_label("Reason").fill("the buyer agrees")
    page.get_by_role("button", name="Release the order").click()
    expect(page.get_by_role("status")).to_contain_text("The order goes on.")
    expect(page).to_have_url(re.compile(r"\?type=remark$"))
    expect(page.get_by_role("link", name="W-2006")).to_have_count(0)
    with site.database.transaction() as session:
        assert get_order(session, held["review"], SYSTEM).lifecycle == "in_fulfilment"


def test_a_supervisor_releases_what_is_ticked_after_a_count(open_page: Open, site: Site, held: dict[str, int]) -> None:
    page = open_page("supervisor", Look("zh-CN"))
    page.goto(HOME)
    for number in ("W-2007", "W-4003"):
        page.get_by_role("row").filter(has_text=number).get_by_role("checkbox").check()
    page.get_by_role("button", name="放行所选…").click()
    expect(page.locator(DRAWER)).to_contain_text("需单独处理")
    page.get_by_role("textbox", name="原因").fill("已确认收款")
    page.get_by_role("button", name="放行 1").click()
    expect(page.get_by_role("status")).to_contain_text("1 个订单")
    with site.database.transaction() as session:
        assert get_order(session, held["unpaid"], SYSTEM).holds == ()
        assert get_order(session, held["lost"], SYSTEM).holds


def test_an_order_leads_to_its_holds_and_they_lead_back(open_page: Open, held: dict[str, int]) -> None:
    page = open_page("viewer", Look(size=NARROW))
    page.goto(f"/console/orders/{held['review']}")
    page.locator(".holds a").first.click()
    expect(page.locator(DRAWER)).to_contain_text("W-2006")
    page.locator(DRAWER).get_by_role("link", name="W-2006").click()
    expect(page).to_have_url(re.compile(f"/console/orders/{held['review']}$"))


def test_an_order_names_the_line_that_waits(open_page: Open, held: dict[str, int]) -> None:
    page = open_page("viewer")
    page.goto(f"/console/orders/{held['part']}")
    expect(page.locator(".holds li")).to_contain_text(re.compile(r"Line 1\s+apple"))
