import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows, run
from hub.errors import Conflict, NotFound
from hub.fulfilment.model import CancelAnswer
from hub.fulfilment.release import mark_submitted
from hub.inventory.ledger import drift
from hub.order.change.cancel import cancel, record_cancel_answer
from hub.order.place.batch import Placed
from hub.order.ship.progress import record_confirm, record_report
from tests.hub.making import (
    AT,
    RECEIVER,
    add_sku,
    confirm,
    counters,
    line,
    open_causes,
    order,
    place_all,
    placed,
    rejection,
    see,
    sources,
    step_states,
    stock,
)

YES = CancelAnswer(stopped=True)
FAR = RECEIVER.model_copy(update={"province": "北京市", "city": "北京市", "county": "朝阳区"})
NO = CancelAnswer(stopped=False, reason="已出库")


def call_off(session: Session, order_id: int) -> str:
    return cancel(session, order_id, "operator-1", "changed mind", AT)


def send(session: Session, order_id: int, *numbers: int) -> None:
    """Do what the engine does when locations have taken documents over."""
    run(
        session,
        "update step set state = 'done', attempts = 1, settled_at = :at where order_id = :id",
        at=AT,
        id=order_id,
    )
    for no in numbers:
        mark_submitted(session, order_id, no, f"W{no}", AT)


@pytest.fixture
def untold(session: Session) -> int:
    """Place an order in two documents, nobody knowing of them yet."""
    add_sku(session, "rice", grams=20_000)
    stock(session, {"sh": {"rice": 2}})
    return placed(session, order({"rice": 2}))


@pytest.fixture
def sent(session: Session, untold: int) -> int:
    send(session, untold, 1, 2)
    return untold


def test_an_order_that_nobody_knows_of_is_cancelled_at_once(session: Session, untold: int) -> None:
    assert call_off(session, untold) == "cancelled"
    assert sources(session, untold) == [("sh", "cancelled")] * 2
    assert (line(session, untold).cancelled, counters(session, "sh", "rice")) == (2, (2, 0))
    assert step_states(session, "release_fulfilment") == ["cancelled"] * 2
    assert see(session, untold).holds == ()


def test_cancelling_twice_is_not_an_error(session: Session, untold: int) -> None:
    assert [call_off(session, untold), call_off(session, untold)] == ["cancelled", "cancelled"]


def test_a_location_that_has_the_document_is_asked_first(session: Session, sent: int) -> None:
    assert [call_off(session, sent), call_off(session, sent)] == ["in_fulfilment"] * 2
    assert step_states(session, "cancel_fulfilment") == ["pending"] * 2
    assert counters(session, "sh", "rice") == (2, 2)


def test_the_order_is_cancelled_when_every_location_has_stopped(session: Session, sent: int) -> None:
    call_off(session, sent)
    record_cancel_answer(session, sent, 1, YES, AT)
    assert see(session, sent).lifecycle == "in_fulfilment"
    record_cancel_answer(session, sent, 2, YES, AT)
    assert (see(session, sent).lifecycle, counters(session, "sh", "rice")) == ("cancelled", (2, 0))


def test_the_same_answer_again_changes_nothing(session: Session, sent: int) -> None:
    call_off(session, sent)
    for _ in range(2):
        record_cancel_answer(session, sent, 1, YES, AT)
    assert counters(session, "sh", "rice") == (2, 1)


def test_a_refusal_lets_the_goods_come_and_calls_a_person(session: Session, sent: int) -> None:
    call_off(session, sent)
    record_cancel_answer(session, sent, 1, NO, AT)
    record_cancel_answer(session, sent, 2, YES, AT)
    assert (see(session, sent).holds, open_causes(session)) == ((), ["cancel_refused"])
    record_confirm(session, confirm(sent, 1, {"rice": 1}), AT)
    assert (see(session, sent).lifecycle, line(session, sent).shipped, line(session, sent).cancelled) == (
        "completed",
        1,
        1,
    )


