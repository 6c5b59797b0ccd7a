"""What a channel is told of a cancellation that came to only a part of its order."""

import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.order.change.cancel import cancel
from hub.order.change.notice import read_change
from hub.order.ship.progress import record_confirm
from tests.hub.gift.giving import put_in_force
from tests.hub.making import AT, confirm, line, open_causes, order, placed, see, sources, stock
from tests.hub.order.changing import answer, cut, send


@pytest.fixture
def order_id(session: Session) -> int:
    """Place an order that two locations have and are asked to stop."""
    stock(session, {"sh": {"apple": 9}, "bj": {"fig": 9}})
    order_id = placed(session, order({"apple": 1, "fig": 1}))
    send(session, order_id)
    cancel(session, order_id, "operator-1", "changed mind", AT)
    return order_id


def told(session: Session) -> list[str]:
    return [one.flow for one in rows(session, "select flow from step where flow = 'notify_change'")]


@pytest.mark.parametrize("first", [True, False])
def test_what_one_location_stopped_is_told_though_the_other_refused(
    session: Session, order_id: int, *, first: bool
) -> None:
    answer(session, order_id, 1, stopped=first)
    assert told(session) == []
    answer(session, order_id, 2, stopped=not first)
    assert told(session) == ["notify_change"]
    notice = read_change(session, order_id, 0, "k")
    assert (notice.kind, notice.total, sorted(one.quantity for one in notice.lines)) == ("changed", 1000, [0, 1])


def test_a_cancellation_that_stopped_nothing_is_not_told(session: Session, order_id: int) -> None:
    for no in (1, 2):
        answer(session, order_id, no, stopped=False)
    assert told(session) == []


def test_a_second_cancellation_is_told_after_the_first_stopped_a_part(session: Session, order_id: int) -> None:
    answer(session, order_id, 1, stopped=True)
    answer(session, order_id, 2, stopped=False)
    cancel(session, order_id, "operator-1", "changed mind", AT)
    answer(session, order_id, 2, stopped=True)
    assert told(session) == ["notify_change"] * 2
    assert read_change(session, order_id, 0, "k").kind == "cancelled"


def test_an_order_of_which_a_part_has_left_is_told_as_changed(session: Session, order_id: int) -> None:
    sku = "apple" if see(session, order_id).fulfilments[0].location == "sh" else "fig"
    record_confirm(session, confirm(order_id, 1, {sku: 1}), AT)
    answer(session, order_id, 2, stopped=True)
    assert (told(session), read_change(session, order_id, 0, "k").kind) == (["notify_change"], "changed")


def test_a_yes_that_comes_after_all_have_refused_is_told(session: Session, order_id: int) -> None:
    for no in (1, 2):
        answer(session, order_id, no, stopped=False)
    answer(session, order_id, 1, stopped=True)
    assert (told(session), read_change(session, order_id, 0, "k").kind) == (["notify_change"], "changed")
    answer(session, order_id, 2, stopped=True)
    assert (told(session), read_change(session, order_id, 0, "k").kind) == (["notify_change"] * 2, "cancelled")
    assert (see(session, order_id).lifecycle, open_causes(session)) == ("cancelled", [])


def test_what_is_told_already_is_not_told_again_when_a_refusal_is_repeated(session: Session, order_id: int) -> None:
    answer(session, order_id, 1, stopped=True)
    for _ in range(2):
        answer(session, order_id, 2, stopped=False)
    assert told(session) == ["notify_change"]


def test_a_late_yes_to_what_the_channel_wished_is_not_told_to_it(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    order_id = placed(session, order({"apple": 1}, "T2"))
    send(session, order_id)
    cancel(session, order_id, "mall-pc", "changed mind", AT)
    for stopped in (False, True):
        answer(session, order_id, 1, stopped=stopped)
    assert (see(session, order_id).lifecycle, told(session)) == ("cancelled", [])


def test_a_yes_to_what_was_told_to_be_sent_calls_a_person(session: Session, order_id: int) -> None:
    sku = "apple" if see(session, order_id).fulfilments[0].location == "sh" else "fig"
    record_confirm(session, confirm(order_id, 1, {sku: 1}), AT)
    for _ in range(2):
        answer(session, order_id, 1, stopped=True)
    assert (open_causes(session), line(session, order_id).cancelled) == (["stopped_after_sent"], 0)


def test_who_wants_no_piece_of_what_was_short_whole_cancels_the_order_with_its_gifts(session: Session) -> None:
    stock(session, {"sh": {"apple": 5, "cup": 5}, "bj": {"apple": 5, "cup": 5}})
    put_in_force(session, skus=("apple",))
    order_id = placed(session, order({"apple": 2}, "T2"))
    record_confirm(session, confirm(order_id, 1, {}), AT)
    assert sources(session, order_id) == [("sh", "incomplete"), ("bj", "open")]
    assert cut(session, order_id, L1=2) == "applied"
    assert (see(session, order_id).lifecycle, sources(session, order_id)[1]) == ("cancelled", ("bj", "cancelled"))
    assert (told(session), read_change(session, order_id, 0, "k").kind) == (["notify_change"], "cancelled")
    assert rows(session, "select 1 from order_revision") == []
