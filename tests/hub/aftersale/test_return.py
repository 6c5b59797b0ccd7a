"""Goods that come back: asked for, granted, taken in as they are, and paid back for exactly what arrived."""

import pytest
from sqlalchemy.orm import Session

from hub.aftersale.ask import ask_return
from hub.aftersale.decide import approve_return, reject_return, send_back, withdraw_return
from hub.aftersale.status import Fault, ReturnKind
from hub.aftersale.view import get_return, returns_of
from hub.aftersale.wish import Sent, Terms, Wish
from hub.database import rows, run
from hub.errors import Conflict, Malformed, NotFound
from hub.inventory.condition import Condition
from hub.inventory.ledger import drift
from hub.order.change.refund import mark_refund
from hub.order.change.table import RefundState
from hub.order.ship.progress import record_confirm
from tests.hub.aftersale.returning import (
    TERMS,
    WHO,
    arrive,
    ask,
    back,
    goods,
    granted,
    levels,
    refunded,
    returned,
    sent,
)
from tests.hub.making import AT, add_sku, confirm, coupon, open_causes, order, placed, see, step_states, stock
from tests.hub.order.changing import cut

REFUND_ONLY = ReturnKind.REFUND_ONLY


@pytest.fixture(autouse=True)
def _goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})


def test_what_arrives_is_in_stock_again_and_its_share_goes_back(session: Session) -> None:
    order_id = sent(session, order({"apple": 3}, adjustments=(coupon(100),), freight=600), {"apple": 3})
    no = granted(session, order_id, {"L1": 2})
    assert arrive(session, order_id, no, {"apple": 2}) == "received"
    assert (returned(session, order_id), levels(session, "sh", "apple")) == ([2], {"saleable": 8})
    assert refunded(session) == [(2900 * 2 // 3, 0)]
    assert step_states(session, "notify_refund") == ["waiting"]  # behind the notice of the shipment
    assert (drift(session), open_causes(session)) == ([], [])
    shown = returns_of(session, order_id)
    assert (shown.aftersale, shown.returns[0].state, shown.returns[0].amount) == ("part", "received", 1933)


def test_the_payment_follows_what_was_paid_back(session: Session) -> None:
    order_id = sent(session, order({"apple": 2}), {"apple": 2})
    payments: list[str] = []
    for no in (1, 2):
        back(session, order_id, {"L1": 1}, {"apple": 1})
        mark_refund(session, order_id, no, RefundState.DONE, f"RF-{no}", WHO, AT)
        payments.append(see(session, order_id).payment)
    assert payments == ["partially_refunded", "refunded"]
    assert returns_of(session, order_id).aftersale == "whole"


def test_damaged_pieces_are_on_hand_as_such(session: Session) -> None:
    order_id = sent(session, order({"apple": 2}), {"apple": 2})
    no = granted(session, order_id, {"L1": 2})
    told = (*goods({"apple": 1}), *goods({"apple": 1}, Condition.DAMAGED))
    arrive(session, order_id, no, {}, goods=told)
    assert levels(session, "sh", "apple") == {"saleable": 8, "damaged": 1}
    assert [(one.arrived, one.damaged) for one in get_return(session, order_id, no).lines] == [(2, 1)]


def test_the_same_document_again_changes_nothing(session: Session) -> None:
    order_id = sent(session, order({"apple": 2}), {"apple": 2})
    no = granted(session, order_id, {"L1": 2})
    for _ in range(2):
        arrive(session, order_id, no, {"apple": 1}, "first", final=False)
    assert (returned(session, order_id), get_return(session, order_id, no).state) == ([1], "sent")
    for document in ("last", "first", "last"):
        arrive(session, order_id, no, {"apple": 1}, document)
    assert (returned(session, order_id), levels(session, "sh", "apple")) == ([2], {"saleable": 9})
    assert [amount for amount, _ in refunded(session)] == [1000, 1000]


def test_a_document_that_comes_after_the_last_is_taken_in_all_the_same(session: Session) -> None:
    order_id = sent(session, order({"apple": 2}), {"apple": 2})
    no = granted(session, order_id, {"L1": 2})
    arrive(session, order_id, no, {"apple": 1}, "last")
    assert open_causes(session) == ["return_differs"]
    arrive(session, order_id, no, {"apple": 1}, "first", final=False)
    assert (returned(session, order_id), open_causes(session)) == ([2], [])


def test_fewer_more_and_other_pieces_are_taken_as_they_are_and_a_case_names_them(session: Session) -> None:
    order_id = sent(session, order({"apple": 3, "pear": 1}), {"apple": 3, "pear": 1})
    no = granted(session, order_id, {"L1": 2})
    add_sku(session, "plum")
    arrive(session, order_id, no, {"apple": 1, "pear": 2, "plum": 1, "what": 1})
    assert (returned(session, order_id), refunded(session)) == ([1, 1], [(2000, 0)])
    assert (levels(session, "sh", "pear"), levels(session, "sh", "plum")) == ({"saleable": 10}, {"saleable": 1})
    [case] = rows(session, "select message from case_file where cause = 'return_differs'")
    for said in ("L1 apple: 2 to come, 1 arrived", "L2 pear: 0 to come, 1 arrived", "pear: 1 that", "what: 1 that"):
        assert said in case.message
    assert drift(session) == []


def test_no_more_can_be_asked_for_than_was_shipped_and_is_not_back_or_asked_for(session: Session) -> None:
    order_id = sent(session, order({"apple": 3}), {"apple": 3})
    granted(session, order_id, {"L1": 1})
    with pytest.raises(Conflict, match="2 of the pieces") as refused:
        ask(session, order_id, {"L1": 3})
    assert refused.value.code == "more_than_shipped"
    ask(session, order_id, {"L1": 1}, kind=REFUND_ONLY)
    with pytest.raises(Conflict):
        ask(session, order_id, {"L1": 2}, kind=REFUND_ONLY)


def test_what_was_refused_or_let_go_can_be_asked_for_again(session: Session) -> None:
    order_id = sent(session, order({"apple": 1}), {"apple": 1})
    reject_return(session, order_id, ask(session, order_id, {"L1": 1}), WHO, "worn", AT)
    withdraw_return(session, order_id, granted(session, order_id, {"L1": 1}), WHO, "keeps it", AT)
    back(session, order_id, {"L1": 1}, {"apple": 1})
    with pytest.raises(Conflict):
        ask(session, order_id, {"L1": 1})


def test_nothing_comes_back_of_what_was_not_shipped(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}))
    with pytest.raises(Conflict, match="0 of the pieces"):
        ask(session, order_id, {"L1": 1})


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([("L9", 1)], "unknown_line"),
        ([("L1", 1), ("L1", 1)], "unknown_line"),
        ([], "unknown_line"),
        ([("L1", 0)], "pieces"),
        ([("L1", -1)], "pieces"),
        ([("L1", 2**63)], "pieces"),
    ],
)
def test_a_return_that_cannot_be_meant_is_refused(session: Session, lines: list[tuple[str, int]], code: str) -> None:
    order_id = sent(session, order({"apple": 2}), {"apple": 2})
    with pytest.raises(Malformed) as refused:
        ask_return(session, order_id, Wish(ReturnKind.RETURN_REFUND, lines), WHO, TERMS, AT)
    assert (refused.value.code, rows(session, "select 1 from return_case")) == (code, [])


