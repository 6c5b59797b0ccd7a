from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.database import Database
from hub.order.ship.progress import record_confirm
from hub.roles import Role
from tests.dashboards.desk import Desk, opened, plain
from tests.hub.inventory.lotted import of, tell
from tests.hub.making import AT, OWNER, confirm, order, placed, stock

HOME = "/console/inventory/lots"


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """Let an order of each of two shops have got apples of lot B."""
    with opened(database, tmp_path) as made:
        with database.transaction() as session:
            stock(session, {"sh": {"apple": 9}})
            tell(session, "count", {"A": 2, "B": 7}, -1)
            for shop in ("pc", "h5"):
                order_id = placed(session, order({"apple": 2}, f"of-{shop}").model_copy(update={"shop": shop}))
                record_confirm(session, confirm(order_id, 1, {}, lines=(of("apple", 2, B=2),)), AT)
        yield made


def test_the_orders_of_a_lot_are_listed_with_receivers_masked(desk: Desk) -> None:
    text = plain(desk.sit("eye", Role.VIEWER).see(f"{HOME}?lot=+B+"))
    assert "of-pc pc apple 2 0 0" in text
    assert "of-h5 h5 apple 2 0 0" in text
    assert "收** 100****0001" in text
    assert "收件人甲" not in text


def test_who_works_for_one_shop_sees_its_orders_alone(desk: Desk) -> None:
    text = plain(desk.sit("h5", Role.VIEWER, shop="h5").see(f"{HOME}?lot=B"))
    assert ("of-h5" in text, "of-pc" in text) == (True, False)


def test_a_lot_that_nobody_got_and_a_page_without_one_say_so(desk: Desk) -> None:
    eye = desk.sit("eye", Role.VIEWER)
    assert "No order got pieces of this lot." in plain(eye.see(f"{HOME}?lot=A"))
    assert "No order got pieces of this lot." in plain(eye.see(f"{HOME}?lot=B&sku=pear"))
    assert "Name a lot." in plain(eye.see(HOME))


def test_a_counter_s_lots_lead_to_their_orders(desk: Desk) -> None:
    told = desk.sit("eye", Role.VIEWER).see(f"/console/inventory/level?at=sh&sku=apple&owner={OWNER}")
    assert "/console/inventory/lots?lot=B&amp;sku=apple" in told
