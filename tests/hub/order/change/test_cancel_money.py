"""What cancelled pieces bear: never a fen more or less than the order's money, whatever ships and whatever does not."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import rows
from hub.money import share_of_first
from hub.order.change.cancel import cancel
from hub.order.change.money import refund_of
from hub.order.change.pay import pay, pay_deposit
from tests.hub.making import AT, add_sku, coupon, open_causes, order, placed, stock
from tests.hub.order.changing import cut


def refunds(session: Session) -> Sequence[Any]:
    return rows(session, "select * from refund_line order by no, line_no")


@given(st.integers(0, 10**6), st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 9))
def test_shipped_and_cancelled_pieces_bear_the_lines_money_together(
    amount: int, parts: list[int], shipped: int
) -> None:
    ordered, cancelled, given_back = shipped + sum(parts), 0, 0
    for part in parts:
        cancelled += part
        given_back += refund_of(amount, ordered, cancelled, part)
    assert given_back + share_of_first(amount, ordered, shipped) == amount


def test_a_whole_order_gives_back_all_that_was_paid_and_every_reduction(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    wish = order({"box": 3, "apple": 2}, adjustments=(coupon(700), coupon(33, "L2")), freight=600)
    cancel(session, placed(session, wish), "buyer", "changed mind", AT)
    [due] = rows(session, "select amount, freight from refund_due")
    back = [one.reductions for one in refunds(session)]
    assert (due.amount, due.freight) == (wish.order.total, 600)
    assert sum(one.amount for one in refunds(session)) == wish.order.total - 600
    assert [sum(one.get(no, 0) for one in back) for no in ("1", "2")] == [700, 33]


def test_nothing_is_given_back_of_an_order_that_nobody_paid(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    cancel(session, placed(session, order({"apple": 2}, paid_at=None)), "buyer", "changed mind", AT)
    assert rows(session, "select 1 from refund_due") == []


def test_what_was_cancelled_before_its_order_was_paid_is_refunded_once(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    wish = order({"box": 3, "apple": 2}, adjustments=(coupon(700),), freight=600, paid_at=None)
    order_id = placed(session, wish)
    cut(session, order_id, L1=1)
    for _ in range(2):
        pay(session, order_id, "tester", at, at)
    assert [one.reason for one in rows(session, "select reason from refund_due")] == ["cancelled before it was paid"]
    cancel(session, order_id, "buyer", "changed mind", at)
    assert sum(one.amount for one in rows(session, "select amount from refund_due")) == wish.order.total
    assert sum(one.reductions.get("1", 0) for one in refunds(session)) == 700


def test_a_person_gives_the_deposit_of_a_cancelled_order_back(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    order_id = placed(session, order({"apple": 2}, paid_at=None))
    pay_deposit(session, order_id, "tester", AT)
    cut(session, order_id, L1=1)
    assert "paid_late" not in open_causes(session)
    cancel(session, order_id, "buyer", "changed mind", AT)
    assert (open_causes(session), rows(session, "select 1 from refund_due")) == (["paid_late"], [])