def test_money_alone_goes_back_when_it_is_granted(session: Session) -> None:
    order_id = sent(session, order({"apple": 2}, freight=600), {"apple": 2})
    no = ask(session, order_id, {"L1": 1}, kind=REFUND_ONLY)
    assert refunded(session) == []
    for _ in range(2):
        assert approve_return(session, order_id, no, WHO, AT) == "closed"
    assert (refunded(session), returned(session, order_id)) == ([(1000, 0)], [0])
    with pytest.raises(Conflict):
        ask(session, order_id, {"L1": 2})


def test_goods_that_come_though_money_alone_went_back_for_them_are_not_paid_again(session: Session) -> None:
    order_id = sent(session, order({"apple": 5}), {"apple": 5})
    no = granted(session, order_id, {"L1": 2}, kind=REFUND_ONLY)
    with pytest.raises(Malformed, match="say at which location"):
        arrive(session, order_id, no, {"apple": 2})
    assert arrive(session, order_id, no, {"apple": 2}, location="sh") == "closed"
    assert (refunded(session), returned(session, order_id)) == ([(2000, 0)], [2])
    assert open_causes(session) == ["return_differs"]


def test_goods_of_a_return_that_was_refused_are_taken_in_and_a_person_decides_about_their_money(
    session: Session,
) -> None:
    order_id = sent(session, order({"apple": 1}), {"apple": 1})
    no = ask(session, order_id, {"L1": 1})
    reject_return(session, order_id, no, WHO, "too late", AT)
    assert arrive(session, order_id, no, {"apple": 1}) == "rejected"
    assert (returned(session, order_id), refunded(session), open_causes(session)) == ([1], [], ["return_differs"])
    again = ask(session, order_id, {"L1": 1}, kind=REFUND_ONLY)
    approve_return(session, order_id, again, WHO, AT)
    assert refunded(session) == [(1000, 0)]


