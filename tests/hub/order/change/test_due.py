"""What is due for added goods: each payment pays once, and the hold says what is due now."""

import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.order.change.notice import read_refund
from hub.order.change.pay import pay
from hub.order.change.wanted import WantedLine
from tests.hub.making import AT, ZONE, open_causes, order, placed, see, stock
from tests.hub.order.changing import cut, dues, want

HERE = AT.astimezone(ZONE)


@pytest.fixture
def order_id(session: Session) -> int:
    stock(session, {"sh": {"apple": 19}})
    return placed(session, order({"apple": 3}))


def evidence(session: Session) -> list[dict[str, int]]:
    found = rows(session, "select evidence from order_hold where rule = 'amount_due' and released_at is null")
    return [one.evidence for one in found]


def test_a_payment_told_again_does_not_pay_what_is_due_since(session: Session, order_id: int) -> None:
    for pieces in (5, 7):
        want(session, order_id, WantedLine("L1", pieces))
        pay(session, order_id, "tester", HERE, HERE, amount=2000, reference="P-2")
    assert dues(session) == [(2000, 0, "paid"), (2000, 0, "open")]
    assert [one.rule for one in see(session, order_id).holds] == ["amount_due"]


def test_two_payments_without_a_reference_both_pay(session: Session, order_id: int) -> None:
    for pieces in (5, 7):
        want(session, order_id, WantedLine("L1", pieces))
        pay(session, order_id, "tester", HERE, HERE, amount=2000)
    assert dues(session) == [(2000, 0, "paid")] * 2


def test_the_hold_says_what_is_due_after_more_was_added_and_some_taken_back(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L1", 5))
    want(session, order_id, WantedLine("L1", 6))
    assert evidence(session) == [{"due": 3000}]
    cut(session, order_id, L1=1)
    assert evidence(session) == [{"due": 2000}]


def test_what_was_paid_calls_nobody_though_something_else_has_no_source(session: Session) -> None:
    stock(session, {"sh": {"apple": 2, "pear": 1}})
    order_id = placed(session, order({"apple": 3}))
    want(session, order_id, WantedLine("L2", 1, "pear", "10.00"))
    assert open_causes(session) == ["stock", "review"]
    pay(session, order_id, "tester", HERE, HERE, amount=1000)
    assert ([one.rule for one in see(session, order_id).holds], open_causes(session)) == (["no_source"], ["stock"])


def test_a_first_payment_told_again_does_not_pay_what_is_due_since(session: Session) -> None:
    stock(session, {"sh": {"apple": 19}})
    order_id = placed(session, order({"apple": 2}, paid_at=None))
    pay(session, order_id, "tester", HERE, HERE, amount=2000, reference="P-1")
    want(session, order_id, WantedLine("L1", 4))
    pay(session, order_id, "tester", HERE, HERE, amount=2000, reference="P-1")
    assert dues(session) == [(2000, 0, "open")]


def test_a_refund_names_the_payment_that_it_is_of(session: Session) -> None:
    stock(session, {"sh": {"apple": 19}})
    order_id = placed(session, order({"apple": 3}, paid_at=None))
    pay(session, order_id, "tester", HERE, HERE, reference="电话 10000000042")
    cut(session, order_id, L1=1)
    notice = read_refund(session, order_id, 1, "k")
    assert notice
    assert notice.payment_reference == "电话 …"
