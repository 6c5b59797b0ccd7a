"""A quota of one location is counted down by what that location gives orders, wherever they are sourced again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import Database
from hub.errors import Malformed
from hub.inventory.ledger import drift
from hub.inventory.promise import promise
from hub.inventory.quota import Quota, list_quotas, set_quota
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.soft import Wish, hold
from hub.order.change.cancel import cancel
from hub.order.relocate import relocate
from hub.order.ship.progress import record_confirm, record_report
from tests.hub.inventory.counting import take
from tests.hub.making import AT, BRAND, add_sku, confirm, order, placed, rejection, sources, stock

TTL = timedelta(minutes=5)


@pytest.fixture
def goods(session: Session) -> Session:
    """Ten apples near the receiver and ten far away, with a quota of each location and one of everywhere."""
    stock(session, {"sh": {"apple": 10}, "bj": {"apple": 10}})
    for place in ("sh", "bj", ""):
        quota(session, place)
    return session


def quota(session: Session, place: str, sku: str = "apple") -> None:
    one = Quota(sku=sku, shop="pc", location=place, mode=QuotaMode.CAP, amount=9)
    set_quota(session, "op", BRAND, one, AT)


def used(session: Session) -> tuple[int, ...]:
    """Give what is counted of Shanghai, Beijing and everywhere."""
    found = {one.location: one.used for one in list_quotas(session, ["apple"])}
    return tuple(found[place] for place in ("sh", "bj", ""))


def test_an_order_counts_where_it_is_sourced(goods: Session) -> None:
    placed(goods, order({"apple": 4}, "T1"))
    assert (used(goods), promise(goods, BRAND, "pc", ["apple"], AT)["apple"].by_location["sh"]) == ((4, 0, 4), 5)


def test_an_order_that_comes_from_several_places_counts_at_each(goods: Session) -> None:
    placed(goods, order({"apple": 14}, "T1"))
    assert used(goods) == (10, 4, 14)


def test_what_no_location_has_counts_everywhere_and_at_none(goods: Session) -> None:
    placed(goods, order({"apple": 25}, "T1"))
    assert used(goods) == (10, 10, 25)


def test_another_shop_s_orders_count_for_none_of_them(goods: Session) -> None:
    placed(goods, replace(order({"apple": 4}, "T1"), shop="h5"))
    assert used(goods) == (0, 0, 0)


def test_what_a_location_refuses_counts_where_it_is_sourced_again(goods: Session) -> None:
    order_id = placed(goods, order({"apple": 4}, "T1"))
    record_report(goods, rejection(order_id, 1), AT)
    assert (sources(goods, order_id)[-1][0], used(goods)) == ("bj", (0, 4, 4))


def test_what_a_location_could_not_ship_counts_elsewhere(goods: Session) -> None:
    order_id = placed(goods, order({"apple": 4}, "T1"))
    record_confirm(goods, confirm(order_id, 1, {"apple": 3}), AT)
    assert used(goods) == (3, 1, 4)


def test_what_a_count_finds_missing_counts_elsewhere(goods: Session) -> None:
    placed(goods, order({"apple": 4}, "T1"))
    take(goods, {"apple": 1})
    relocate(goods, AT)
    assert used(goods) == (0, 4, 4)


def test_a_cancelled_order_gives_back_what_it_counted(goods: Session) -> None:
    order_id = placed(goods, order({"apple": 14}, "T1"))
    cancel(goods, order_id, "mall-pc", "changed my mind", AT)
    assert (used(goods), drift(goods)) == ((0, 0, 0), [])


def test_two_lines_of_a_sku_are_given_back_both(goods: Session) -> None:
    one = order({"apple": 2}, "T1").order
    twice = (*one.lines, one.lines[0].model_copy(update={"external_line_id": "L9", "quantity": 3}))
    order_id = placed(goods, order({"apple": 2}, "T1", lines=twice, total=5000))
    assert used(goods) == (5, 0, 5)
    cancel(goods, order_id, "mall-pc", "changed my mind", AT)
    assert used(goods) == (0, 0, 0)


def test_an_order_that_takes_its_cart_counts_once(goods: Session) -> None:
    hold(goods, BRAND, "pc", "cart-1", [Wish("apple", 6)], TTL, AT)
    held = used(goods)
    placed(goods, order({"apple": 6}, "T1", reservation="cart-1"))
    assert (sum(held[:2]), used(goods)) == (6, (6, 0, 6))


def test_carts_orders_and_cancellations_with_quotas_of_places_never_wait_in_a_circle(database: Database) -> None:
    skus = ["apple", *(f"s{no}" for no in range(4))]
    with database.transaction() as session:
        stock(session, {"sh": dict.fromkeys(skus, 40), "bj": dict.fromkeys(skus, 400)})
    with database.transaction() as session:
        for sku in skus:
            for place in ("sh", "bj", ""):
                set_quota(
                    session, "op", BRAND, Quota(sku=sku, shop="pc", location=place, mode=QuotaMode.CAP, amount=500), AT
                )

    def one(no: int) -> None:
        turned = skus if no % 2 else list(reversed(skus))
        for turn in range(6):
            with database.transaction() as session:
                hold(session, BRAND, "pc", f"c{no}-{turn}", [Wish(sku, 1) for sku in turned], TTL, AT)
            with database.transaction() as session:
                wanted = order(dict.fromkeys(turned, 1), f"{no}-{turn}", reservation=f"c{no}-{turn}")
                order_id = placed(session, wanted)
            with database.transaction() as session:
                if turn % 2:
                    cancel(session, order_id, "mall-pc", "changed my mind", AT)
                else:
                    record_report(session, rejection(order_id, 1), AT)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(6)))
    with database.transaction() as session:
        assert (used(session), drift(session)) == ((0, 18, 18), [])


@pytest.mark.parametrize("sku", ["box", "voucher"])
def test_what_lies_at_no_location_has_a_quota_of_all_together_alone(goods: Session, sku: str) -> None:
    add_sku(goods, "box", parts={"apple": 1})
    add_sku(goods, "voucher", storage="none")
    with pytest.raises(Malformed) as caught:
        quota(goods, "sh", sku)
    assert (caught.value.code, list_quotas(goods, [sku])) == ("quota_place", [])
    quota(goods, "", sku)
    assert promise(goods, BRAND, "pc", [sku], AT)[sku].free == 9
