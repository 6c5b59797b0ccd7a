"""The money of a deposit: what is left to pay, and who has it when its order ends, to the fen."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict, Malformed
from hub.inbox import keep as keep_message
from hub.inbox import read_all
from hub.order.change.cancel import cancel
from hub.order.change.channel import Precedence, revise
from hub.order.change.expire import Terms, expire
from hub.order.change.money import cancelled_worth
from hub.order.change.pay import pay, pay_deposit
from hub.order.change.refund import mark_refund
from hub.order.change.table import RefundState
from hub.order.model import ShopOrder
from hub.order.place.record import payload_hash
from hub.order.receive import receive, take_back
from hub.order.trace.head import trace_head
from hub.roles import SYSTEM
from tests.hub.making import AT, BRAND, ZONE, coupon, open_causes, order, placed, see, stock
from tests.hub.order.changing import cut, refunds

HERE = AT.astimezone(ZONE)
DUE = AT + timedelta(days=3)
DEPOSITED: dict[str, Any] = {
    "paid_at": None,
    "deposit_paid_at": AT,
    "deposit": 1000,
    "balance_due_at": DUE,
    "total": 3000,
}


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})


def close(session: Session, *, keep: bool = False, limit: int = 0) -> int:
    terms = {"mall-pc": Terms(timedelta(minutes=limit), told=False, keep_deposit=keep)}
    return expire(session, terms, DUE)


def later(one: ShopOrder, **changes: Any) -> ShopOrder:  # noqa: ANN401 # any field of an order
    updates = {"source_revision": one.order.source_revision + 1, **changes}
    return replace(one, order=one.order.model_copy(update=updates))


def test_what_is_left_to_pay_is_the_total_less_the_deposit(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}, **DEPOSITED))
    seen = see(session, order_id)
    assert (seen.deposit, seen.balance, seen.balance_due_at) == (1000, 2000, DUE)
    for amount in (1999, 2001, 3000):
        with pytest.raises(Conflict, match="2000 minor units"):
            pay(session, order_id, "tester", HERE, HERE, amount=amount)
    assert pay(session, order_id, "tester", HERE, HERE, amount=2000) == "in_fulfilment"
    seen = see(session, order_id)
    assert (seen.payment, seen.deposit, seen.balance, refunds(session)) == ("paid", 1000, None, [])


@pytest.mark.parametrize("changes", [{"deposit": 3001}, {"deposit": 0}, {"deposit_paid_at": None}])
def test_a_deposit_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="deposit"):
        order({"apple": 3}, **(DEPOSITED | changes))


def test_a_cancelled_order_gives_exactly_its_deposit_back(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}, **DEPOSITED))
    cut(session, order_id, L1=1)
    assert refunds(session) == []
    cancel(session, order_id, "merchant", "no goods", HERE)
    assert (refunds(session), open_causes(session)) == ([(3000, 2000, "due")], [])
    mark_refund(session, order_id, 1, RefundState.DONE, "R-1", "tester", HERE)
    assert see(session, order_id).payment == "refunded"


def test_who_withdraws_may_lose_the_deposit(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}, **DEPOSITED))
    for _ in range(2):
        cancel(session, order_id, "buyer", "changed mind", HERE, keep_deposit=True)
    assert (see(session, order_id).lifecycle, refunds(session), open_causes(session)) == ("cancelled", [], [])
    kept = rows(session, "select detail from audit_entry where act = 'order.keep_deposit'")
    assert [one.detail["amount"] for one in kept] == [1000]


@pytest.mark.parametrize(("keep", "moved"), [(False, [1000]), (True, [])])
def test_what_the_channel_takes_back_leaves_its_deposit_by_the_policy(
    session: Session,
    keep: bool,  # noqa: FBT001 # a parameter of the case
    moved: list[int],
) -> None:
    one = order({"apple": 3}, **DEPOSITED)
    order_id = placed(session, one)
    take_back(session, later(one, withdrawn=True), HERE, keep_deposit=keep)
    assert [back.amount - back.set_off for back in see(session, order_id).refunds] == moved


@pytest.mark.parametrize(("keep", "moved"), [(False, [1000]), (True, [])])
def test_a_channel_that_leaves_nothing_of_an_order_leaves_its_deposit_by_the_policy(
    session: Session,
    keep: bool,  # noqa: FBT001 # a parameter of the case
    moved: list[int],
) -> None:
    stock(session, {"sh": {"pear": 9}}, "ASN-P")
    order_id = placed(session, order({"apple": 2, "pear": 1}, **DEPOSITED))
    cut(session, order_id, L1=2)
    rest = later(order({"apple": 2}, **DEPOSITED), total=2000)
    inbox_id, _ = keep_message(session, "mall-pc", "order", "again", b"{}", HERE)
    wins: dict[str, Precedence] = {"mall-pc": "platform_wins"}
    receive(
        session, read_all(session, [inbox_id]), lambda _: rest, HERE, ZONE, lambda _: BRAND, wins, keep_deposit=keep
    )
    assert see(session, order_id).lifecycle == "cancelled"
    assert [back.amount - back.set_off for back in see(session, order_id).refunds] == moved


@pytest.mark.parametrize(("keep", "back"), [(False, [(3000, 2000, "due")]), (True, [])])
def test_an_order_whose_balance_is_not_paid_in_time_is_closed(
    session: Session,
    keep: bool,  # noqa: FBT001 # a parameter of the case
    back: list[tuple[int, int, str]],
) -> None:
    order_id = placed(session, order({"apple": 3}, **DEPOSITED))
    assert (close(session, keep=keep), close(session, keep=keep)) == (1, 0)
    seen = see(session, order_id)
    assert (seen.lifecycle, seen.lines[0].cancelled, refunds(session)) == ("closed", 3, back)
    with pytest.raises(Conflict) as late:
        pay(session, order_id, "tester", HERE, HERE, amount=2000)
    assert late.value.code == "order_closed"


def test_a_person_gives_back_a_lapsed_deposit_of_which_nobody_has_said_how_much(session: Session) -> None:
    placed(session, order({"apple": 3}, **dict(DEPOSITED, deposit=None)))
    assert (close(session), refunds(session), open_causes(session)) == (1, [], ["paid_late"])


def test_a_balance_without_a_time_is_waited_for(session: Session) -> None:
    placed(session, order({"apple": 3}, **dict(DEPOSITED, balance_due_at=None)))
    assert close(session, limit=1) == 0


def test_a_deposit_that_comes_after_the_end_calls_a_person(session: Session) -> None:
    one = order({"apple": 3}, paid_at=None)
    order_id = placed(session, one)
    close(session, limit=1)
    revise(session, order_id, later(one, deposit_paid_at=AT, deposit=1000), "platform_wins", HERE)
    assert (see(session, order_id).payment, open_causes(session)) == ("unpaid", ["paid_late"])


def test_the_channel_says_the_deposit_later_and_moves_the_day_but_not_the_amount(session: Session) -> None:
    one = order({"apple": 3}, paid_at=None)
    order_id = placed(session, one)
    known = later(one, deposit_paid_at=AT, deposit=1000, balance_due_at=DUE)
    for _ in range(2):
        revise(session, order_id, known, "platform_wins", HERE)
    moved = later(known, balance_due_at=DUE + timedelta(days=1))
    revise(session, order_id, moved, "platform_wins", HERE)
    assert (see(session, order_id).balance, close(session)) == (2000, 0)
    assert "paid_late" not in open_causes(session)
    revise(session, order_id, later(moved, deposit=1500), "platform_wins", HERE)
    assert see(session, order_id).deposit == 1000
    assert "paid_late" in open_causes(session)
    assert len(rows(session, "select 1 from audit_entry where act = 'order.pay_deposit'")) == 2


@pytest.mark.parametrize("amount", [0, 3001])
def test_a_deposit_of_nothing_or_more_than_the_total_is_refused(session: Session, amount: int) -> None:
    order_id = placed(session, order({"apple": 3}, paid_at=None))
    with pytest.raises(Conflict) as caught:
        pay_deposit(session, order_id, "tester", AT, amount)
    assert (caught.value.code, see(session, order_id).payment) == ("wrong_amount", "unpaid")


def test_nothing_is_left_to_pay_of_an_order_that_was_cancelled_behind_its_deposit(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}, **DEPOSITED))
    cancel(session, order_id, "tester", "unwanted", AT)
    assert (see(session, order_id).balance, trace_head(session, order_id, SYSTEM).balance) == (None, None)


def test_the_channel_s_balance_is_of_its_own_total(session: Session) -> None:
    one = order({"apple": 3}, **DEPOSITED)
    order_id = placed(session, one)
    cut(session, order_id, L1=2)
    revise(session, order_id, later(one, paid_at=AT), "platform_wins", HERE)
    assert refunds(session) == [(2000, 0, "due")]


def test_a_deposit_of_no_known_amount_is_hashed_as_before() -> None:
    bare, told = order({"apple": 1}, paid_at=None, deposit_paid_at=AT), order({"apple": 3}, **DEPOSITED)
    assert payload_hash(bare).hex() == "af305166188b4cb259005005063b17766b1594ad3d85f25e17b27c010c83bbb9"
    assert payload_hash(later(told, deposit=900)) != payload_hash(told)
    assert payload_hash(later(told, balance_due_at=None)) != payload_hash(told)


ACTS = st.sampled_from(["cut", "deposit", "balance", "less", "cancel", "withdraw", "lapse"])


@given(acts=st.lists(ACTS, min_size=1, max_size=7), deposit=st.integers(1, 3593), reduced=st.integers(0, 700))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_what_was_paid_is_kept_or_goes_back_in_every_sequence(
    session: Session, acts: list[str], deposit: int, reduced: int
) -> None:
    """Paid = what the order is worth now (or the deposit that is kept) + what goes back."""
    with session.begin_nested() as example:
        wish = order({"apple": 3}, paid_at=None, adjustments=(coupon(reduced),), freight=593, balance_due_at=DUE)
        deposit = min(deposit, wish.order.total)
        order_id, paid, forfeited = placed(session, wish), 0, 0
        for act in acts:
            before = see(session, order_id)
            try:
                paid += do(session, order_id, act, deposit)
            except (Conflict, Malformed):
                continue
            seen = see(session, order_id)
            if act == "withdraw" and (before.payment, before.lifecycle) == ("deposit_paid", "accepted"):
                forfeited = deposit
            worth = seen.total - cancelled_worth(session, order_id) if seen.payment == "paid" else 0
            kept = deposit if seen.payment == "deposit_paid" and seen.lifecycle == "accepted" else worth + forfeited
            assert paid == kept + sum(one.amount - one.set_off for one in seen.refunds)
        example.rollback()


def do(session: Session, order_id: int, act: str, deposit: int) -> int:
    """Do one act, and give what was paid by it."""
    seen, live = see(session, order_id), see(session, order_id).lifecycle == "accepted"
    if act == "cut":
        cut(session, order_id, L1=1)
    elif act == "deposit":
        pay_deposit(session, order_id, "tester", HERE, deposit, DUE)
        return deposit if live and seen.payment == "unpaid" else 0
    elif act in {"balance", "less"}:
        most = seen.total - (seen.deposit or 0)
        amount = most if act == "balance" else max(most - cancelled_worth(session, order_id), 0)
        pay(session, order_id, "tester", HERE, HERE, amount=amount)
        return amount if seen.payment in {"unpaid", "deposit_paid"} else 0
    elif act == "lapse":
        close(session)
    else:
        cancel(session, order_id, "tester", "no more", HERE, keep_deposit=act == "withdraw")
    return 0