def test_a_buyer_may_ask_again_after_a_refusal(session: Session, sent: int) -> None:
    for answer in (NO, YES):
        call_off(session, sent)
        for no in (1, 2):
            record_cancel_answer(session, sent, no, answer, AT)
    assert see(session, sent).lifecycle == "cancelled"
    assert len(step_states(session, "cancel_fulfilment")) == 4


def test_goods_that_leave_all_the_same_complete_what_the_rest_cannot(session: Session, sent: int) -> None:
    call_off(session, sent)
    record_confirm(session, confirm(sent, 1, {"rice": 1}), AT)
    record_cancel_answer(session, sent, 2, YES, AT)
    seen = see(session, sent)
    assert (seen.lifecycle, seen.fulfilment, seen.holds) == ("completed", "shipped", ())
    assert counters(session, "sh", "rice") == (1, 0)


def test_the_rest_may_be_stopped_after_a_first_parcel(session: Session) -> None:
    stock(session, {"sh": {"apple": 3}})
    order_id = placed(session, order({"apple": 3}))
    send(session, order_id, 1)
    call_off(session, order_id)
    record_confirm(session, confirm(order_id, 1, {"apple": 1}, final=False), AT)
    record_cancel_answer(session, order_id, 1, YES, AT)
    assert (see(session, order_id).lifecycle, counters(session, "sh", "apple")) == ("completed", (2, 0))


def test_a_rejection_under_a_cancellation_finds_no_new_source(session: Session, sent: int) -> None:
    stock(session, {"bj": {"rice": 9}}, "ASN-2")
    call_off(session, sent)
    for no in (1, 2):
        record_report(session, rejection(sent, no), AT)
    assert (see(session, sent).lifecycle, counters(session, "bj", "rice")) == ("cancelled", (9, 0))


def test_what_has_left_is_not_cancelled(session: Session, sent: int) -> None:
    record_confirm(session, confirm(sent, 1, {"rice": 1}), AT)
    with pytest.raises(Conflict, match="can only be returned") as caught:
        call_off(session, sent)
    assert caught.value.code == "already_shipped"


def test_a_cancelled_order_waits_for_nothing(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}})
    order_id = placed(session, order({"apple": 3}))
    call_off(session, order_id)
    assert (see(session, order_id).holds, open_causes(session)) == ((), [])
    assert line(session, order_id).cancelled == 3


def test_an_order_of_nobody_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound, match="there is no order 7"):
        call_off(session, 7)


def test_orders_crosswise_over_two_locations_are_cancelled_at_once_without_a_deadlock(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 40, "pear": 40}, "bj": {"apple": 40, "pear": 40}})
        wishes = [order({"apple": 2, "pear": 2}, f"T{n}", receiver=(RECEIVER, FAR)[n % 2]) for n in range(20)]
        ids = [one.order_id for one in place_all(session, *wishes) if isinstance(one, Placed)]
    start = threading.Barrier(4)

    def work(n: int) -> None:
        start.wait()
        for order_id in ids[n::4]:
            with database.transaction() as session:
                record_report(session, rejection(order_id, 1), AT)
            with database.transaction() as session:
                call_off(session, order_id)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with database.transaction() as session:
        assert drift(session) == []
        assert counters(session, "sh", "apple") == counters(session, "bj", "pear") == (40, 0)


@pytest.mark.parametrize("state", ["pending", "dead"])
def test_a_release_that_was_always_refused_is_taken_back_at_once(session: Session, state: str) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 2}))
    run(session, "update step set state = :state, attempts = 3", state=state)
    assert cancel(session, order_id, "buyer", "call me on 100 0000 0042", AT) == "cancelled"
    assert sources(session, order_id) == [("sh", "cancelled")]
    told = rows(session, "select detail::text as detail from audit_entry where act = 'order.cancel'")
    assert "0042" not in told[0].detail
