"""What channels say anew of an order's lines: more pieces and other goods, where what they come to is plain."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict
from hub.order.change.channel import decide, revise
from hub.order.change.wanted import WantedLine
from hub.order.model import OrderLine, ShopOrder
from tests.hub.making import AT, ZONE, coupon, open_causes, order, placed, see, stock
from tests.hub.order.change.test_grow import broken, kept
from tests.hub.order.changing import BY, cut, dues, refunds, revision, want

HERE = AT.astimezone(ZONE)


def said(revision_no: int = 2, apples: int = 3, **changes: Any) -> ShopOrder:  # noqa: ANN401 # any field of an order
    values: dict[str, Any] = {"adjustments": (coupon(700, "L1"),), **changes}
    return order({"apple": apples, "pear": 2}, source_revision=revision_no, **values)


def with_line(one: ShopOrder, line: OrderLine) -> ShopOrder:
    """Have one line of an order otherwise, or one more; its total follows."""
    lines = (*(old for old in one.order.lines if old.external_line_id != line.external_line_id), line)
    made = one.order.model_copy(update={"lines": lines})
    made = made.model_copy(update={"total": made.goods - made.discount + made.freight})
    return replace(one, order=made)


def of(line_id: str, sku: str, pieces: int, price: str = "10.00") -> OrderLine:
    return OrderLine(external_line_id=line_id, channel_sku=sku, quantity=pieces, unit_price=Decimal(price))


@pytest.fixture
def order_id(session: Session) -> int:
    stock(session, {"sh": {"apple": 9, "pear": 9, "plum": 9}})
    return placed(session, said(1))


def test_more_pieces_and_a_further_line_are_added_as_paid_at_the_channel(session: Session, order_id: int) -> None:
    revise(session, order_id, with_line(said(2, 5), of("L3", "plum", 1, "4.00")), "ask", HERE)
    assert kept(session, order_id) == {("L1", "apple"): 5, ("L2", "pear"): 2, ("L3", "plum"): 1}
    assert (dues(session), see(session, order_id).holds) == ([(2400, 0, "paid")], ())
    assert (see(session, order_id).total, broken(session)) == (6700, [])


def test_another_size_costs_what_the_channel_says_it_does(session: Session, order_id: int) -> None:
    revise(session, order_id, with_line(said(2), of("L1", "plum", 3, "12.00")), "ask", HERE)
    assert kept(session, order_id) == {("L1", "plum"): 3, ("L2", "pear"): 2}
    assert (dues(session), refunds(session)) == ([(2900, 2300, "paid")], [(2300, 2300, "set_off")])
    assert (revision(session, order_id).source, broken(session)) == ("channel", [])


def test_goods_that_do_not_come_to_what_the_channel_says_are_a_persons(session: Session, order_id: int) -> None:
    with pytest.raises(Conflict, match="comes to 1000 more, its lines to 2000"):
        revise(session, order_id, said(2, 5, adjustments=(coupon(1700, "L1"),)), "platform_wins", HERE)
    assert rows(session, "select 1 from order_revision") == []


def test_a_channel_that_grows_and_shrinks_again_is_followed(session: Session, order_id: int) -> None:
    for number, apples in ((2, 5), (3, 4), (4, 6)):
        revise(session, order_id, said(number, apples), "ask", HERE)
    assert (kept(session, order_id)["L1", "apple"], broken(session)) == (6, [])


def test_a_channel_that_repeats_its_lines_leaves_what_the_hub_has_added(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L1", 4), WantedLine("L2", 2, "plum"))
    revise(session, order_id, said(2, remark="谢谢"), "ask", HERE)
    assert kept(session, order_id) == {("L1", "apple"): 4, ("L2", "plum"): 2}
    assert [hold.rule for hold in see(session, order_id).holds] == ["amount_due"]


@pytest.mark.parametrize(("take", "apples"), [(True, 4), (False, 2)])
def test_a_person_decides_where_both_have_changed_lines(
    session: Session, order_id: int, *, take: bool, apples: int
) -> None:
    cut(session, order_id, L1=1)
    revise(session, order_id, said(2, 5), "ask", HERE)
    assert (revision(session, order_id).state, open_causes(session)) == ("asked", ["change_asked"])
    decide(session, order_id, BY, HERE, take=take)
    assert (kept(session, order_id)["L1", "apple"], broken(session)) == (apples, [])


def test_what_the_hub_cut_goes_back_and_what_the_channel_never_took_does_not(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    one = placed(session, order({"apple": 5}, paid_at=None))
    cut(session, one, L1=2)
    revise(session, one, order({"apple": 4}, source_revision=2), "ask", HERE)
    assert (see(session, one).payment, refunds(session)) == ("paid", [(2000, 1000, "due")])


def test_a_channel_that_is_paid_without_what_the_hub_added_leaves_that_due(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    one = placed(session, order({"apple": 2}, paid_at=None))
    want(session, one, WantedLine("L1", 3))
    revise(session, one, order({"apple": 2}, source_revision=2), "ask", HERE)
    assert (see(session, one).payment, dues(session)) == ("paid", [(1000, 0, "open")])
    assert [hold.rule for hold in see(session, one).holds] == ["amount_due"]
