"""Answers of locations that were asked to stop: ones that cross a parcel or a rejection, and what they may say."""

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.fulfilment.model import CancelAnswer, Report
from hub.inventory.ledger import drift
from hub.order.change.cancel import cancel
from hub.order.change.pay import pay
from hub.order.change.wanted import WantedLine
from hub.order.rules.policy import POLICY
from hub.order.ship.progress import record_confirm, record_report
from hub.order.ship.together import book_cancel_answer
from tests.hub.making import (
    AT,
    ZONE,
    add_sku,
    confirm,
    counters,
    line,
    open_causes,
    order,
    placed,
    rejection,
    see,
    sources,
    step_states,
    stock,
)
from tests.hub.order.changing import answer, cut, move, revision, send, want

HERE = AT.astimezone(ZONE)
CALLER = CancelAnswer(stopped=False, reason="电话 10000000042 已取走")


@pytest.fixture
def parted(session: Session) -> int:
    """Place an order in two documents of Shanghai, which has both; Beijing could take either."""
    add_sku(session, "rice", grams=20_000)
    stock(session, {"sh": {"rice": 9}, "bj": {"rice": 9}})
    order_id = placed(session, order({"rice": 2}))
    send(session, order_id)
    return order_id


@pytest.fixture
def alone(session: Session) -> int:
    """Place an order of three apples in one document that Shanghai has."""
    stock(session, {"sh": {"apple": 9}})
    order_id = placed(session, order({"apple": 3}))
    send(session, order_id)
    return order_id


def leave_one(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 1}, final=False), AT)


@pytest.mark.parametrize("move_it", [True, False])
def test_what_stops_after_its_change_was_refused_is_shipped_all_the_same(
    session: Session, alone: int, *, move_it: bool
) -> None:
    move(session, alone) if move_it else cut(session, alone, L1=1)
    leave_one(session, alone)
    answer(session, alone, 1, stopped=True)
    assert sources(session, alone) == [("sh", "cancelled"), ("sh", "open")]
    assert (line(session, alone).cancelled, counters(session, "sh", "apple"), drift(session)) == (0, (8, 2), [])


def test_a_refusal_after_a_refused_change_calls_nobody_for_a_cancellation(session: Session, alone: int) -> None:
    cut(session, alone, L1=1)
    leave_one(session, alone)
    answer(session, alone, 1, stopped=False)
    assert (open_causes(session), sources(session, alone)) == (["change_refused"], [("sh", "in_progress")])


def test_a_yes_after_a_refused_cancellation_still_cancels(session: Session, alone: int) -> None:
    cancel(session, alone, "buyer", "", AT)
    for stopped in (False, True):
        answer(session, alone, 1, stopped=stopped)
    assert (see(session, alone).lifecycle, line(session, alone).cancelled) == ("cancelled", 3)


@pytest.mark.parametrize(("price", "due"), [("4.00", 0), ("20.00", 1000)])
def test_a_late_yes_cancels_nothing_that_was_added_since_and_pays_for_it(
    session: Session, alone: int, price: str, due: int
) -> None:
    stock(session, {"sh": {"pear": 9, "fig": 9}}, "ASN-P")
    want(session, alone, WantedLine("L2", 1, "pear", "5.00"))
    cancel(session, alone, "buyer", "", AT)
    answer(session, alone, 1, stopped=False)
    want(session, alone, WantedLine("L3", 2, "fig", price))
    answer(session, alone, 1, stopped=True)
    seen = see(session, alone)
    assert {one.sku: one.ordered - one.cancelled for one in seen.lines} == {"apple": 0, "pear": 0, "fig": 2}
    assert (seen.lifecycle, [one.rule for one in seen.holds]) == ("in_fulfilment", ["amount_due"] if due else [])
    if due:
        pay(session, alone, "tester", HERE, HERE, amount=due)
    assert sources(session, alone) == [("sh", "cancelled"), ("sh", "open")]
    record_confirm(session, confirm(alone, 2, {"fig": 2}), AT)
    assert (see(session, alone).lifecycle, drift(session)) == ("completed", [])


def test_a_cancellation_waits_for_every_location_although_one_refuses(session: Session, parted: int) -> None:
    cancel(session, parted, "buyer", "", AT)
    answer(session, parted, 1, stopped=False)
    assert [hold.type for hold in see(session, parted).holds] == ["refund_requested"]
    answer(session, parted, 2, stopped=True)
    assert (see(session, parted).holds, see(session, parted).lifecycle) == ((), "in_fulfilment")
    assert sources(session, parted) == [("sh", "scheduled"), ("sh", "cancelled")]
    assert [one.amount for one in rows(session, "select amount from refund_due")] == [1000]


def test_what_is_rejected_under_a_half_refused_cancellation_finds_no_source(session: Session, parted: int) -> None:
    cancel(session, parted, "buyer", "", AT)
    answer(session, parted, 1, stopped=False)
    record_report(session, rejection(parted, 2), AT)
    assert (line(session, parted).cancelled, counters(session, "bj", "rice")) == (1, (9, 0))
    assert see(session, parted).holds == ()


def test_a_first_parcel_is_no_answer_when_another_location_refuses(session: Session) -> None:
    add_sku(session, "rice", grams=15_000)
    stock(session, {"sh": {"rice": 9}})
    order_id = placed(session, order({"rice": 4}))
    send(session, order_id)
    cancel(session, order_id, "buyer", "", AT)
    record_confirm(session, confirm(order_id, 1, {"rice": 1}, final=False), AT)
    answer(session, order_id, 2, stopped=False)
    answer(session, order_id, 1, stopped=True)
    assert (line(session, order_id).cancelled, see(session, order_id).holds) == (1, ())


def test_a_document_that_is_asked_already_is_not_asked_again(session: Session, alone: int) -> None:
    cut(session, alone, L1=1)
    cancel(session, alone, "buyer", "", AT)
    assert step_states(session, "cancel_fulfilment") == ["pending"]
    answer(session, alone, 1, stopped=True)
    assert see(session, alone).lifecycle == "cancelled"


def test_no_number_in_a_locations_words_is_kept_outside_of_what_is_sealed(session: Session, alone: int) -> None:
    cut(session, alone, L1=1)
    book_cancel_answer(session, alone, 1, CALLER, AT)
    cancel(session, alone, "buyer", "", AT)
    book_cancel_answer(session, alone, 1, CALLER, AT)
    record_report(session, Report(code=f"{alone}-1", status="rejected", note=CALLER.reason), AT)
    told = [
        tuple(one) for one in rows(session, "select message from case_file union select reason from fulfilment_order")
    ]
    assert revision(session, alone).note == "sh: 电话 … 已取走"
    assert "已取走" in str(told)
    assert "0042" not in str(told)


def test_the_policy_that_is_given_is_what_an_answer_is_sourced_by(session: Session, alone: int) -> None:
    cut(session, alone, L1=1)
    policy = replace(POLICY, version="mine")
    book_cancel_answer(session, alone, 1, CancelAnswer(stopped=True), AT, policy)
    found = rows(session, "select policy_version from routing_decision order by no desc limit 1")
    assert found[0].policy_version == "mine"