def test_the_freight_goes_back_with_the_last_piece_when_the_merchant_was_at_fault(session: Session) -> None:
    order_id = sent(session, order({"apple": 2}, freight=600), {"apple": 2})
    for _ in range(2):
        back(session, order_id, {"L1": 1}, {"apple": 1}, fault=Fault.MERCHANT)
    assert refunded(session) == [(1000, 0), (1600, 600)]


def test_the_freight_stays_when_the_buyer_changed_their_mind_about_any_piece(session: Session) -> None:
    order_id = sent(session, order({"apple": 2}, freight=600), {"apple": 2})
    for fault in (Fault.MERCHANT, Fault.BUYER):
        back(session, order_id, {"L1": 1}, {"apple": 1}, fault=fault)
    assert refunded(session) == [(1000, 0), (1000, 0)]


def gifted(session: Session) -> int:
    """Ship two apples with a pear as a gift of the hub's."""
    order_id = sent(session, order({"apple": 2, "pear": 1}, freight=600), {"apple": 2, "pear": 1})
    run(session, "update order_line set kind = 'gift', external_line_id = 'gift:g', gift = true where line_no = 2")
    return order_id


def test_a_gift_may_stay_and_bars_nothing(session: Session) -> None:
    order_id = gifted(session)
    back(session, order_id, {"L1": 2}, {"apple": 2}, fault=Fault.MERCHANT)
    assert (refunded(session), returned(session, order_id), open_causes(session)) == ([(2600, 600)], [2, 0], [])


def test_a_gift_comes_along_if_it_is_named(session: Session) -> None:
    order_id = gifted(session)
    back(session, order_id, {"L1": 1, "gift:g": 1}, {"apple": 1, "pear": 1})
    assert (returned(session, order_id), open_causes(session)) == ([1, 1], [])


def test_virtual_goods_are_refunded_and_not_sent_back(session: Session) -> None:
    order_id = sent(session, order({"apple": 1}), {"apple": 1})
    run(session, "update order_line set storage = 'none'")
    with pytest.raises(Conflict) as refused:
        ask(session, order_id, {"L1": 1})
    assert refused.value.code == "nothing_to_send"
    approve_return(session, order_id, ask(session, order_id, {"L1": 1}, kind=REFUND_ONLY), WHO, AT)
    assert refunded(session) == [(1000, 0)]


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_a_return_and_a_cancellation_give_back_all_that_was_paid_whichever_comes_first(
    session: Session, *, cancelled_first: bool
) -> None:
    wish = order({"apple": 3}, adjustments=(coupon(700),), freight=600)
    order_id = sent(session, wish, {"apple": 2}, final=False)
    if cancelled_first:
        record_confirm(session, confirm(order_id, 1, {}, key="none"), AT)  # the rest is short, and open again
        cut(session, order_id, L1=1)
        back(session, order_id, {"L1": 2}, {"apple": 2}, fault=Fault.MERCHANT)
    else:
        back(session, order_id, {"L1": 2}, {"apple": 2}, fault=Fault.MERCHANT)
        record_confirm(session, confirm(order_id, 1, {}, key="none"), AT)
        cut(session, order_id, L1=1)
    assert sum(amount for amount, _ in refunded(session)) == wish.order.total
    [lines] = rows(session, "select sum((reductions ->> '1')::bigint)::bigint as n from refund_line")
    assert lines.n == 700


