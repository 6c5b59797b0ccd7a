from collections.abc import Sequence

import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import Conflict, NotFound
from hub.fulfilment.model import CancelAnswer, ConfirmedParcel, ConfirmLine
from hub.inventory.ledger import drift
from hub.keyring import INDEX_BYTES
from hub.order.change.begin import change
from hub.order.change.cancel import cancel
from hub.order.change.revision import Author, Contents, Wish
from hub.order.ship.merged import mark_all_submitted
from hub.order.ship.outbound import read_shipment
from hub.order.ship.together import book_cancel_answer, book_confirm, book_report
from hub.order.trace.timeline import trace
from tests.hub.making import (
    AT,
    RECEIVER,
    batched,
    confirm,
    counters,
    line,
    open_causes,
    order,
    placed,
    rejection,
    see,
    sources,
    step_states,
    stock,
)
from tests.hub.merge.merging import close, groups, lines_of, merging, releases

YES = CancelAnswer(stopped=True)
NO = CancelAnswer(stopped=False, reason="已出库")


@pytest.fixture
def ids(session: Session) -> list[int]:
    """Merge three orders of one recipient, of one, two and three apples."""
    stock(session, {"sh": {"apple": 10}, "bj": {"apple": 10}})
    merging(session)
    made = [placed(session, order({"apple": n}, f"T{n}")) for n in (1, 2, 3)]
    close(session)
    return made


def send(session: Session) -> None:
    """Do what the engine does when the location has taken the document over."""
    for subject in releases(session):
        mark_all_submitted(session, subject["group"], "W1", AT)
    run(session, "update step set state = 'done', attempts = 1, settled_at = :at where state = 'pending'", at=AT)


def shipped(session: Session, ids: Sequence[int]) -> list[int]:
    return [line(session, order_id).shipped for order_id in ids]


def told(ref: int, pieces: int) -> ConfirmLine:
    return ConfirmLine(line_ref=str(ref), sku="apple", quantity=pieces)


def test_one_confirm_ships_every_order_and_tells_each_channel_the_same_number(session: Session, ids: list[int]) -> None:
    send(session)
    book_confirm(session, confirm(ids[0], 1, {"apple": 6}), AT)
    assert [see(session, order_id).lifecycle for order_id in ids] == ["completed"] * 3
    notices = [read_shipment(session, order_id, 1) for order_id in ids]
    assert [(one.external_id, one.parcels[0].tracking_no, one.parcels[0].lines[0].quantity) for one in notices] == [
        ("T1", "SF-c1", 1),
        ("T2", "SF-c1", 2),
        ("T3", "SF-c1", 3),
    ]
    assert step_states(session, "notify_shipment") == ["pending"] * 3
    assert (groups(session), counters(session, "sh", "apple"), drift(session)) == ([], (4, 0), [])


def test_the_same_confirm_again_changes_nothing(session: Session, ids: list[int]) -> None:
    one = confirm(ids[0], 1, {"apple": 6})
    assert [book_confirm(session, one, AT), book_confirm(session, one, AT)] == [ids[0]] * 2
    assert shipped(session, ids) == [1, 2, 3]
    with pytest.raises(Conflict, match="has ended"):
        book_confirm(session, confirm(ids[0], 1, {"apple": 1}, "c2"), AT)


def test_the_same_confirm_in_another_order_changes_nothing(session: Session, ids: list[int]) -> None:
    lines, bare = (told(30001, 2), told(10001, 1)), [ConfirmedParcel(tracking_no=number) for number in ("P1", "P2")]
    book_confirm(session, confirm(ids[0], 1, {}, final=False, lines=lines, parcels=bare), AT)
    book_confirm(session, confirm(ids[0], 1, {}, final=False, lines=lines[::-1], parcels=bare[::-1]), AT)
    assert shipped(session, ids) == [1, 0, 2]


def test_the_same_confirm_with_a_parcel_of_nothing_changes_nothing(session: Session, ids: list[int]) -> None:
    parcels = [ConfirmedParcel(tracking_no=number, lines=(told(30001, n),)) for number, n in (("P1", 2), ("", 0))]
    one = confirm(ids[0], 1, {}, final=False, lines=(told(30001, 2),), parcels=parcels)
    assert [book_confirm(session, one, AT), book_confirm(session, one, AT)] == [ids[0]] * 2


@pytest.mark.parametrize(
    "lines", [(told(20001, 1), told(30001, 2)), (told(10001, 1),), (told(10001, 1), told(30001, 3))]
)
def test_another_confirm_under_a_number_that_was_booked_is_no_repeat(
    session: Session, ids: list[int], lines: Sequence[ConfirmLine]
) -> None:
    book_confirm(session, confirm(ids[0], 1, {}, final=False, lines=(told(10001, 1), told(30001, 2))), AT)
    with pytest.raises(Conflict) as caught:
        book_confirm(session, confirm(ids[0], 1, {}, final=False, lines=lines), AT)
    assert (caught.value.code, shipped(session, ids)) == ("confirm_differs", [1, 0, 2])


