"""Goods sold before they arrive: counted to the piece, held beyond their limit, counted no more once they go on."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from commands.conservation import RULES
from hub.catalogue.describe import describe
from hub.database import Database, rows
from hub.inventory.presale import Presale, add_up, drop_presale, list_presales, set_presale
from hub.inventory.promise import promise
from hub.inventory.quota import Quota, set_quota
from hub.inventory.reconcile import check_books
from hub.inventory.reservation_table import QuotaMode
from hub.order.change.cancel import cancel
from hub.order.change.expire import Terms, expire
from hub.order.change.wanted import WantedLine
from hub.order.holds.expiry import expire_holds
from hub.order.holds.restocked import source_restocked
from hub.order.holds.resume import release_holds, release_part
from hub.order.model import Buyer, OrderType
from hub.roles import SYSTEM
from tests.hub.making import AT, BRAND, ZONE, add_sku, line, order, place_all, placed, stock
from tests.hub.order.changing import cut, want
from tests.hub.waiting import until_it_waits

DAY = date(2026, 12, 1)
COME = datetime(2026, 12, 1, 1, tzinfo=UTC).astimezone(ZONE)
HERE = AT.astimezone(ZONE)


def limit(session: Session, amount: int, sku: str = "lamp", shop: str = "") -> None:
    set_presale(session, "op", BRAND, Presale(sku=sku, shop=shop, amount=amount), AT)


def goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 50, "lamp": 50, "cup": 50}})
    describe(session, SYSTEM, "lamp", AT, available_from=DAY)
    limit(session, 5)


@pytest.fixture
def shop(session: Session) -> Session:
    goods(session)
    return session


def sold(session: Session, sku: str = "lamp") -> list[int]:
    return [one.sold for one in list_presales(session, [sku])]


def held(session: Session) -> list[tuple[int, Mapping[str, Any]]]:
    found = rows(
        session,
        """select line_no, evidence from order_hold where rule = 'presale_limit' and released_at is null
           order by order_id, no""",
    )
    return [(one.line_no, one.evidence) for one in found]


def free(session: Session, shop: str = "pc") -> int:
    return promise(session, BRAND, shop, ["lamp"], HERE)["lamp"].free


def test_a_line_beyond_the_limit_waits_by_name_and_the_rest_of_its_order_goes(shop: Session) -> None:
    placed(shop, order({"lamp": 4}, "T1"))
    beyond = placed(shop, order({"apple": 1, "lamp": 2}, "T2"))
    told = {"sku": "lamp", "shop": "", "limit": 5, "sold": 4, "wants": 2}
    assert held(shop) == [(2, told)]
    assert [line(shop, beyond, no).allocated for no in (1, 2)] == [1, 0]


def test_what_may_be_promised_of_goods_to_come_is_what_the_limit_leaves(shop: Session) -> None:
    assert free(shop) == 5
    placed(shop, order({"lamp": 4}, "T1"))
    assert free(shop) == 1
    placed(shop, order({"lamp": 2}, "T2"))
    assert (free(shop), promise(shop, BRAND, "pc", ["lamp"], COME)["lamp"].free) == (0, 50)


def test_beyond_the_limit_a_person_lets_a_line_go_and_it_still_waits_for_its_day(shop: Session) -> None:
    beyond = placed(shop, order({"lamp": 6}, "T1"))
    [no] = [one.no for one in rows(shop, "select no from order_hold where rule = 'presale_limit'")]
    release_part(shop, beyond, no, SYSTEM, "more will come", HERE)
    assert (held(shop), line(shop, beyond).allocated, sold(shop)) == ([], 0, [6])
    expire_holds(shop, COME)
    assert (line(shop, beyond).allocated, sold(shop)) == (6, [0])


def test_what_has_arrived_is_allocated_and_counts_no_more(shop: Session) -> None:
    order_id = placed(shop, order({"lamp": 5}, "T1"))
    assert (sold(shop), line(shop, order_id).allocated) == ([5], 0)
    expire_holds(shop, COME)
    assert (sold(shop), line(shop, order_id).allocated) == ([0], 5)
    assert not rows(shop, RULES["what is sold before it arrives is open of its lines"])


def test_what_is_cancelled_may_be_sold_again_to_the_piece(shop: Session) -> None:
    first, second = placed(shop, order({"lamp": 3}, "T1")), placed(shop, order({"lamp": 2}, "T2"))
    cut(shop, first, L1=1)
    assert (sold(shop), free(shop)) == ([4], 1)
    cancel(shop, second, "tester", "changed my mind", AT)
    assert (sold(shop), free(shop)) == ([2], 3)


def test_what_is_not_paid_in_time_may_be_sold_again(shop: Session) -> None:
    placed(shop, order({"lamp": 5}, "T1", paid_at=None))
    assert free(shop) == 0
    expire(shop, {"mall-pc": Terms(timedelta(minutes=30), told=False)}, AT + timedelta(days=1))
    assert free(shop) == 5


def test_a_shop_has_a_limit_of_its_own_beside_that_of_all(shop: Session) -> None:
    limit(shop, 2, shop="h5")
    assert (free(shop), free(shop, "h5")) == (5, 2)
    placed(shop, order({"lamp": 4}, "T1"))
    assert (free(shop), free(shop, "h5")) == (1, 1)
    placed(shop, replace(order({"lamp": 1}, "T2"), shop="h5"))
    assert (held(shop), free(shop, "h5")) == ([], 0)


def test_a_quota_of_a_shop_still_limits_what_it_may_promise(shop: Session) -> None:
    set_quota(shop, "op", BRAND, Quota(sku="lamp", shop="pc", mode=QuotaMode.CAP, amount=3), AT)
    assert (free(shop), free(shop, "h5")) == (3, 5)
    placed(shop, order({"lamp": 2}, "T1"))
    assert (free(shop), free(shop, "h5")) == (1, 3)


def test_an_order_of_a_presale_counts_whole_and_goods_without_a_limit_are_counted_too(shop: Session) -> None:
    first = placed(shop, order({"cup": 3, "apple": 1}, "T1", type=OrderType.PRESALE))
    limit(shop, 4, "cup")
    placed(shop, order({"cup": 2}, "T2"))
    assert (sold(shop, "cup"), held(shop)) == ([3], [])
    placed(shop, order({"cup": 2}, "T3", type=OrderType.PRESALE))
    assert [seen["sold"] for _, seen in held(shop)] == [3]
    release_holds(shop, first, SYSTEM, "they have come", HERE)
    assert sold(shop, "cup") == [2]


def test_a_bundle_is_limited_by_its_parts(shop: Session) -> None:
    add_sku(shop, "set", parts={"lamp": 2, "apple": 1})
    assert promise(shop, BRAND, "pc", ["set"], HERE)["set"].free == 2
    placed(shop, order({"set": 2}, "T1"))
    assert (sold(shop), promise(shop, BRAND, "pc", ["set"], HERE)["set"].free) == ([4], 0)


def test_orders_of_one_batch_count_one_after_the_other(shop: Session) -> None:
    place_all(shop, *[order({"lamp": 2}, f"T{no}") for no in range(4)])
    assert [seen["sold"] for _, seen in held(shop)] == [4, 6]


def test_what_a_change_adds_counts(shop: Session) -> None:
    order_id = placed(shop, order({"lamp": 1}, "T1"))
    want(shop, order_id, WantedLine("L1", 3))
    assert sold(shop) == [3]


def test_an_order_that_waits_for_goods_counts_as_soon_as_they_get_a_day(session: Session) -> None:
    stock(session, {"sh": {"apple": 50, "lamp": 1}})
    limit(session, 5)
    order_id = placed(session, order({"lamp": 4}, "T1"))
    describe(session, SYSTEM, "lamp", AT, available_from=DAY)
    source_restocked(session, HERE)
    assert (sold(session), free(session), line(session, order_id).allocated) == ([3], 2, 1)
    stock(session, {"sh": {"lamp": 9}}, "ASN-2")
    expire_holds(session, COME)
    assert (sold(session), line(session, order_id).allocated) == ([0], 4)


def parts(session: Session) -> list[tuple[str, int]]:
    return [(one.shop, one.pieces) for one in rows(session, "select shop, pieces from presold_count order by shop, no")]


def test_the_parts_of_a_counter_are_added_up_and_none_is_left_of_nothing(shop: Session) -> None:
    first, second = placed(shop, order({"lamp": 3}, "T1")), placed(shop, order({"lamp": 2}, "T2"))
    cut(shop, first, L1=1)
    assert parts(shop) == [("pc", 3), ("pc", 2), ("pc", -1)]
    add_up(shop)
    assert (parts(shop), sold(shop)) == ([("pc", 4)], [4])
    for one in (first, second):
        cancel(shop, one, "tester", "changed my mind", AT)
    add_up(shop)
    assert (parts(shop), sold(shop)) == ([], [0])


def test_what_is_sold_while_parts_are_added_up_is_neither_lost_nor_doubled(database: Database) -> None:
    with database.transaction() as session:
        goods(session)
        first = placed(session, order({"lamp": 1}, "T1"))
        placed(session, order({"lamp": 1}, "T2"))
    with database.transaction() as selling:
        placed(selling, order({"lamp": 1}, "T3"))
        with database.transaction() as giving:  # waits for nobody
            cancel(giving, first, "tester", "changed my mind", AT)
        with database.transaction() as adding:
            add_up(adding)
    with database.transaction() as session:
        assert (parts(session), sold(session)) == ([("pc", 1), ("pc", 1)], [2])
        assert check_books(session) == []


def test_without_a_limit_nothing_is_held_and_goods_to_come_are_promised_as_before(shop: Session) -> None:
    drop_presale(shop, "op", "lamp", "", AT)
    placed(shop, order({"lamp": 9}, "T1"))
    assert (held(shop), free(shop)) == ([], 50)


def test_two_who_place_at_the_same_time_do_not_both_get_the_last_pieces(database: Database) -> None:
    with database.transaction() as session:
        goods(session)

    def place() -> None:
        with database.transaction() as session:
            placed(session, order({"lamp": 3}, "T2", buyer=Buyer(ref="another", nick="买家")))

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            placed(session, order({"lamp": 3}, "T1"))
            other = pool.submit(place)
            until_it_waits(database, other)
            assert not other.done()
        other.result()
    with database.transaction() as session:
        assert [seen["sold"] for _, seen in held(session)] == [3]
