from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from hub.database import Database
from hub.errors import Malformed, Unauthorised
from hub.order.change.cancel import cancel
from hub.order.holds.repair import release_orders, tally_orders
from hub.repair import Tally
from hub.roles import Actor, Role
from tests.hub.making import RECEIVER, add_location, add_sku, open_causes, order, placed, sources, stock
from tests.hub.order.change.test_follow import held, said
from tests.hub.order.changing import move, send
from tests.hub.waiting import until_it_waits

OPERATOR = Actor("op", frozenset({Role.OPERATOR}))
SUPERVISOR = Actor("boss", frozenset({Role.SUPERVISOR}))
STRANGER = Actor("stranger", frozenset({Role.SUPERVISOR}), frozenset({"other"}))


@pytest.fixture
def short(session: Session) -> list[int]:
    """Place two orders for goods that have not come yet."""
    add_location(session, "sh")
    add_sku(session, "apple")
    return [placed(session, order({"apple": 1}, number)) for number in ("T1", "T2")]


def test_orders_go_on_together_when_their_goods_have_come(session: Session, short: list[int], at: datetime) -> None:
    stock(session, {"sh": {"apple": 9}})
    assert release_orders(session, SUPERVISOR, short, "goods have come", at) == 2
    assert [sources(session, one) for one in short] == [[("sh", "open")]] * 2
    assert open_causes(session) == []


def test_an_address_needs_more_than_a_reason_and_what_has_ended_nothing(
    session: Session, short: list[int], at: datetime
) -> None:
    lost = RECEIVER.model_copy(update={"province": "月球", "city": "静海", "county": "", "street": "一号坑"})
    lost_id = placed(session, order({"apple": 1}, "T3", receiver=lost))
    cancel(session, short[0], "op", "wish", at)
    found = tally_orders(session, SUPERVISOR, [*short, lost_id])
    assert found == Tally(eligible=(short[1],), wrong_state=1, done=1)


def test_what_the_buyer_asks_the_money_back_of_is_not_let_go_with_many(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    order_id = placed(session, said(["L2"]))
    assert release_orders(session, SUPERVISOR, [order_id], "all of them", at) == 0
    assert held(session, order_id) == [("refund_asked", 2)]


def test_an_order_whose_change_waits_for_a_location_is_left_out_and_keeps_no_other(
    session: Session, short: list[int], at: datetime
) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 1}})
    waits = placed(session, order({"apple": 1, "pear": 2}, "T3"))
    send(session, waits)
    assert move(session, waits) == "waiting"
    assert tally_orders(session, SUPERVISOR, [short[0], waits]) == Tally(eligible=(short[0],), wrong_state=1, done=0)
    assert release_orders(session, SUPERVISOR, [short[0], waits], "goods have come", at) == 1


def test_an_order_that_somebody_cancels_meanwhile_keeps_no_other(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 9}})
        ids = [placed(session, order({"apple": 1}, number, paid_at=None)) for number in ("T1", "T2")]

    def act() -> int:
        with database.transaction() as session:
            return release_orders(session, SUPERVISOR, ids, "friends of the house", at)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            cancel(session, ids[0], "op", "wish", at)
            other = pool.submit(act)
            until_it_waits(database, other)
        assert other.result() == 1
    with database.transaction() as session:
        assert [sources(session, one) for one in ids] == [[], [("sh", "open")]]


def test_many_orders_are_released_by_supervisors_of_the_brand_with_a_reason(
    session: Session, short: list[int], at: datetime
) -> None:
    with pytest.raises(Unauthorised):
        release_orders(session, OPERATOR, short, "why", at)
    with pytest.raises(Malformed):
        release_orders(session, SUPERVISOR, short, "", at)
    assert release_orders(session, STRANGER, short, "why", at) == 0
