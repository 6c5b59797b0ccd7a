import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.audience import set_audience
from hub.database import rows
from hub.errors import NotFound
from hub.fulfilment.model import CancelAnswer
from hub.order.change.cancel import cancel, record_cancel_answer
from hub.order.posting.sale import Left, mark_issued, mark_sold, read_goods_issue, read_sale
from hub.order.ship.progress import record_confirm, record_report
from tests.hub.making import AT, BRAND, confirm, coupon, order, placed, rejection, step_states, stock


@pytest.fixture
def order_id(session: Session) -> int:
    """Place an order of five apples at 10.00, 0.07 off and 6.00 freight, that Shanghai and Beijing could each ship."""
    set_audience(session, {(BRAND, "erp"): "sap"})
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
    return placed(session, order({"apple": 5}, adjustments=(coupon(7),), freight=600))


def postings(session: Session, order_id: int) -> list[tuple[int, int, int]]:
    """Give freight, pieces and amount of each posting."""
    found = rows(session, "select freight, lines from posting where order_id = :id order by no", id=order_id)
    return [(one.freight, one.lines[0]["quantity"], one.lines[0]["amount"]) for one in found]


def test_what_has_shipped_is_posted_when_its_fulfilment_order_ends(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 2}, "c1", final=False), AT)
    assert postings(session, order_id) == []
    record_confirm(session, confirm(order_id, 1, {"apple": 3}, "c2"), AT)
    assert postings(session, order_id) == [(600, 5, 4993)]
    assert (step_states(session, "post_sale"), step_states(session, "post_goods_issue")) == (["pending"], ["waiting"])


def test_parts_of_a_line_share_its_money_to_the_fen(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 2}), AT)
    record_confirm(session, confirm(order_id, 2, {"apple": 3}), AT)
    told = postings(session, order_id)
    assert [(freight, pieces) for freight, pieces, _ in told] == [(600, 2), (0, 3)]
    assert sum(amount for _, _, amount in told) == 4993


def test_a_fulfilment_order_that_shipped_nothing_is_not_posted(session: Session, order_id: int) -> None:
    record_report(session, rejection(order_id, 1), AT)
    assert postings(session, order_id) == []


def test_what_left_before_a_rejection_is_posted(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 2}, final=False), AT)
    record_report(session, rejection(order_id, 1), AT)
    assert [pieces for _, pieces, _ in postings(session, order_id)] == [2]


def test_a_stopped_fulfilment_order_that_shipped_nothing_is_not_posted(session: Session, order_id: int) -> None:
    cancel(session, order_id, "tester", "test", AT)
    record_cancel_answer(session, order_id, 1, CancelAnswer(stopped=True), AT)
    assert postings(session, order_id) == []


def test_a_brand_without_an_erp_posts_nothing(session: Session, order_id: int) -> None:
    set_audience(session, {})
    record_confirm(session, confirm(order_id, 1, {"apple": 5}), AT)
    assert (postings(session, order_id), step_states(session, "post_sale")) == ([], [])


def test_a_sale_names_what_left_and_nobody(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 5}), AT)
    sale = read_sale(session, order_id, 1)
    assert (sale.code, sale.external_id, sale.location, sale.freight) == (f"{order_id}-1", "T1", "sh", 600)
    assert [(line.sku, line.quantity, line.amount) for line in sale.lines] == [("apple", 5, 4993)]
    told = sale.model_dump_json().replace(str(order_id), "")  # an order's number may look like the phone's
    assert not [one for one in ("10000000001", "收件人甲") if one in told]


def test_a_goods_issue_carries_the_number_of_its_sale(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 5}), AT)
    mark_sold(session, order_id, 1, "0000004711", AT)
    mark_issued(session, order_id, 1, "0080000001", AT)
    issue = read_goods_issue(session, order_id, 1)
    assert (issue.sale_id, issue.tracking_nos, issue.lines[0].quantity) == ("0000004711", ("SF-c1",), 5)
    assert rows(session, "select issue_id from posting")[0].issue_id == "0080000001"


def test_what_was_never_posted_is_not_found(session: Session, order_id: int) -> None:
    with pytest.raises(NotFound):
        read_sale(session, order_id, 1)


@given(net=st.integers(0, 10**9), parts=st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_however_a_line_is_parted_its_money_is_whole(net: int, parts: list[int]) -> None:
    before, total = 0, 0
    for pieces in parts:
        amount = Left(1, "apple", pieces, before, sum(parts), net).amount
        assert amount >= 0
        before, total = before + pieces, total + amount
    assert total == net