def test_lines_and_parcels_by_number_go_to_the_orders_that_they_are_of(session: Session, ids: list[int]) -> None:
    lines = (told(30001, 2), told(10001, 1))
    parcels = (
        ConfirmedParcel(courier_code="SF", tracking_no="P1", lines=(told(30001, 1),)),
        ConfirmedParcel(courier_code="SF", tracking_no="P2", lines=(told(10001, 1), told(30001, 1))),
    )
    book_confirm(session, confirm(ids[0], 1, {}, final=False, lines=lines, parcels=parcels), AT)
    assert shipped(session, ids) == [1, 0, 2]
    numbers = [[one.tracking_no for one in see(session, order_id).parcels] for order_id in ids]
    assert numbers == [["P2"], [], ["P1", "P2"]]


def test_a_parcel_of_which_nobody_says_what_it_holds_is_kept_with_every_order(session: Session, ids: list[int]) -> None:
    bare = tuple(ConfirmedParcel(courier_code="SF", tracking_no=number) for number in ("P1", "P2"))
    book_confirm(session, confirm(ids[0], 1, {"apple": 6}, parcels=bare), AT)
    assert [[one.tracking_no for one in see(session, one).parcels] for one in ids] == [["P1", "P2"]] * 3


def test_pieces_of_an_order_that_is_complete_are_never_anothers(session: Session, ids: list[int]) -> None:
    book_confirm(session, confirm(ids[0], 1, {}, final=False, lines=(told(10001, 1),)), AT)
    with pytest.raises(Conflict, match="nothing of apple is open"):
        book_confirm(session, confirm(ids[0], 1, {}, "c2", lines=(told(10001, 1),)), AT)
    assert shipped(session, ids) == [1, 0, 0]


def test_a_short_pick_falls_on_the_newest_order_and_is_sourced_again(session: Session, ids: list[int]) -> None:
    book_confirm(session, confirm(ids[0], 1, {}, lines=(batched("apple", 4, 3, 1),)), AT)
    assert shipped(session, ids) == [1, 2, 1]
    assert sources(session, ids[2]) == [("sh", "incomplete"), ("bj", "scheduled")]
    close(session, AT)
    assert sources(session, ids[2])[1] == ("bj", "open")
    assert (counters(session, "bj", "apple"), drift(session)) == ((10, 2), [])


def test_an_order_cancelled_before_the_release_leaves_the_others_together(session: Session, ids: list[int]) -> None:
    assert cancel(session, ids[0], "buyer", "changed mind", AT) == "cancelled"
    assert (groups(session), releases(session)) == ([], [])
    assert close(session, AT) == 2
    assert groups(session) == [[f"{ids[1]}-1", f"{ids[2]}-1"]]
    assert [one[1:] for one in lines_of(session, ids[1])] == [("T2", "apple", 2), ("T3", "apple", 3)]
    assert counters(session, "sh", "apple") == (10, 5)


def test_after_the_release_all_are_stopped_and_the_rest_is_the_next_attempt(session: Session, ids: list[int]) -> None:
    send(session)
    assert [cancel(session, ids[n], "buyer", "", AT) for n in (1, 1, 2)] == ["in_fulfilment"] * 3
    assert step_states(session, "cancel_fulfilment") == ["pending"]
    book_cancel_answer(session, ids[0], 1, YES, AT)
    assert [see(session, order_id).lifecycle for order_id in ids] == ["in_fulfilment", "cancelled", "cancelled"]
    close(session, AT)
    assert sources(session, ids[0]) == [("sh", "cancelled"), ("sh", "open")]
    assert see(session, ids[0]).fulfilments[1].attempt == 2
    assert (counters(session, "sh", "apple"), drift(session)) == ((10, 1), [])


def test_two_that_stay_travel_together_again_under_a_new_number(session: Session, ids: list[int]) -> None:
    send(session)
    cancel(session, ids[0], "buyer", "", AT)
    book_cancel_answer(session, ids[0], 1, YES, AT)
    close(session, AT)
    assert groups(session) == [[f"{ids[1]}-2", f"{ids[2]}-2"]]


def test_a_refused_stop_lets_all_goods_come(session: Session, ids: list[int]) -> None:
    send(session)
    cancel(session, ids[1], "buyer", "", AT)
    book_cancel_answer(session, ids[0], 1, NO, AT)
    assert open_causes(session) == ["cancel_refused"]
    cancel(session, ids[0], "buyer", "", AT)
    cancel(session, ids[1], "buyer", "", AT)
    assert len(step_states(session, "cancel_fulfilment")) == 2
    book_confirm(session, confirm(ids[0], 1, {"apple": 6}), AT)
    assert shipped(session, ids) == [1, 2, 3]