def test_a_bundle_comes_back_by_its_parts(session: Session) -> None:
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    wish = order({"box": 2}, adjustments=(coupon(333),))
    order_id = sent(session, wish, {"apple": 4, "pear": 2})
    no = granted(session, order_id, {"L1": 1})
    assert [(one.sku, one.asked) for one in get_return(session, order_id, no).lines] == [("apple", 2), ("pear", 1)]
    arrive(session, order_id, no, {"apple": 1, "pear": 1})
    back(session, order_id, {"L1/apple": 1}, {"apple": 1})
    back(session, order_id, {"L1": 1}, {"apple": 2, "pear": 1})
    assert sum(amount for amount, _ in refunded(session)) == wish.order.total
    [lines] = rows(session, "select sum((reductions ->> '1')::bigint)::bigint as n from refund_line")
    assert lines.n == 333


def test_goods_go_to_the_location_that_was_named(session: Session) -> None:
    stock(session, {"bj": {"pear": 1}}, "ASN-2")
    order_id = sent(session, order({"apple": 2}), {"apple": 2})
    no = ask_return(
        session, order_id, Wish(ReturnKind.RETURN_REFUND, [("L1", 2)]), WHO, Terms(places={"demo": "bj"}), AT
    )
    approve_return(session, order_id, no, WHO, AT)
    arrive(session, order_id, no, {"apple": 1}, "a", final=False)
    arrive(session, order_id, no, {"apple": 1}, "b", location="sh")
    assert (levels(session, "bj", "apple"), levels(session, "sh", "apple")) == ({"saleable": 1}, {"saleable": 8})
    with pytest.raises(NotFound):
        approve_return(session, order_id, 7, WHO, AT)


def test_lots_that_came_back_have_their_pieces_again(session: Session) -> None:
    order_id = sent(session, order({"apple": 2}), {"apple": 2})
    no = granted(session, order_id, {"L1": 2})
    told = goods({"apple": 1})[0].model_copy(update={"lot": "B1"})
    for document in ("a", "b"):
        arrive(session, order_id, no, {}, document, goods=(told,), final=False)
    assert [tuple(one) for one in rows(session, "select lot, on_hand from stock_lot")] == [("B1", 2)]


def test_nothing_is_taken_in_before_somebody_has_decided(session: Session) -> None:
    order_id = sent(session, order({"apple": 2}), {"apple": 2})
    no = ask(session, order_id, {"L1": 1})
    for act in (
        lambda: arrive(session, order_id, no, {"apple": 1}),
        lambda: send_back(session, order_id, no, Sent("SF", "SF1"), WHO, AT),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "return_state"


def test_the_waybill_of_goods_on_their_way_is_kept(session: Session) -> None:
    order_id = sent(session, order({"apple": 2}), {"apple": 2})
    no = granted(session, order_id, {"L1": 1})
    send_back(session, order_id, no, Sent("SF", "SF\n1"), WHO, AT)
    shown = get_return(session, order_id, no)
    assert (shown.state, shown.courier, shown.tracking_no) == ("sent", "SF", "SF1")


def test_goods_of_an_order_that_nobody_paid_come_back_without_money(session: Session) -> None:
    order_id = sent(session, order({"apple": 1}), {"apple": 1})
    run(session, "update sales_order set payment = 'authorised'")
    with pytest.raises(Conflict) as refused:
        ask(session, order_id, {"L1": 1}, kind=REFUND_ONLY)
    back(session, order_id, {"L1": 1}, {"apple": 1})
    assert (refused.value.code, returned(session, order_id), refunded(session)) == ("nothing_paid", [1], [])


def test_a_line_that_lost_pieces_gives_back_the_rest(session: Session) -> None:
    wish = order({"apple": 3}, adjustments=(coupon(100),))
    order_id = placed(session, wish)
    cut(session, order_id, L1=1)
    record_confirm(
        session, confirm(order_id, rows(session, "select max(no) as n from fulfilment_order")[0].n, {"apple": 2}), AT
    )
    back(session, order_id, {"L1": 2}, {"apple": 2})
    assert sum(amount for amount, _ in refunded(session)) == wish.order.total
