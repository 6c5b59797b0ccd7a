"""Goods that were added and nobody paid for in time are taken back: pieces, counters and money are as they were."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.catalogue.model import Storage
from hub.database import rows, run
from hub.errors import Conflict
from hub.inventory.ledger import drift
from hub.order.change.lapse import lapse
from hub.order.change.notice import read_change, stand_of
from hub.order.change.pay import pay
from hub.order.change.wanted import WantedLine
from hub.order.holds.resume import release_holds
from hub.order.trace.timeline import trace
from hub.roles import SYSTEM
from tests.hub.making import AT, ZONE, add_sku, counters, coupon, order, placed, see, stock
from tests.hub.order.changing import cut, dues, refunds, revision, send, want

LIMIT = timedelta(minutes=30)
HERE = AT.astimezone(ZONE)
LATER = HERE + LIMIT


@pytest.fixture
def order_id(session: Session) -> int:
    """Place an order of three apples, with a coupon of 7.01, and two pears, which Shanghai takes."""
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    return placed(session, order({"apple": 3, "pear": 2}, adjustments=(coupon(701, "L1"),), freight=500))


def settled(session: Session, order_id: int) -> bool:
    """Say whether nothing is due, nothing goes back, nothing is held and no counter is off."""
    moving = [one for one in refunds(session) if one[2] != "set_off"]
    return (moving, [one for one in dues(session) if one[2] != "set_off"], see(session, order_id).holds) == ([], [], ())


def wanted(session: Session, order_id: int) -> dict[tuple[str, str], int]:
    lines = stand_of(session, order_id)["lines"]
    return {(one["external_line_id"], one["channel_sku"]): one["quantity"] for one in lines if one["quantity"]}


def borne(session: Session) -> int:
    """Say how much of the reductions the pieces bear that are still wanted."""
    found = rows(
        session,
        """select coalesce(sum(a.amount), 0)::bigint - (
               select coalesce(sum(cast(one.value as bigint)), 0)::bigint
               from refund_line r cross join lateral jsonb_each_text(r.reductions) one) as n from price_adjustment a""",
    )
    return found[0].n


def test_more_pieces_go_and_the_order_goes_on(session: Session, order_id: int) -> None:
    send(session, order_id)
    was = stand_of(session, order_id)
    want(session, order_id, WantedLine("L1", 5), WantedLine("L3", 1, "box", "30.00"))
    assert (lapse(session, LIMIT, LATER - timedelta(seconds=1)), lapse(session, LIMIT, LATER)) == (0, 1)
    assert (settled(session, order_id), counters(session, "sh", "apple"), drift(session)) == (True, (9, 3), [])
    now = stand_of(session, order_id)
    assert (now["total"], [one for one in now["lines"] if one["quantity"]]) == (was["total"], was["lines"])


@pytest.mark.parametrize("goods", ["apple", "box"])
def test_goods_that_were_exchanged_come_back_with_their_reductions(session: Session, order_id: int, goods: str) -> None:
    was = stand_of(session, order_id)
    want(session, order_id, WantedLine("L1", 2, "pear", "99.99"), WantedLine("L2", 2, goods, "77.77"))
    assert lapse(session, LIMIT, LATER) == 1
    assert wanted(session, order_id) == {("L1", "apple"): 3, ("L2", "pear"): 2}
    assert stand_of(session, order_id)["total"] == was["total"]
    assert (settled(session, order_id), borne(session), drift(session)) == (True, 701, [])
    assert (counters(session, "sh", "apple"), counters(session, "sh", "pear")) == ((9, 3), (9, 2))


def test_what_was_exchanged_twice_is_as_it_was_at_first(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L2", 2, "apple", "20.00"))
    want(session, order_id, WantedLine("L2", 2, "box", "50.00"))
    assert (lapse(session, LIMIT, LATER), lapse(session, LIMIT, LATER + LIMIT)) == (1, 0)
    assert (wanted(session, order_id), settled(session, order_id), borne(session)) == (
        {("L1", "apple"): 3, ("L2", "pear"): 2},
        True,
        701,
    )


def test_the_channel_is_told_and_the_trace_says_why(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L1", 5))
    lapse(session, LIMIT, LATER)
    last = revision(session, order_id)
    assert (last.actor, last.reason, last.state) == ("system", "not paid in time", "applied")
    assert read_change(session, order_id, last.no, "k").total == 4799
    assert "order.lapse" in {one.told for one in trace(session, order_id) if one.what == "audit"}


def test_a_payment_that_comes_after_it_is_refused(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L1", 5))
    lapse(session, LIMIT, LATER)
    with pytest.raises(Conflict) as caught:
        pay(session, order_id, "tester", LATER, LATER, amount=2000, reference="P-2")
    assert (caught.value.code, refunds(session)) == ("due_lapsed", [(2000, 2000, "set_off")])


def test_a_payment_that_comes_first_keeps_the_goods(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L1", 5))
    pay(session, order_id, "tester", LATER, LATER, amount=2000)
    assert (lapse(session, LIMIT, LATER), dues(session)) == (0, [(2000, 0, "paid")])


def test_what_a_person_has_let_go_on_unpaid_is_not_taken_back(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L1", 5))
    release_holds(session, order_id, SYSTEM, "a good customer", HERE)
    assert lapse(session, LIMIT, LATER) == 0
    run(session, "update amount_due set created_at = created_at - interval '1 second'")
    want(session, order_id, WantedLine("L2", 3))
    assert lapse(session, LIMIT, LATER) == 1
    assert ([one[2] for one in dues(session)], see(session, order_id).holds) == (["open"] * 2, ())
    assert sum(amount - part for amount, part, _ in dues(session)) == 2000


def test_goods_of_which_some_were_cancelled_are_left_to_a_person(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L2", 2, "apple", "20.00"))
    cut(session, order_id, L2=1)
    want(session, order_id, WantedLine("L3", 1, "pear", "30.00"))
    assert (lapse(session, LIMIT, LATER), [one.rule for one in see(session, order_id).holds]) == (0, ["amount_due"])


def test_vouchers_that_were_added_and_not_handed_over_are_taken_back(session: Session, order_id: int) -> None:
    add_sku(session, "card")
    describe(session, SYSTEM, "card", AT, storage=Storage.NONE)
    want(session, order_id, WantedLine("L3", 2, "card", "50.00"))
    assert (lapse(session, LIMIT, LATER), settled(session, order_id)) == (1, True)
    assert [one.shipped for one in see(session, order_id).lines] == [0, 0, 0]


def test_nothing_lapses_where_there_is_no_limit(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L1", 5))
    assert lapse(session, timedelta(0), LATER) == 0