def test_a_late_yes_is_meant_for_the_cancellation_that_was_refused(session: Session, ids: list[int]) -> None:
    send(session)
    cancel(session, ids[1], "buyer", "", AT)
    for answered in (NO, YES):
        book_cancel_answer(session, ids[0], 1, answered, AT)
    assert [see(session, order_id).lifecycle for order_id in ids] == ["in_fulfilment", "cancelled", "in_fulfilment"]
    assert len(step_states(session, "notify_change")) == 1


def test_a_stop_after_a_first_parcel_sends_the_rest_of_the_others(session: Session, ids: list[int]) -> None:
    send(session)
    book_confirm(session, confirm(ids[0], 1, {}, final=False, lines=(told(10001, 1), told(20001, 1))), AT)
    cancel(session, ids[2], "buyer", "", AT)
    book_cancel_answer(session, ids[0], 1, YES, AT)
    close(session, AT)
    assert [see(session, order_id).lifecycle for order_id in ids] == ["completed", "in_fulfilment", "cancelled"]
    assert sources(session, ids[1]) == [("sh", "cancelled"), ("sh", "open")]
    assert (counters(session, "sh", "apple"), drift(session)) == ((8, 1), [])


def test_a_rejection_sends_all_elsewhere_together(session: Session, ids: list[int]) -> None:
    for _ in range(2):
        book_report(session, rejection(ids[0], 1), AT)
    close(session, AT)
    assert groups(session) == [[f"{order_id}-2" for order_id in ids]]
    assert (counters(session, "sh", "apple"), counters(session, "bj", "apple")) == ((10, 0), (10, 6))


def test_a_location_knows_no_number_but_the_heads(session: Session, ids: list[int]) -> None:
    with pytest.raises(NotFound, match="travels in document"):
        book_confirm(session, confirm(ids[1], 1, {"apple": 2}), AT)


def test_an_earlier_confirm_that_waits_keeps_the_others_from_looking_short(session: Session, ids: list[int]) -> None:
    run(
        session,
        """insert into inbox (connection, kind, message_id, state, order_id, received_at, body, run_at, attempts,
                              error_code, error)
           values ('wms-sh', 'confirm', 'm1', 'parked', :id, :at, '', :at, 1, '', '')""",
        id=ids[0],
        at=AT,
    )
    with pytest.raises(Conflict) as caught:
        book_confirm(session, confirm(ids[0], 1, {"apple": 4}, "c2"), AT)
    assert caught.value.code == "earlier_confirm_parked"


@pytest.mark.parametrize("sent", [False, True])
def test_an_order_that_goes_elsewhere_now_leaves_its_group(session: Session, ids: list[int], sent: bool) -> None:  # noqa: FBT001 # a parameter of the test
    if sent:
        send(session)
    elsewhere = RECEIVER.model_copy(update={"phone": "10000000077"})
    change(session, ids[1], Wish(contents=Contents(receiver=elsewhere)), Author("buyer", ""), AT)
    if sent:
        book_cancel_answer(session, ids[0], 1, YES, AT)
    close(session, AT)
    last = {order_id: see(session, order_id).fulfilments[-1].code for order_id in ids}
    assert groups(session) == [[last[ids[0]], last[ids[2]]]]
    assert (counters(session, "sh", "apple"), drift(session)) == ((10, 6), [])


def test_pieces_are_cancelled_of_one_order_and_the_others_stay_whole(session: Session, ids: list[int]) -> None:
    send(session)
    change(session, ids[2], Wish(pieces={1: 1}), Author("buyer", ""), AT)
    book_cancel_answer(session, ids[0], 1, YES, AT)
    close(session, AT)
    assert groups(session) == [[f"{order_id}-2" for order_id in ids]]
    assert [one[1:] for one in lines_of(session, ids[0], 2)] == [
        ("T1", "apple", 1),
        ("T2", "apple", 2),
        ("T3", "apple", 2),
    ]


def test_the_trace_of_each_order_shows_its_group(session: Session, ids: list[int]) -> None:
    cancel(session, ids[0], "buyer", "", AT)
    waits = [one for one in trace(session, ids[1]) if one.what == "merge window"]
    close(session, AT)
    happened = [(one.what, one.told) for one in trace(session, ids[2]) if one.what in {"merge", "unmerge"}]
    assert len(waits) == 1
    assert sorted(happened) == [("merge", "place 2 of 2"), ("merge", "place 3 of 3"), ("unmerge", f"{ids[0]}-1")]


def test_a_recipient_is_kept_as_a_blind_index_and_nothing_else(session: Session, ids: list[int]) -> None:
    found = rows(session, "select order_id, key from merge_recipient order by 1")
    assert [one.order_id for one in found] == ids
    assert len({bytes(one.key) for one in found}) == 1
    assert len(bytes(found[0].key)) == INDEX_BYTES
