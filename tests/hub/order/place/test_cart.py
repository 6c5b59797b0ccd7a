from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from sqlalchemy.orm import Session

from hub.database import Database, rows
from hub.inventory.ledger import drift
from hub.inventory.promise import promise
from hub.inventory.quota import Quota, set_quota
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.soft import Wish, expire_due, hold
from hub.order.change.cancel import cancel
from hub.order.model import Buyer
from tests.hub.making import AT, BRAND, line, order, place_all, placed, stock

TTL = timedelta(minutes=5)


def held(session: Session) -> None:
    """Put all apples there are into a cart."""
    stock(session, {"sh": {"apple": 2}})
    hold(session, BRAND, "pc", "cart-1", [Wish("apple", 2)], TTL, AT)


def test_an_order_takes_the_pieces_of_its_cart_and_another_does_not(session: Session) -> None:
    held(session)
    other = placed(session, order({"apple": 2}, "T1"))
    mine = placed(session, order({"apple": 2}, "T2", reservation="cart-1"))
    assert [line(session, one).allocated for one in (other, mine)] == [0, 2]
    assert drift(session) == []


def test_a_cart_whose_time_is_over_gives_an_order_nothing(session: Session) -> None:
    held(session)
    expire_due(session, AT + TTL)
    first = placed(session, order({"apple": 2}, "T1"))
    late = placed(session, order({"apple": 2}, "T2", reservation="cart-1"))
    assert [line(session, one).allocated for one in (first, late)] == [2, 0]


def test_two_orders_that_name_one_cart_take_it_once(session: Session) -> None:
    held(session)
    both = place_all(session, *(order({"apple": 2}, f"T{no}", reservation="cart-1") for no in (1, 2)))
    booked = rows(session, "select reason, sum(soft) as soft from stock_movement group by 1 order by 1")
    assert {one.reason: one.soft for one in booked} == {"allocate": 0, "hold": 2, "receive": 0, "take": -2}
    assert (len(both), drift(session)) == (2, [])


def test_what_a_shop_sells_counts_against_its_quota_and_comes_back_when_cancelled(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    set_quota(session, "op", BRAND, Quota(sku="apple", shop="pc", mode=QuotaMode.CAP, amount=5), AT)
    order_id = placed(session, order({"apple": 3}, "T1"))
    assert promise(session, BRAND, "pc", ["apple"], AT)["apple"].free == 2
    cancel(session, order_id, "mall-pc", "changed my mind", AT)
    assert promise(session, BRAND, "pc", ["apple"], AT)["apple"].free == 5


def test_of_two_twins_that_are_placed_at_once_one_waits_for_a_person(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 1000}})
    ready = Barrier(2)

    def one(no: int) -> None:
        for turn in range(8):
            with database.transaction() as session:
                ready.wait()
                place_all(session, order({"apple": 1}, f"{turn}-{no}", buyer=Buyer(ref=f"b{turn}")))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, (1, 2)))
    with database.transaction() as session:
        found = rows(session, "select order_id from order_hold where type = 'duplicate'")
    assert len(found) == 8


def test_orders_and_cancellations_of_skus_with_quotas_never_wait_in_a_circle(database: Database) -> None:
    skus = [f"s{no}" for no in range(6)]
    with database.transaction() as session:
        stock(session, {"sh": dict.fromkeys(skus, 1000)})
    with database.transaction() as session:
        for sku in skus:
            set_quota(session, "op", BRAND, Quota(sku=sku, shop="pc", mode=QuotaMode.CAP, amount=9), AT)

    def one(no: int) -> None:
        wanted = dict.fromkeys(skus if no % 2 else reversed(skus), 1)
        for turn in range(10):
            with database.transaction() as session:
                order_id = placed(session, order(wanted, f"{no}-{turn}"))
            with database.transaction() as session:
                cancel(session, order_id, "mall-pc", "changed my mind", AT)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    with database.transaction() as session:
        assert promise(session, BRAND, "pc", skus, AT)["s0"].free == 9
        assert drift(session) == []
