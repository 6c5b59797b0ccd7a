"""Gifts are given while orders are placed, counted exactly once, and given back when their order is cancelled."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import KEYRING, Database, rows
from hub.errors import Rejected
from hub.gift.model import Give
from hub.gift.strategy import retire
from hub.order.change.begin import change
from hub.order.change.cancel import cancel
from hub.order.change.expire import Terms, expire
from hub.order.change.revision import Author, Wish
from hub.order.change.wanted import pieces_of
from hub.order.model import Adjustment, Buyer, OrderType
from hub.order.place.batch import Placed
from hub.order.rehearse.gift import try_rules
from hub.order.ship.outbound import read_shipment
from hub.order.ship.progress import record_confirm, record_report
from hub.order.trace.timeline import trace
from hub.roles import SYSTEM
from tests.conftest import RING
from tests.hub.gift.giving import gifts_of, given, put_in_force, verdicts
from tests.hub.making import AT, BRAND, add_sku, confirm, coupon, order, place_all, placed, rejection, see, stock
from tests.scale import count


def numbers(found: Sequence[Placed | Rejected]) -> list[int]:
    return [one.order_id for one in found if isinstance(one, Placed)]


@pytest.fixture
def goods(session: Session) -> None:
    stock(session, {"sh": {"tea": 99, "cup": 99}, "bj": {"tea": 99, "cup": 99}})
    add_sku(session, "set", parts={"tea": 2})


@pytest.mark.usefixtures("goods")
def test_a_gift_is_a_line_of_its_own_and_the_order_stays_as_it_was(session: Session) -> None:
    put_in_force(session, min_pieces=2, most_times=9)
    order_id = placed(session, order({"tea": 4}))
    assert gifts_of(session, order_id) == [("cup", 2)]
    view = see(session, order_id)
    assert (view.goods, view.discount, view.total) == (4_000, 0, 4_000)
    assert [(one.kind, one.amount, one.allocated) for one in view.lines] == [("item", 4_000, 4), ("gift", 0, 2)]


@pytest.mark.usefixtures("goods")
def test_a_gift_of_value_bears_its_part_of_what_is_paid(session: Session) -> None:
    put_in_force(session, gives=(Give(sku="cup", value_fen=1_000),))
    view = see(session, placed(session, order({"tea": 3})))
    assert (view.goods, view.discount, view.total) == (4_000, 1_000, 3_000)
    assert [one.amount - one.discount for one in view.lines] == [2_250, 750]


AMOUNTS = st.lists(st.tuples(st.sampled_from(["tea", "set"]), st.integers(1, 5)), min_size=1, max_size=4)


@drawn(AMOUNTS, st.integers(0, 5_000), st.integers(0, 2_000))
@settings(max_examples=count(25, 300, 10), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_share_adds_up_whatever_a_gift_is_worth(
    scratch: Database, bought: list[tuple[str, int]], value: int, off: int
) -> None:
    with Session(scratch.engine, expire_on_commit=False, info={KEYRING: RING}) as session:
        stock(session, {"sh": {"tea": 99, "cup": 99}})
        add_sku(session, "set", parts={"tea": 2})
        put_in_force(session, gives=(Give(sku="cup", value_fen=value),), skus=("set", "tea"))
        order_id = placed(session, order(dict(bought), adjustments=_coupons(bought, off)))
        lines = rows(session, "select * from order_line where order_id = :id", id=order_id)
        (head,) = rows(session, "select * from sales_order where id = :id", id=order_id)
        shares = rows(session, "select * from price_adjustment where order_id = :id", id=order_id)
    assert head.total == sum(one.amount - one.discount for one in lines if one.kind != "component")
    assert head.discount == sum(one.amount for one in shares)
    assert all(one.amount >= one.discount for one in lines)
    for bundle in (one for one in lines if one.kind == "bundle"):
        assert bundle.discount == sum(one.discount for one in lines if one.parent_no == bundle.line_no)


def _coupons(bought: Sequence[tuple[str, int]], off: int) -> tuple[Adjustment, ...]:
    return (coupon(min(off, 1_000 * sum(dict(bought).values()))),) if off else ()


@pytest.mark.usefixtures("goods")
def test_the_first_orders_get_it_and_a_cancelled_one_makes_room(session: Session) -> None:
    put_in_force(session, first_orders=2)
    first, second, third = [placed(session, order({"tea": 1}, f"T{no}")) for no in range(3)]
    assert [verdicts(session, one) for one in (first, second, third)] == [["given"], ["given"], ["exhausted"]]
    cancel(session, first, "tester", "wish", AT)
    assert given(session) == (1, 1)
    assert verdicts(session, placed(session, order({"tea": 1}, "T9"))) == ["given"]


@pytest.mark.usefixtures("goods")
def test_who_takes_back_all_that_was_bought_gets_no_gift(session: Session) -> None:
    put_in_force(session, first_orders=1)
    order_id = placed(session, order({"tea": 2}))
    wish = Wish(pieces=pieces_of(session, order_id, {"L1": 2}))
    assert change(session, order_id, wish, Author("tester", "wish"), AT) == "applied"
    assert (see(session, order_id).lifecycle, given(session)) == ("cancelled", (0, 0))


@pytest.mark.usefixtures("goods")
def test_what_is_left_of_limited_pieces_is_given_fewer_times(session: Session) -> None:
    put_in_force(session, gives=(Give(sku="cup", pieces=2),), min_pieces=1, most_times=9, most_pieces=5)
    first, second = numbers(place_all(session, order({"tea": 1}, "A"), order({"tea": 9}, "B")))
    assert (gifts_of(session, first), gifts_of(session, second)) == ([("cup", 2)], [("cup", 2)])
    assert given(session) == (2, 4)


@pytest.mark.usefixtures("goods")
def test_a_member_gets_it_once_until_the_order_is_cancelled(session: Session) -> None:
    put_in_force(session, once_per_member=True)
    mine = [order({"tea": pieces}, f"T{pieces}", buyer=Buyer(ref="one")) for pieces in (1, 2, 3)]
    first, second = numbers(place_all(session, *mine[:2]))
    assert [verdicts(session, one) for one in (first, second)] == [["given"], ["had_already"]]
    cancel(session, first, "tester", "wish", AT)
    assert verdicts(session, placed(session, mine[2])) == ["given"]


@pytest.mark.usefixtures("goods")
def test_who_has_had_it_takes_no_place_of_the_first_orders(session: Session) -> None:
    put_in_force(session, first_orders=3, once_per_member=True)
    placed(session, order({"tea": 1}, "A", buyer=Buyer(ref="one")))
    who = ["one", "two", "two", "three"]
    ids = numbers(place_all(session, *[order({"tea": 1}, f"T{n}", buyer=Buyer(ref=ref)) for n, ref in enumerate(who)]))
    assert [verdicts(session, one) for one in ids] == [["had_already"], ["given"], ["had_already"], ["given"]]
    assert given(session) == (3, 3)


@pytest.mark.usefixtures("goods")
def test_the_most_that_a_strategy_may_give_at_once_is_placed(session: Session) -> None:
    stock(session, {"sh": {"tea": 1_000, "cup": 1_000}}, "ASN-2")
    put_in_force(session, gives=(Give(sku="cup", value_fen=10**9),), min_pieces=1, most_times=1_000)
    assert gifts_of(session, placed(session, order({"tea": 1_000}))) == [("cup", 1_000)]


@pytest.mark.usefixtures("goods")
def test_an_unpaid_order_that_is_closed_gives_its_gift_back(session: Session) -> None:
    put_in_force(session, first_orders=1)
    placed(session, order({"tea": 1}, paid_at=None))
    assert given(session) == (1, 1)
    assert expire(session, {"mall-pc": Terms(timedelta(minutes=30), told=False)}, AT + timedelta(days=1)) == 1
    assert given(session) == (0, 0)


@pytest.mark.usefixtures("goods")
def test_no_purchase_and_no_strategy_in_force_mean_no_gift(session: Session) -> None:
    put_in_force(session)
    assert gifts_of(session, placed(session, order({"tea": 1}, "A", type=OrderType.RESHIP))) == []
    retire(session, SYSTEM, BRAND, "spring", AT)
    assert gifts_of(session, placed(session, order({"tea": 1}, "B"))) == []


@pytest.mark.usefixtures("goods")
def test_a_gift_of_a_bundle_travels_with_its_parts_to_the_second_source_too(session: Session) -> None:
    put_in_force(session)
    order_id = placed(session, order({"set": 1, "tea": 1}))
    record_report(session, rejection(order_id, 1), AT)
    inputs = rows(session, "select input from routing_decision where order_id = :id order by no", id=order_id)
    assert [[one.get("with_no") for one in found.input["wants"]] for found in inputs] == [[None, None, 3]] * 2


@pytest.mark.usefixtures("goods")
def test_a_channel_is_told_of_what_it_sold_and_not_of_the_gift(session: Session) -> None:
    put_in_force(session)
    order_id = placed(session, order({"tea": 1}))
    record_confirm(session, confirm(order_id, 1, {"tea": 1, "cup": 1}), AT)
    (parcel,) = read_shipment(session, order_id, 1).parcels
    assert [line.external_line_id for line in parcel.lines] == ["L1"]
    assert see(session, order_id).lifecycle == "completed"


@pytest.mark.usefixtures("goods")
def test_an_order_s_trace_tells_which_gift_it_got_and_which_it_missed(session: Session) -> None:
    put_in_force(session, first_orders=1, min_fen=1_000)
    ids = [placed(session, order({"tea": 1}, number)) for number in ("A", "B")]
    told = [(one.whom, one.told) for no in ids for one in trace(session, no) if one.what == "gift"]
    assert told == [("spring", "given × 1"), ("spring", "exhausted × 0")]


@pytest.mark.usefixtures("goods")
def test_trying_again_sees_an_order_as_it_was_placed(session: Session) -> None:
    put_in_force(session, gives=(Give(sku="cup", value_fen=1_000),), min_fen=3_000)
    order_id = placed(session, order({"tea": 3}))
    assert [(one.code, one.seen["fen"]) for one in try_rules(session, SYSTEM, order_id)] == [("given", 3_000)]


def test_batches_that_race_for_the_last_gifts_give_no_more_than_there_are(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"tea": 99, "cup": 99}})
        put_in_force(session, first_orders=3, once_per_member=True)

    def buy(no: int) -> None:
        buyers = [Buyer(ref=f"b{one % 4}") for one in range(no, no + 4)]
        with database.transaction() as session:
            place_all(session, *[order({"tea": n}, f"T{no}-{n}", buyer=one) for n, one in enumerate(buyers, 1)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(buy, range(4)))
    with database.transaction() as session:
        found = rows(session, "select verdict, count(*) as n from gift_decision group by 1 order by 1")
        assert {one.verdict: one.n for one in found}["given"] == 3
        assert given(session) == (3, 3)
        assert len(rows(session, "select 1 from gift_member")) == 3
