"""Exchanges and goods sent once more: orders of their own, tied to the first, never of more than was shipped."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.catalogue.model import Storage
from hub.database import rows
from hub.errors import Conflict, Malformed
from hub.order.change.follow_up import Again, follow_up
from hub.order.change.lapse import lapse
from hub.order.change.pay import pay
from hub.order.change.refund import mark_refund
from hub.order.change.table import RefundState
from hub.order.change.wanted import WantedLine
from hub.order.model import OrderType
from hub.order.ship.outbound import read_delivery
from hub.order.ship.progress import record_confirm
from hub.roles import SYSTEM
from tests.hub.making import AT, RECEIVER, ZONE, add_sku, confirm, open_causes, order, placed, see, step_states, stock
from tests.hub.order.changing import BY, answer, cut, dues, refunds, send, want


@pytest.fixture
def order_id(session: Session) -> int:
    """Place an order of two apples and a box, which are shipped."""
    stock(session, {"sh": {"apple": 20, "pear": 9}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    number = placed(session, order({"apple": 2, "box": 1}))
    record_confirm(session, confirm(number, 1, {"apple": 4, "pear": 1}), AT)
    return number


def again(session: Session, order_id: int, *lines: Again, kind: OrderType = OrderType.RESHIP) -> int:
    return follow_up(session, order_id, kind, lines, BY, AT, ZONE)


def test_goods_are_sent_once_more_to_the_same_receiver_free_of_charge(session: Session, order_id: int) -> None:
    made = again(session, order_id, Again("L1", 1), Again("L2", 1))
    seen, first = see(session, made), see(session, order_id)
    assert (seen.total, seen.payment, seen.lifecycle, seen.external_id) == (
        0,
        "paid",
        "in_fulfilment",
        f"R1-{order_id}",
    )
    assert read_delivery(session, made, 1, AT).receiver.street == RECEIVER.street
    assert ([(one.relation, one.order) for one in first.links], seen.links[0].relation) == (
        [("follower", str(made))],
        "origin",
    )


def test_others_may_be_sent_in_exchange_and_their_channel_is_not_told(session: Session, order_id: int) -> None:
    made = again(session, order_id, Again("L1", 1, "pear"), kind=OrderType.EXCHANGE)
    told = len(step_states(session, "notify_shipment"))
    record_confirm(session, confirm(made, 1, {"pear": 1}), AT)
    assert (see(session, made).lines[0].sku, see(session, made).fulfilment) == ("pear", "shipped")
    assert len(step_states(session, "notify_shipment")) == told


def test_no_more_is_sent_again_than_was_shipped(session: Session, order_id: int) -> None:
    again(session, order_id, Again("L1", 1))
    for line, pieces in (("L1", 2), ("L2", 2)):
        with pytest.raises(Conflict, match="than was shipped"):
            again(session, order_id, Again(line, pieces))
    with pytest.raises(Malformed, match="no line L9"):
        again(session, order_id, Again("L9", 1))
    assert len(rows(session, "select 1 from order_link")) == 1


def test_of_a_line_that_grew_all_that_was_shipped_can_be_sent_again(session: Session) -> None:
    stock(session, {"sh": {"apple": 20}})
    first = placed(session, order({"apple": 1}))
    want(session, first, WantedLine("L1", 3))
    pay(session, first, "tester", AT, AT.astimezone(ZONE), amount=2000)
    for no, pieces in ((1, 1), (2, 2)):
        record_confirm(session, confirm(first, no, {"apple": pieces}, key=f"c{no}"), AT)
    assert see(session, again(session, first, Again("L1", 3))).lines[0].ordered == 3
    with pytest.raises(Conflict, match="than was shipped"):
        again(session, first, Again("L1", 1))


@pytest.fixture
def exchanged(session: Session) -> int:
    """Place an order of two apples, one of which is sent; a pear comes in the place of the other."""
    stock(session, {"sh": {"apple": 20, "pear": 9}})
    first = placed(session, order({"apple": 2}))
    send(session, first)
    record_confirm(session, confirm(first, 1, {"apple": 1}, final=False), AT)
    want(session, first, WantedLine("L1", 2, "pear"))
    answer(session, first, 1, stopped=True)
    return first


def test_what_is_sent_again_is_what_was_shipped_though_others_come_in_its_place(
    session: Session, exchanged: int
) -> None:
    made = again(session, exchanged, Again("L1", 1))
    assert [(one.sku, one.ordered) for one in see(session, made).lines] == [("apple", 1)]
    with pytest.raises(Conflict, match="than was shipped"):
        again(session, exchanged, Again("L1", 1))


def test_of_a_line_that_was_shipped_as_several_goods_it_is_named_which_are_sent_again(
    session: Session, exchanged: int
) -> None:
    record_confirm(session, confirm(exchanged, 2, {"pear": 1}, key="c2"), AT)
    with pytest.raises(Conflict) as refused:
        again(session, exchanged, Again("L1", 1))
    assert (refused.value.code, "apple, pear" in refused.value.message) == ("several_goods", True)
    assert see(session, again(session, exchanged, Again("L1", 1, "pear"))).lines[0].sku == "pear"


@pytest.mark.parametrize(
    "more", [WantedLine("L1", 2), WantedLine("L1", 2, "pear"), WantedLine("L9", 1, "pear", "0.00")]
)
def test_what_is_sent_again_does_not_grow_for_nothing(session: Session, order_id: int, more: WantedLine) -> None:
    made = again(session, order_id, Again("L1", 1))
    with pytest.raises(Conflict) as refused:
        want(session, made, more)
    assert refused.value.code == "not_shipped"


def test_what_is_sent_again_may_be_of_other_goods_and_more_of_it_is_paid_for(session: Session, order_id: int) -> None:
    made = again(session, order_id, Again("L1", 1))
    want(session, made, WantedLine("L1", 1, "pear"))
    assert dues(session) == []
    want(session, made, WantedLine("L1", 2, price="8.00"))
    assert [(one.sku, one.ordered - one.cancelled) for one in see(session, made).lines] == [
        ("apple", 0),
        ("pear", 1),
        ("pear", 1),
    ]
    assert dues(session) == [(800, 0, "open")]


def test_what_is_sent_again_is_as_it_was_when_nobody_pays_for_better_goods(session: Session, order_id: int) -> None:
    made = again(session, order_id, Again("L1", 2))
    want(session, made, WantedLine("L1", 1, "pear", "8.00"))
    assert dues(session) == [(800, 0, "open")]
    assert lapse(session, timedelta(minutes=30), AT.astimezone(ZONE) + timedelta(hours=1)) == 1
    kept = [(one.sku, one.ordered - one.cancelled) for one in see(session, made).lines if one.ordered > one.cancelled]
    assert (kept, see(session, made).holds) == ([("apple", 2)], ())


def test_money_that_goes_back_of_what_no_channel_knows_calls_a_person(session: Session, order_id: int) -> None:
    made = again(session, order_id, Again("L1", 1))
    want(session, made, WantedLine("L1", 2, price="8.00"))
    pay(session, made, "tester", AT, AT.astimezone(ZONE), amount=800)
    cut(session, made, L1=1)
    assert (refunds(session), open_causes(session)) == ([(800, 0, "due")], ["refund_failed"])
    mark_refund(session, made, 1, RefundState.DONE, "R-1", "tester", AT)
    assert open_causes(session) == []


def test_the_channel_is_not_told_of_virtual_goods_that_are_handed_over_again(session: Session) -> None:
    add_sku(session, "card")
    describe(session, SYSTEM, "card", AT, storage=Storage.NONE)
    first = placed(session, order({"card": 1}))
    again(session, first, Again("L1", 1))
    told = rows(session, "select order_id from step where flow = 'notify_handover'")
    assert [one.order_id for one in told] == [first]
