"""An order's page tells of its gifts: which strategy gave them, or why it did not."""

from tests.dashboards.desk import Desk
from tests.hub.gift.giving import put_in_force
from tests.hub.making import order, placed, stock


def test_an_order_s_page_tells_what_a_gift_strategy_gave_and_what_it_refused(desk: Desk) -> None:
    with desk.database.transaction() as session:
        stock(session, {"sh": {"tea": 9, "cup": 9}})
        put_in_force(session, name="spring-cup", first_orders=1)
        first, second = (placed(session, order({"tea": 1}, number)) for number in ("A", "B"))
    assert all(word in desk.see(f"/console/orders/{first}") for word in ("spring-cup", "version 1", "Given", "× 1"))
    assert "All were given" in desk.see(f"/console/orders/{second}")
