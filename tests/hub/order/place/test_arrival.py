"""Goods that can only be sent later: their part of an order, or a pre-sale as a whole, goes on by itself on the day."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.database import rows
from hub.gift.model import Give
from hub.order.change.begin import change
from hub.order.change.pay import pay
from hub.order.change.revision import Contents, Wish
from hub.order.holds.expiry import expire_holds
from hub.order.lock import lock_order
from hub.order.model import OrderType
from hub.order.rest import source_rest
from hub.order.rules.policy import POLICY
from hub.order.ship.progress import record_report
from hub.roles import SYSTEM
from tests.hub.gift.giving import put_in_force
from tests.hub.making import AT, ZONE, add_sku, line, open_causes, order, placed, rejection, see, stock
from tests.hub.order.changing import BY, cut

DAY = date(2026, 12, 1)
COME = datetime(2026, 12, 1, 1, tzinfo=UTC).astimezone(ZONE)
HERE = AT.astimezone(ZONE)


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 50, "lamp": 50, "cup": 50}, "bj": {"apple": 50}})
    describe(session, SYSTEM, "lamp", AT, available_from=DAY)


def allocated(session: Session, order_id: int) -> list[int]:
    return [one.allocated for one in see(session, order_id).lines]


def waits(session: Session, order_id: int) -> list[tuple[str, datetime]]:
    found = rows(
        session,
        "select rule, expires_at from order_hold where order_id = :id and released_at is null order by no",
        id=order_id,
    )
    return [(one.rule, one.expires_at) for one in found]


def test_what_is_there_goes_now_and_what_comes_goes_on_its_day(session: Session) -> None:
    order_id = placed(session, order({"apple": 1, "lamp": 2}))
    assert (allocated(session, order_id), open_causes(session)) == ([1, 0], [])
    assert waits(session, order_id) == [("arrival", datetime(2026, 11, 30, 16, tzinfo=UTC))]
    assert expire_holds(session, HERE) == 0
    assert expire_holds(session, COME) == 1
    assert (allocated(session, order_id), waits(session, order_id)) == ([1, 2], [])


def test_an_order_of_nothing_but_goods_to_come_waits_whole(session: Session) -> None:
    order_id = placed(session, order({"lamp": 1}))
    assert (see(session, order_id).lifecycle, see(session, order_id).fulfilments) == ("accepted", ())
    expire_holds(session, COME)
    assert see(session, order_id).lifecycle == "in_fulfilment"


def test_what_was_rejected_finds_another_source_while_the_rest_waits(session: Session) -> None:
    order_id = placed(session, order({"apple": 1, "lamp": 1}))
    record_report(session, rejection(order_id, 1), HERE)
    assert (allocated(session, order_id), len(waits(session, order_id))) == ([1, 0], 1)


def test_what_nobody_has_though_its_day_was_moved_up_is_named(session: Session) -> None:
    order_id = placed(session, order({"apple": 1, "lamp": 60}))
    describe(session, SYSTEM, "lamp", AT, available_from=HERE.date())
    source_rest(session, lock_order(session, order_id), POLICY, HERE)
    [held] = rows(session, "select evidence -> 'missing' as missing from order_hold where rule = 'no_source'")
    assert held.missing == {"lamp": 60 - allocated(session, order_id)[1]}


def test_what_nobody_has_though_its_day_was_moved_up_stays_named_when_something_else_is_cancelled(
    session: Session,
) -> None:
    order_id = placed(session, order({"apple": 60, "lamp": 60}))
    describe(session, SYSTEM, "lamp", AT, available_from=HERE.date())
    source_rest(session, lock_order(session, order_id), POLICY, HERE)
    assert cut(session, order_id, L1=5) == "applied"
    [held] = rows(session, "select evidence -> 'missing' as missing from order_hold where released_at is null")
    assert held.missing == {"lamp": 10}


def test_a_day_that_is_moved_is_waited_for_alone(session: Session) -> None:
    order_id = placed(session, order({"apple": 1, "lamp": 1, "cup": 1}))
    describe(session, SYSTEM, "lamp", AT, available_from=date(2026, 12, 24))
    source_rest(session, lock_order(session, order_id), POLICY, HERE)
    assert waits(session, order_id) == [("arrival", datetime(2026, 12, 23, 16, tzinfo=UTC))]


def test_goods_that_get_the_day_of_others_are_waited_for_with_them(session: Session) -> None:
    add_sku(session, "pear")
    order_id = placed(session, order({"pear": 1, "lamp": 1}))
    describe(session, SYSTEM, "pear", AT, available_from=DAY)
    source_rest(session, lock_order(session, order_id), POLICY, HERE)
    assert [rule for rule, _ in waits(session, order_id)] == ["arrival", "arrival"]
    assert open_causes(session) == []
    expire_holds(session, COME)
    assert allocated(session, order_id) == [0, 1]
    assert open_causes(session) == ["stock"]


def test_an_unpaid_order_waits_for_its_money_and_then_for_its_day(session: Session) -> None:
    order_id = placed(session, order({"apple": 1, "lamp": 1}, paid_at=None))
    assert [rule for rule, _ in waits(session, order_id)] == ["unpaid"]
    pay(session, order_id, "tester", HERE, HERE)
    assert (allocated(session, order_id), [rule for rule, _ in waits(session, order_id)]) == ([1, 0], ["arrival"])
    expire_holds(session, COME)
    assert allocated(session, order_id) == [1, 1]


def test_a_gift_waits_for_the_main_item_that_comes_later(session: Session) -> None:
    put_in_force(session, skus=("lamp",), gives=(Give(sku="cup"),))
    order_id = placed(session, order({"apple": 1, "lamp": 1}))
    assert allocated(session, order_id) == [1, 0, 0]
    expire_holds(session, COME)
    assert allocated(session, order_id) == [1, 1, 1]


@pytest.mark.parametrize("paid_first", [True, False])
def test_a_presale_goes_on_when_its_day_has_come_and_its_balance_is_paid(session: Session, *, paid_first: bool) -> None:
    order_id = placed(session, order({"apple": 1, "lamp": 1}, type=OrderType.PRESALE, paid_at=None))
    assert sorted(rule for rule, _ in waits(session, order_id)) == ["presale", "unpaid"]
    if paid_first:
        pay(session, order_id, "tester", HERE, HERE)
        assert allocated(session, order_id) == [0, 0]
        expire_holds(session, COME)
    else:
        expire_holds(session, COME)
        assert allocated(session, order_id) == [0, 0]
        pay(session, order_id, "tester", COME, COME)
    assert (allocated(session, order_id), waits(session, order_id)) == ([1, 1], [])


def test_a_presale_without_a_day_waits_for_a_person(session: Session) -> None:
    order_id = placed(session, order({"apple": 1}, type=OrderType.PRESALE))
    assert (waits(session, order_id), open_causes(session)) == ([("presale", None)], ["review"])


def test_a_presale_whose_day_has_come_needs_not_wait(session: Session) -> None:
    describe(session, SYSTEM, "lamp", AT, available_from=HERE.date())
    assert line(session, placed(session, order({"lamp": 1}, type=OrderType.PRESALE))).allocated == 1


def test_a_remark_that_asks_for_nothing_any_more_calls_nobody_while_goods_are_to_come(session: Session) -> None:
    order_id = placed(session, order({"apple": 1, "lamp": 2}))
    change(session, order_id, Wish(contents=Contents(remark="先别发")), BY, AT)
    assert open_causes(session) == ["review"]
    change(session, order_id, Wish(contents=Contents(remark="谢谢")), BY, AT)
    assert ([rule for rule, _ in waits(session, order_id)], open_causes(session)) == (["arrival"], [])
