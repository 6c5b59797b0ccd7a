from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from hub.database import run
from tests.console.browsing import LOOKS, Look, Site, audit
from tests.console.conftest import Open
from tests.console.shelves import fill_shelves
from tests.hub.making import OWNER, order, placed

LEVEL = f"/console/inventory/level?at=sh&owner={OWNER}&condition=saleable&sku=plum"


@pytest.fixture(autouse=True)
def lots(site: Site) -> None:
    """Give twelve plums three lots: one has expired, one expires in a month, one has no day."""
    now = datetime.now(UTC)
    with site.database.transaction() as session:
        fill_shelves(session, now)
        run(session, "update stock_level set safety = 0, allocated = 5 where (sku, location) = ('plum', 'sh')")
        for code, pieces, days in (("P-NEVER", 4, None), ("P-NEXT", 3, 30), ("P-OLD", 5, -9)):
            run(
                session,
                """insert into stock_lot (location, sku, owner, condition, lot, expires_on, on_hand, counted_at)
                   values ('sh', 'plum', :owner, 'saleable', :code, :day, :pieces, :at)""",
                owner=OWNER,
                code=code,
                day=None if days is None else (now + timedelta(days=days)).date(),
                pieces=pieces,
                at=now,
            )


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_lots_stand_in_the_order_of_their_expiry(open_page: Open, look: Look) -> None:
    page = open_page("viewer", look)
    page.goto(LEVEL)
    shown = page.locator("section:has(#lots-title) tbody tr")
    expect(shown).to_have_count(3)
    assert [line.split()[0] for line in shown.all_inner_texts()] == ["P-OLD", "P-NEXT", "P-NEVER"]
    assert audit(page, f"inventory-lots-{look}") == []


def test_orders_take_what_expires_next_and_what_has_expired_is_not_promised(open_page: Open) -> None:
    page = open_page("viewer")
    page.goto(LEVEL)
    shown = page.locator("section:has(#lots-title) tbody tr")
    assert [shown.nth(no).locator("td").nth(4).inner_text() for no in range(3)] == ["0", "3", "2"]
    expect(shown.nth(0)).to_contain_text("expired")
    promised = page.locator("dl.counts > div").filter(has_text="To promise")
    expect(promised.locator("dd")).to_have_text("2")


def test_pieces_that_deliveries_are_to_take_stand_beside_their_lot(site: Site, open_page: Open) -> None:
    with site.database.transaction() as session:
        run(
            session,
            """insert into named_lot (order_id, no, line_no, lot, location, sku, owner, condition, quantity, due)
               values (2611000000000099, 1, 1, 'P-NEXT', 'sh', 'plum', :owner, 'saleable', 3, 2)""",
            owner=OWNER,
        )
    page = open_page("viewer")
    page.goto(LEVEL)
    shown = page.locator("section:has(#lots-title) tbody tr")
    assert [shown.nth(no).locator("td").nth(5).inner_text() for no in range(3)] == ["0", "2", "0"]


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_the_orders_of_a_lot_are_found_from_its_counter(site: Site, open_page: Open, look: Look) -> None:
    with site.database.transaction() as session:
        order_id = placed(session, order({"plum": 2}, "RECALL-1"))
        run(
            session,
            """insert into named_lot (order_id, no, line_no, lot, location, sku, owner, condition, quantity, due)
               values (:order_id, 1, 1, 'P-NEXT', 'sh', 'plum', :owner, 'saleable', 2, 2)""",
            order_id=order_id,
            owner=OWNER,
        )
    page = open_page("viewer", look)
    page.goto(LEVEL)
    page.get_by_role("link", name="P-NEXT").click()
    found = page.locator("table[data-rows] tbody tr")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("RECALL-1")
    assert audit(page, f"inventory-lot-orders-{look}") == []


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_a_lot_is_blocked_and_let_be_sold_again(open_page: Open, look: Look) -> None:
    page = open_page("operator", look)
    page.goto("/console/inventory/lots?lot=P-NEXT&sku=plum")
    form = page.locator("form[action='/console/inventory/lots/block']")
    form.locator("select[name=place]").select_option("sh")
    form.locator("input[name=reason]").fill("mould")
    form.get_by_role("button").click()
    shown = page.locator("section:has(#blocks-title) tbody tr")
    expect(shown).to_have_count(1)
    expect(shown).to_contain_text("mould")
    assert audit(page, f"inventory-lot-blocked-{look}") == []
    page.goto(LEVEL)
    assert audit(page, f"inventory-lots-blocked-{look}") == []
    page.goto("/console/inventory/lots?lot=P-NEXT&sku=plum")
    shown.locator("input[name=reason]").fill("sieved")
    shown.get_by_role("button").click()
    expect(shown).to_have_count(0)
