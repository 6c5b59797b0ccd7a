"""Where the owner's number counts, each promise is taken off once: by him when he has heard of it, by us until then."""

from itertools import count as numbers

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import run
from hub.fulfilment.model import CancelAnswer
from hub.fulfilment.release import mark_submitted
from hub.inventory.condition import Condition
from hub.inventory.count import take_report
from hub.inventory.counted import ReportLine
from hub.inventory.ledger import StockKey, drift
from hub.inventory.level import make_counters
from hub.inventory.promise import promise
from hub.inventory.reconcile import check_books
from hub.order.change.cancel import cancel, record_cancel_answer
from hub.order.place.batch import Placed, place
from hub.order.posting.unposted import take_erp_report
from hub.order.ship.progress import record_confirm
from tests.hub.inventory.counting import WMS, after, cases, level, report, take
from tests.hub.making import BRAND, OWNER, ZONE, confirm, order, placed, see, stock
from tests.scale import count


@pytest.fixture
def order_id(session: Session) -> int:
    """Have three of ten apples promised at a location whose owner's number counts."""
    stock(session, {"sh": {"apple": 10}})
    run(session, "update stock_level set authority = 'owner'")
    return placed(session, order({"apple": 3}))


def sent(session: Session, order_id: int, minutes: int) -> None:
    mark_submitted(session, order_id, 1, "W1", after(minutes))


def free(session: Session) -> int:
    return promise(session, BRAND, "pc", ["apple"], after(9))["apple"].free


def test_a_promise_is_taken_off_once_from_its_order_to_its_parcel(session: Session, order_id: int) -> None:
    assert free(session) == 7
    sent(session, order_id, 1)
    take(session, {"apple": 7}, at=after(2))
    assert (free(session), level(session, "apple")) == (7, (10, 3, 0, 0))
    record_confirm(session, confirm(order_id, 1, {"apple": 3}), after(3))
    assert (free(session), level(session, "apple")) == (7, (7, 0, 0, 0))
    take(session, {"apple": 7}, "R2", after(4))
    assert (free(session), drift(session)) == (7, [])


@pytest.mark.parametrize("minutes", [None, 3])
def test_what_the_owner_had_not_heard_of_is_not_in_his_number(
    session: Session, order_id: int, minutes: int | None
) -> None:
    if minutes:
        sent(session, order_id, minutes)
    take(session, {"apple": 10}, at=after(2))
    assert (free(session), level(session, "apple")) == (7, (10, 3, 0, 0))


def test_orders_can_have_all_that_his_number_says(session: Session, order_id: int) -> None:
    sent(session, order_id, 1)
    take(session, {"apple": 7}, at=after(2))
    other = placed(session, order({"apple": 7}, "T2"))
    assert ([one.allocated for one in see(session, other).lines], free(session)) == ([7], 0)


def test_what_he_has_promised_last_is_there_though_his_number_is_nothing(session: Session, order_id: int) -> None:
    sent(session, order_id, 1)
    take(session, {"apple": 0}, at=after(2))
    assert (free(session), level(session, "apple")) == (0, (3, 3, 0, 0))


def test_what_he_ships_leaves_also_where_his_number_was_without_it_before(session: Session, order_id: int) -> None:
    sent(session, order_id, 3)
    take(session, {"apple": 1}, at=after(2))
    assert (level(session, "apple"), cases(session)) == ((1, 3, 0, 2), [])
    record_confirm(session, confirm(order_id, 1, {"apple": 3}), after(4))
    assert (free(session), level(session, "apple"), drift(session)) == (0, (0, 0, 0, 0), [])


def test_an_erp_has_heard_of_no_promise(session: Session, order_id: int) -> None:
    sent(session, order_id, 1)
    take_erp_report(session, "sap", WMS, report({"apple": 10}, at=after(2)), after(2))
    assert (free(session), level(session, "apple")) == (7, (10, 3, 0, 0))


def test_a_number_with_what_is_locked_is_with_his_promises_and_what_has_left_since(
    session: Session, order_id: int
) -> None:
    sent(session, order_id, 1)
    take(session, {"apple": 10}, at=after(2), with_locked=True)
    assert (free(session), level(session, "apple")) == (7, (10, 3, 0, 0))
    record_confirm(session, confirm(order_id, 1, {"apple": 3}), after(4))
    take_report(session, WMS, report({"apple": 10}, "R2", after(3), with_locked=True), after(5))
    assert (free(session), level(session, "apple")) == (7, (7, 0, 0, 0))


def test_what_he_is_asked_to_cancel_is_not_put_on_top_for_he_may_have_let_it_go(
    session: Session, order_id: int
) -> None:
    sent(session, order_id, 1)
    run(session, "update step set state = 'done', attempts = 1, settled_at = :at", at=after(1))
    cancel(session, order_id, "buyer", "changed mind", after(2))
    take(session, {"apple": 10}, at=after(3))
    assert (free(session), level(session, "apple")) == (7, (10, 3, 0, 0))
    record_cancel_answer(session, order_id, 1, CancelAnswer(stopped=True), after(4))
    assert (free(session), level(session, "apple")) == (10, (10, 0, 0, 0))


