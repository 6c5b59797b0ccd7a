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
from hub.order.change.wanted import WantedLine
from tests.hub.making import AT, add_sku, coupon, open_causes, order, placed, see, stock
from tests.hub.order.changing import cut, want


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


def test_reductions_beyond_a_line_leave_nothing_to_pay_for_it_and_all_goes_back_in_parts(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    wish = order({"apple": 2, "pear": 1}, adjustments=(coupon(2500, "L1"), coupon(800)), freight=900)
    order_id = placed(session, wish)
    for line_id, pieces in (("L1", 1), ("L2", 1), ("L1", 1)):
        cut(session, order_id, **{line_id: pieces})
    assert [one.amount for one in rows(session, "select amount from refund_due order by no")] == [0, 0, 600]
    assert wish.order.total == 600


def test_goods_that_cost_nothing_are_exchanged_for_others_that_cost_nothing(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    order_id = placed(session, order({"apple": 1}, adjustments=(coupon(921), coupon(131)), freight=600))
    want(session, order_id, WantedLine("L1", 1, "pear"))
    assert [(one.sku, one.ordered, one.cancelled) for one in see(session, order_id).lines] == [
        ("apple", 1, 1),
        ("pear", 1, 0),
    ]
    cancel(session, order_id, "buyer", "changed mind", AT)
    dues = rows(session, "select sum(amount)::bigint as all, sum(set_off)::bigint as off from refund_due")
    assert [(one.all, one.off) for one in dues] == [(548, 0)]


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
