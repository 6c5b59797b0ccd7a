"""Each payment of an order is kept, and a refund goes back to those that brought it, none more than it did."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import Conflict, Malformed
from hub.order.change.cancel import cancel
from hub.order.change.channel import revise
from hub.order.change.notice import read_refund
from hub.order.change.pay import pay, pay_deposit
from hub.order.change.payments import Part, divide, payments_of
from hub.order.change.wanted import WantedLine
from tests.hub.making import AT, ZONE, order, placed, see, stock
from tests.hub.order.change.test_deposit_money import DEPOSITED, later
from tests.hub.order.changing import cut, want

HERE = AT.astimezone(ZONE)


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})


def paid(session: Session, order_id: int) -> list[tuple[int, str, int, str]]:
    return [(one.no, one.kind, one.amount, one.reference) for one in payments_of(session, order_id)]


def parts(session: Session, order_id: int) -> list[list[tuple[int, int]]]:
    return [[(part["payment"], part["amount"]) for part in one.parts] for one in see(session, order_id).refunds]


def test_an_order_that_is_placed_paid_needs_no_row_of_it(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}))
    assert paid(session, order_id) == [(1, "full", 3000, "")]
    assert rows(session, "select 1 from order_payment") == []
    cut(session, order_id, L1=1)
    assert parts(session, order_id) == [[(1, 1000)]]


def test_a_deposit_and_its_balance_are_two_payments_and_the_later_goes_back_first(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}, paid_at=None))
    for _ in range(2):
        pay_deposit(session, order_id, "tester", HERE, 1000, reference="D-1")
    pay(session, order_id, "tester", HERE, HERE, reference="B-1")
    assert paid(session, order_id) == [(2, "deposit", 1000, "D-1"), (3, "balance", 2000, "B-1")]
    cut(session, order_id, L1=1)
    cancel(session, order_id, "tester", "no more", HERE)
    assert parts(session, order_id) == [[(3, 1000)], [(3, 1000), (2, 1000)]]
    notices = [read_refund(session, order_id, 2, "k", payment) for payment in (3, 2)]
    assert [(one.amount, one.payment_reference) for one in notices if one] == [(1000, "B-1"), (1000, "D-1")]


def test_each_part_of_a_refund_is_told_under_its_own_key(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}, **DEPOSITED))
    pay(session, order_id, "tester", HERE, HERE)
    cancel(session, order_id, "tester", "no more", HERE)
    keys = rows(session, "select idempotency_key as key from step where flow = 'notify_refund' order by key")
    assert [one.key for one in keys] == [f"refund:{order_id}-1-{no}" for no in (2, 3)]


def test_what_was_due_for_more_goods_goes_back_to_its_own_payment(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}))
    run(session, "update sales_order set payment_reference = 'P-1'")
    want(session, order_id, WantedLine("L1", 5))
    pay(session, order_id, "tester", HERE, HERE, amount=3000, reference="P-2")
    pay(session, order_id, "tester", HERE, HERE, amount=3000, reference="P-2")
    assert paid(session, order_id) == [(1, "full", 2000, "P-1"), (2, "due", 3000, "P-2")]
    cancel(session, order_id, "tester", "no more", HERE)
    assert parts(session, order_id) == [[(2, 3000), (1, 2000)]]


def test_what_was_not_paid_is_of_no_payment(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}, paid_at=None))
    cut(session, order_id, L1=1)
    pay(session, order_id, "tester", HERE, HERE, amount=2500)
    assert (paid(session, order_id), parts(session, order_id)) == ([(2, "full", 2500, "")], [[(2, 500)]])


def test_what_a_channel_paid_less_is_no_payment_until_it_is(session: Session) -> None:
    one = order({"apple": 2}, paid_at=None)
    order_id = placed(session, one)
    want(session, order_id, WantedLine("L1", 3))
    revise(session, order_id, later(one, paid_at=AT), "platform_wins", HERE)
    pay(session, order_id, "tester", HERE, HERE, amount=1000, reference="P-2")
    assert paid(session, order_id) == [(2, "full", 2000, ""), (3, "due", 1000, "P-2")]


def test_more_than_was_paid_is_of_no_payment_that_is_known(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}))
    unknown: Part = {"payment": 0, "amount": 500, "reference": ""}
    assert divide(session, order_id, 3500) == [{"payment": 1, "amount": 3000, "reference": ""}, unknown]


ACTS = st.sampled_from(["cut", "grow", "deposit", "pay", "less", "cancel"])


@given(acts=st.lists(ACTS, min_size=2, max_size=8), before=st.booleans(), deposit=st.integers(1, 3000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_refunds_go_back_to_what_was_paid_in_every_sequence(
    session: Session,
    acts: list[str],
    before: bool,  # noqa: FBT001 # drawn
    deposit: int,
) -> None:
    with session.begin_nested() as example:
        order_id = placed(session, order({"apple": 3}, paid_at=AT if before else None))
        for act in acts:
            try:
                do(session, order_id, act, deposit)
            except (Conflict, Malformed):
                continue
            brought = {one.no: one.amount for one in payments_of(session, order_id)}
            refunds = see(session, order_id).refunds
            assert all(sum(part["amount"] for part in one.parts) == one.amount - one.set_off for one in refunds)
            given = dict.fromkeys(brought, 0)
            for part in (part for one in refunds for part in one.parts):
                given[part["payment"]] += part["amount"]
            assert all(0 <= given[no] <= amount for no, amount in brought.items())
        seen = see(session, order_id)
        if seen.lifecycle == "cancelled":
            assert sum(given_back(seen)) == sum(one.amount for one in payments_of(session, order_id))
        example.rollback()


def given_back(seen: Any) -> list[int]:  # noqa: ANN401 # the view of an order
    return [one.amount - one.set_off for one in seen.refunds]


def do(session: Session, order_id: int, act: str, deposit: int) -> None:
    seen = see(session, order_id)
    if act == "cut":
        cut(session, order_id, L1=1)
    elif act == "grow":
        want(session, order_id, WantedLine("L1", sum(one.ordered - one.cancelled for one in seen.lines) + 1))
    elif act == "deposit":
        pay_deposit(session, order_id, "tester", HERE, deposit)
    elif act == "cancel":
        cancel(session, order_id, "tester", "no more", HERE)
    else:
        less = seen.payment in {"unpaid", "deposit_paid"} and act == "less"
        worth = sum(1000 * (one.ordered - one.cancelled) for one in seen.lines)
        pay(session, order_id, "tester", HERE, HERE, amount=max(worth - (seen.deposit or 0), 0) if less else None)