def test_a_counter_that_a_person_set_apart_stays_the_hub_s_beside_the_owner_s(session: Session, order_id: int) -> None:
    sent(session, order_id, 1)
    key = StockKey("sh", "apple", OWNER)
    make_counters(session, BRAND, [key._replace(condition=Condition.DAMAGED)], after(1))
    run(session, "update stock_level set authority = case condition when 'saleable' then 'hub' else 'owner' end")
    line = ReportLine(no=2, sku="apple", kind="count", pieces=1, condition=Condition.DAMAGED)
    whole = report({"apple": 10}, at=after(2))
    take_report(session, WMS, whole.model_copy(update={"lines": (*whole.lines, line)}), after(2))
    assert free(session) == 7


def test_what_was_ordered_and_left_after_his_number_was_told_is_taken_off_it(session: Session, order_id: int) -> None:
    sent(session, order_id, 1)
    new = placed(session, order({"apple": 2}, "T2"))
    run(session, "update fulfilment_order set created_at = :at where order_id = :id", at=after(3), id=new)
    record_confirm(session, confirm(new, 1, {"apple": 2}), after(4))
    take_report(session, WMS, report({"apple": 7}, at=after(2)), after(5))
    assert (free(session), level(session, "apple")) == (5, (8, 3, 0, 0))


ACTS = st.lists(st.tuples(st.sampled_from(["order", "order", "send", "ship", "count"]), st.integers(1, 4)), max_size=24)
TURNS = numbers()


@settings(max_examples=count(6, 100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS)
def test_whatever_happens_in_between_what_is_promised_is_what_is_there_and_nobodys(
    session: Session, order_id: int, acts: list[tuple[str, int]]
) -> None:
    with session.begin_nested() as example:
        there, told, untold = 10, dict[int, int](), {order_id: 3}
        for minute, (act, pieces) in enumerate(acts, 1):
            if act == "order":
                made = placed(session, order({"apple": pieces}, f"T-{next(TURNS)}"))
                untold |= {made: got} if (got := see(session, made).lines[0].allocated) else {}
            elif act == "send" and untold:
                sent(session, first := min(untold), minute)
                told[first] = untold.pop(first)
            elif act == "ship" and told:
                there -= (left := told.pop(first := min(told)))
                record_confirm(session, confirm(first, 1, {"apple": left}), after(minute))
            elif act == "count":
                take(session, {"apple": there - sum(told.values())}, f"R-{minute}", after(minute))
            assert free(session) == there - sum(told.values()) - sum(untold.values())
        assert (level(session, "apple")[0], check_books(session)) == (there, [])
        example.rollback()


LATE_ACTS = st.lists(
    st.sampled_from(["order", "send", "send", "ship", "cancel", "answer", "late"]), min_size=20, max_size=30
)


@settings(max_examples=count(6, 100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LATE_ACTS)
def test_late_numbers_and_cancellations_never_promise_what_is_not_there_or_somebodys(
    session: Session, order_id: int, acts: list[str]
) -> None:
    with session.begin_nested() as example:
        there, told, untold, asked = 10, dict[int, int](), {order_id: 3}, dict[int, int]()
        numbers = [10, 10]
        for minute, act in enumerate(acts, 2):
            if act == "order":
                (made,) = place(session, [order({"apple": 2}, f"T-{next(TURNS)}")], after(minute), ZONE)
                assert isinstance(made, Placed)
                untold |= {made.order_id: got} if (got := see(session, made.order_id).lines[0].allocated) else {}
            elif act == "send" and untold:
                sent(session, first := min(untold), minute)
                run(session, "update step set state = 'done', attempts = 1, settled_at = :at", at=after(minute))
                told[first] = untold.pop(first)
            elif act == "ship" and told:
                there -= (left := told.pop(first := min(told)))
                record_confirm(session, confirm(first, 1, {"apple": left}), after(minute))
            elif act == "cancel" and told:
                cancel(session, first := min(told), "buyer", "changed mind", after(minute))
                asked[first] = told.pop(first)  # he lets it go at once, and answers when he likes
            elif act == "answer" and asked:
                record_cancel_answer(session, first := min(asked), 1, CancelAnswer(stopped=True), after(minute))
                del asked[first]
            elif act == "late":
                counted = report({"apple": numbers[minute - 2]}, f"R-{minute}", after(minute - 2))
                take_report(session, WMS, counted, after(minute))
            numbers.append(there - sum(told.values()))
            assert free(session) <= there - sum((*told.values(), *untold.values(), *asked.values()))
        assert check_books(session) == []
        example.rollback()
