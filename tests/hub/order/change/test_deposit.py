"""A deposit keeps an order open until its balance comes; a channel's own word of both is followed."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows
from hub.gift.model import Give
from hub.order.change.channel import revise
from hub.order.change.expire import Terms, expire
from hub.order.change.pay import pay, pay_deposit
from hub.order.model import ShopOrder
from hub.order.place.record import payload_hash
from tests.hub.gift.giving import gifts_of, put_in_force
from tests.hub.making import AT, ZONE, order, placed, see, stock

HERE = AT.astimezone(ZONE)


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 50, "cup": 9}})


def payment(session: Session, order_id: int) -> str:
    return see(session, order_id).payment


def close(session: Session) -> int:
    return expire(session, {"mall-pc": Terms(timedelta(minutes=30), told=False)}, AT + timedelta(days=1))


def later(one: ShopOrder, **changes: object) -> ShopOrder:
    """Give an order as its channel tells it the next time."""
    updates = {"source_revision": one.order.source_revision + 1, **changes}
    return replace(one, order=one.order.model_copy(update=updates))


def test_an_order_of_which_the_deposit_is_paid_waits_and_is_not_closed(session: Session) -> None:
    order_id = placed(session, order({"apple": 1}, paid_at=None, deposit_paid_at=AT))
    assert (payment(session, order_id), see(session, order_id).lifecycle) == ("deposit_paid", "accepted")
    assert close(session) == 0
    pay(session, order_id, "tester", HERE, HERE)
    assert (payment(session, order_id), see(session, order_id).lifecycle) == ("paid", "in_fulfilment")


def test_a_deposit_that_comes_later_keeps_the_order_open(session: Session) -> None:
    order_id = placed(session, order({"apple": 1}, paid_at=None))
    for _ in range(2):
        pay_deposit(session, order_id, "tester", AT)
    assert (payment(session, order_id), close(session)) == ("deposit_paid", 0)
    acts = rows(session, "select 1 from audit_entry where act = 'order.pay_deposit'")
    assert len(acts) == 1


def test_a_deposit_takes_nothing_back_from_an_order_that_is_paid(session: Session) -> None:
    order_id = placed(session, order({"apple": 1}))
    pay_deposit(session, order_id, "tester", AT)
    assert payment(session, order_id) == "paid"


def test_a_channel_tells_of_the_deposit_and_then_of_the_balance(session: Session) -> None:
    one = order({"apple": 1}, paid_at=None)
    order_id = placed(session, one)
    revise(session, order_id, deposited := later(one, deposit_paid_at=AT), "platform_wins", HERE)
    assert payment(session, order_id) == "deposit_paid"
    revise(session, order_id, later(deposited, paid_at=AT), "platform_wins", HERE)
    assert (payment(session, order_id), see(session, order_id).lifecycle) == ("paid", "in_fulfilment")


def test_a_channel_s_revision_leaves_the_hub_s_own_gifts_alone(session: Session) -> None:
    put_in_force(session, gives=(Give(sku="cup"),))
    one = order({"apple": 2})
    order_id = placed(session, one)
    revise(session, order_id, later(one, remark="门口"), "platform_wins", HERE)
    assert gifts_of(session, order_id) == [("cup", 1)]
    assert [line.cancelled for line in see(session, order_id).lines] == [0, 0]


def test_orders_without_a_deposit_are_hashed_as_before_there_were_any() -> None:
    told = order({"apple": 1})
    assert payload_hash(told).hex() == "3800eaa61134f0f135e574951bee9f79866b7f35013734e579a562a96eb23d00"
    assert payload_hash(later(told, deposit_paid_at=AT)) != payload_hash(told)
