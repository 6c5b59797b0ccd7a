"""Orders that grow: more pieces, further lines, other sizes; what that costs is exact, and nothing else moves."""

from collections import Counter
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from commands.conservation import RULES
from hub.database import rows
from hub.errors import Conflict, Malformed
from hub.inventory.ledger import drift
from hub.order.change.cancel import cancel
from hub.order.change.pay import pay
from hub.order.change.refund import mark_refund
from hub.order.change.table import Charge, RefundState
from hub.order.change.wanted import WantedLine
from hub.order.model import OrderLine
from tests.hub.making import AT, ZONE, add_sku, counters, coupon, order, placed, see, sources, stock
from tests.hub.order.changing import answer, cut, dues, refunds, revision, send, want
from tests.hub.review.ruling import enforce, holding, rule

HERE = AT.astimezone(ZONE)


@pytest.fixture
def order_id(session: Session) -> int:
    """Place an order of three apples and two pears, with a coupon of 7.00, which Shanghai takes."""
    stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "pear": 9}})
    return placed(session, order({"apple": 3, "pear": 2}, adjustments=(coupon(700, "L1"),)))


def kept(session: Session, order_id: int) -> dict[tuple[str, str], int]:
    """Give the pieces that are still wanted, by the shop's line and SKU."""
    pieces = Counter[tuple[str, str]]()
    for one in see(session, order_id).lines:
        pieces[one.line_id, one.sku] += one.ordered - one.cancelled
    return dict(+pieces)


def broken(session: Session) -> list[str]:
    return [name for name, query in RULES.items() if rows(session, query)]


@pytest.mark.parametrize("scope", ["order", "fulfilment"])
def test_rules_see_an_exchanged_order_as_it_is_then(session: Session, order_id: int, scope: str) -> None:
    asked = "order.pieces > 5 || order.total > 4300 || order.goods - order.discount != order.total"
    enforce(session, rule(asked, verdict=holding(scope=scope)))
    want(session, order_id, WantedLine("L1", 3, "pear"))
    assert see(session, order_id).holds == ()
    want(session, order_id, WantedLine("L2", 3))
    assert "some_rule" in [one.rule for one in see(session, order_id).holds]


def test_more_pieces_wait_for_their_price_and_then_go_by_themselves(session: Session, order_id: int) -> None:
    send(session, order_id)
    assert want(session, order_id, WantedLine("L1", 5)) == "applied"
    assert (dues(session), [one.rule for one in see(session, order_id).holds]) == ([(2000, 0, "open")], ["amount_due"])
    assert sources(session, order_id) == [("sh", "scheduled")]
    pay(session, order_id, "tester", HERE, HERE, amount=2000, reference="P-2")
    assert (dues(session), see(session, order_id).holds) == ([(2000, 0, "paid")], ())
    assert sources(session, order_id) == [("sh", "scheduled"), ("sh", "open")]
    assert (see(session, order_id).total, counters(session, "sh", "apple")) == (6300, (9, 5))
    assert broken(session) == []


def test_no_other_amount_pays_what_is_due_and_the_same_payment_twice_pays_once(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L1", 5))
    with pytest.raises(Conflict, match="2000 minor units are due, not 1999"):
        pay(session, order_id, "tester", HERE, HERE, amount=1999)
    for _ in range(2):
        pay(session, order_id, "tester", HERE, HERE, amount=2000, reference="P-2")
    assert len(rows(session, "select 1 from audit_entry where act = 'order.pay_due'")) == 1


def test_a_size_that_costs_the_same_moves_no_money_and_keeps_the_coupon(session: Session, order_id: int) -> None:
    add_sku(session, "apple-xl")
    stock(session, {"sh": {"apple-xl": 9}}, "ASN-2")
    assert want(session, order_id, WantedLine("L1", 3, "apple-xl")) == "applied"
    assert (dues(session), refunds(session)) == ([(2300, 2300, "set_off")], [(2300, 2300, "set_off")])
    assert kept(session, order_id) == {("L1", "apple-xl"): 3, ("L2", "pear"): 2}
    assert (see(session, order_id).holds, broken(session), drift(session)) == ((), [], [])
    assert [one for one in sources(session, order_id) if one[1] == "open"] == [("sh", "open")]


def test_a_dearer_size_waits_for_the_difference_alone(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L2", 2, "apple", "12.50"))
    assert (dues(session), refunds(session)) == ([(2500, 2000, "open")], [(2000, 2000, "set_off")])
    pay(session, order_id, "tester", HERE, HERE, amount=500)
    assert (kept(session, order_id), broken(session)) == ({("L1", "apple"): 3, ("L2", "apple"): 2}, [])


def test_a_cheaper_size_is_given_the_rest_back(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L2", 2, "apple", "7.00"))
    assert (dues(session), refunds(session)) == ([(1400, 1400, "set_off")], [(2000, 1400, "due")])
    assert see(session, order_id).holds == ()


def test_what_is_given_away_is_a_reduction_of_the_merchants(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L3", 2, "pear", "9.90"), charge=Charge.FREE)
    assert (see(session, order_id).total, dues(session), kept(session, order_id)["L3", "pear"]) == (4300, [], 2)
    given = rows(session, "select source_amount from price_adjustment where code like 'change:%'")
    assert [one.source_amount for one in given] == [1980]
    assert (see(session, order_id).holds, broken(session)) == ((), [])


def test_a_location_that_refuses_keeps_the_old_size_and_no_money_moves(session: Session, order_id: int) -> None:
    send(session, order_id)
    assert want(session, order_id, WantedLine("L1", 3, "pear", "20.00")) == "waiting"
    answer(session, order_id, 1, stopped=False)
    assert (revision(session, order_id).state, dues(session), refunds(session)) == ("refused", [], [])
    assert kept(session, order_id) == {("L1", "apple"): 3, ("L2", "pear"): 2}


def test_a_location_that_stops_has_the_other_size_in_the_same_parcel(session: Session, order_id: int) -> None:
    send(session, order_id)
    want(session, order_id, WantedLine("L1", 3, "pear"))
    answer(session, order_id, 1, stopped=True)
    assert sources(session, order_id) == [("sh", "cancelled"), ("sh", "open")]
    assert (counters(session, "sh", "pear"), counters(session, "sh", "apple")) == ((9, 5), (9, 0))
    assert (revision(session, order_id).was, broken(session)) == ({"goods": 5000, "discount": 700, "total": 4300}, [])


def test_what_is_cut_again_pays_for_what_is_still_due_and_the_order_goes_on(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L1", 5))
    assert cut(session, order_id, L1=1) == "applied"
    assert dues(session) == [(2000, 1000, "open")]
    cut(session, order_id, L1=1)
    assert (dues(session), see(session, order_id).holds) == ([(2000, 2000, "set_off")], ())
    assert kept(session, order_id)["L1", "apple"] == 3


def paid_back_and_grown(session: Session) -> int:
    """Give an order of which all was paid back, and to which goods were added since."""
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    free = OrderLine(external_line_id="L2", channel_sku="pear", quantity=1, unit_price=Decimal(0))
    bought = OrderLine(external_line_id="L1", channel_sku="apple", quantity=1, unit_price=Decimal(10))
    order_id = placed(session, order({}, lines=(bought, free)))
    cut(session, order_id, L1=1)
    mark_refund(session, order_id, 1, RefundState.DONE, "R-1", "tester", AT)
    want(session, order_id, WantedLine("L3", 1, "apple", "8.00"))
    return order_id


@pytest.mark.parametrize("paid", [False, True])
def test_what_is_added_after_all_was_paid_back_is_to_be_paid_and_comes_back_as_any(
    session: Session, *, paid: bool
) -> None:
    order_id = paid_back_and_grown(session)
    assert (dues(session), see(session, order_id).payment) == ([(800, 0, "open")], "partially_refunded")
    if paid:
        pay(session, order_id, "tester", HERE, HERE, amount=800)
    cancel(session, order_id, "buyer", "changed mind", AT)
    assert [amount - kept for amount, kept, _ in refunds(session)] == [1000, 800 if paid else 0]


def test_what_was_added_after_all_was_paid_back_and_is_cut_unpaid_leaves_the_order_as_paid_back(
    session: Session,
) -> None:
    order_id = paid_back_and_grown(session)
    cut(session, order_id, L3=1)
    assert (dues(session), see(session, order_id).payment) == ([(800, 800, "set_off")], "refunded")


def test_a_cancelled_order_gives_back_what_was_paid_and_not_what_was_due(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L1", 5))
    cancel(session, order_id, "buyer", "changed mind", AT)
    assert sum(amount - kept for amount, kept, _ in refunds(session)) == 4300
    assert dues(session) == [(2000, 2000, "set_off")]


def test_an_unpaid_order_grows_and_is_paid_as_a_whole(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    order_id = placed(session, order({"apple": 1}, paid_at=None))
    want(session, order_id, WantedLine("L1", 3))
    assert (see(session, order_id).total, dues(session)) == (3000, [])
    pay(session, order_id, "tester", HERE, HERE)
    assert sum(one.allocated for one in see(session, order_id).lines) == 3


def test_a_bundle_that_is_exchanged_gives_back_and_costs_its_whole_price(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9, "plum": 9}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    add_sku(session, "crate", parts={"plum": 2, "pear": 1})
    order_id = placed(session, order({"box": 2}, adjustments=(coupon(333),)))
    want(session, order_id, WantedLine("L1", 2, "crate"))
    assert (dues(session), refunds(session)) == ([(1667, 1667, "set_off")], [(1667, 1667, "set_off")])
    assert kept(session, order_id) == {("L1", "crate"): 2, ("L1", "plum"): 4, ("L1", "pear"): 2}
    assert (broken(session), drift(session)) == ([], [])


def test_what_cannot_be_added_says_why(session: Session, order_id: int) -> None:
    with pytest.raises(Malformed, match="say its price"):
        want(session, order_id, WantedLine("L9", 1, "pear"))
    with pytest.raises(Malformed, match="nothing in the catalogue is bound to figs"):
        want(session, order_id, WantedLine("L9", 1, "figs", "1.00"))
    with pytest.raises(Malformed, match="no line L9"):
        want(session, order_id, WantedLine("L9", 1))
