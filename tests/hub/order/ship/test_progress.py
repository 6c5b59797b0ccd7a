from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy.orm import Session

from hub.errors import Conflict, Malformed, NotFound
from hub.fulfilment.model import ConfirmedParcel, ConfirmLine, Report
from hub.inventory.ledger import drift
from hub.order.change.cancel import cancel
from hub.order.rules.policy import POLICY
from hub.order.ship.outbound import read_shipment
from hub.order.ship.progress import record_confirm, record_report
from tests.hub.making import (
    AT,
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


@pytest.fixture
def order_id(session: Session) -> int:
    """Place an order of five apples and two pears that Shanghai has twice, Beijing once, and Guangzhou once."""
    stock(session, {"sh": {"apple": 10, "pear": 4}, "bj": {"apple": 5, "pear": 2}, "gz": {"apple": 5, "pear": 2}})
    return placed(session, order({"apple": 5, "pear": 2}))


def test_a_full_confirm_completes_the_order_and_tells_the_channel(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 5, "pear": 2}), AT)
    seen = see(session, order_id)
    assert (seen.lifecycle, seen.fulfilment, seen.fulfilments[0].execution) == ("completed", "shipped", "closed")
    assert [(one.courier, one.tracking_no) for one in seen.parcels] == [("SF", "SF-c1")]
    assert counters(session, "sh", "apple") == (5, 0)
    assert step_states(session, "notify_shipment") == ["pending"]


def test_a_partial_confirm_leaves_the_rest_open(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 2}, final=False), AT)
    assert (see(session, order_id).fulfilment, line(session, order_id).shipped) == ("partial", 2)
    assert sources(session, order_id) == [("sh", "in_progress")]
    assert counters(session, "sh", "apple") == (8, 3)


def test_two_confirms_add_up(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 2, "pear": 2}, "c1", final=False), AT)
    record_confirm(session, confirm(order_id, 1, {"apple": 3}, "c2"), AT)
    seen = see(session, order_id)
    assert (seen.lifecycle, len(seen.parcels), seen.lines[0].shipped) == ("completed", 2, 5)
    assert step_states(session, "notify_shipment") == ["pending", "waiting"]
    assert drift(session) == []


def test_the_same_confirm_again_changes_nothing(session: Session, order_id: int) -> None:
    one = confirm(order_id, 1, {"apple": 2}, final=False)
    assert [record_confirm(session, one, AT), record_confirm(session, one, AT)] == [order_id, order_id]
    assert (line(session, order_id).shipped, len(see(session, order_id).parcels)) == (2, 1)


def test_the_same_final_confirm_again_changes_nothing(session: Session, order_id: int) -> None:
    one = confirm(order_id, 1, {"apple": 5, "pear": 2})
    record_confirm(session, one, AT)
    record_confirm(session, one, AT)
    assert len(see(session, order_id).parcels) == 1


def boxed(tracking_no: str, **pieces: int) -> ConfirmedParcel:
    lines = tuple(ConfirmLine(sku=sku, quantity=quantity) for sku, quantity in pieces.items())
    return ConfirmedParcel(courier_code="SF", tracking_no=tracking_no, lines=lines)


BOXES: Final = (boxed("A", apple=2), boxed("B", apple=1, pear=2), boxed("D"))


def test_the_same_confirm_in_another_order_changes_nothing(session: Session, order_id: int) -> None:
    one = confirm(order_id, 1, {"apple": 3, "pear": 2}, parcels=BOXES, final=False)
    record_confirm(session, one, AT)
    parts = [ConfirmLine(line_ref="1", sku="apple", quantity=1), ConfirmLine(sku="apple", quantity=2)]
    record_confirm(session, one.model_copy(update={"lines": (*one.lines[::-1][:1], *parts)}), AT)
    record_confirm(session, one.model_copy(update={"parcels": BOXES[::-1]}), AT)
    record_confirm(session, one.model_copy(update={"parcels": tuple(boxed(number) for number in "DBA")}), AT)
    assert (line(session, order_id).shipped, len(see(session, order_id).parcels)) == (3, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": (ConfirmLine(sku="apple", quantity=2), ConfirmLine(sku="pear", quantity=2))},
        {"lines": (ConfirmLine(sku="apple", quantity=3),), "parcels": (boxed("A"),)},
        {"lines": (ConfirmLine(sku="apple", quantity=4), ConfirmLine(sku="pear", quantity=2))},
        {"lines": ()},
        {"parcels": (boxed("A", apple=2), boxed("C", apple=1, pear=2), boxed("D"))},
        {"parcels": (boxed("A", apple=1), boxed("B", apple=2, pear=2), boxed("D"))},
        {"parcels": BOXES[:2]},
        {"parcels": (*BOXES, boxed("E"))},
        {"parcels": (boxed("A"), boxed("B"))},
        {"parcels": ()},
        {"final": True},
    ],
)
def test_another_confirm_under_a_number_that_was_booked_is_no_repeat(
    session: Session, order_id: int, changes: dict[str, Any]
) -> None:
    one = confirm(order_id, 1, {"apple": 3, "pear": 2}, parcels=BOXES, final=False)
    record_confirm(session, one, AT)
    with pytest.raises(Conflict) as caught:
        record_confirm(session, one.model_copy(update=changes), AT)
    assert caught.value.code == "confirm_differs"
    assert (line(session, order_id).shipped, len(see(session, order_id).parcels)) == (3, 3)


def test_a_repeat_of_what_was_all_may_say_that_it_was_the_last(session: Session, order_id: int) -> None:
    one = confirm(order_id, 1, {"apple": 5, "pear": 2}, final=False)
    record_confirm(session, one, AT)
    assert record_confirm(session, one.model_copy(update={"final": True}), AT) == order_id


def test_a_repeat_of_a_confirm_of_nothing_changes_nothing(session: Session, order_id: int) -> None:
    one = confirm(order_id, 1, {"apple": 0})
    assert [record_confirm(session, one, AT), record_confirm(session, one, AT)] == [order_id, order_id]
    with pytest.raises(Conflict, match="was booked with other pieces"):
        record_confirm(session, confirm(order_id, 1, {"apple": 1}), AT)


def test_pieces_of_a_line_that_is_full_are_never_anothers(session: Session) -> None:
    stock(session, {"sh": {"fig": 9}}, "ASN-F")
    fig = order({"fig": 2}).order.lines[0]
    order_id = placed(session, order({}, lines=(fig, fig.model_copy(update={"external_line_id": "L2"}))))
    one, two = (ConfirmLine(line_ref=str(no), sku="fig", quantity=2) for no in (1, 2))
    record_confirm(session, confirm(order_id, 1, {}, lines=(one,), final=False), AT)
    with pytest.raises(Conflict, match="line 1: nothing of fig is open") as caught:
        record_confirm(session, confirm(order_id, 1, {}, "c2", lines=(one,)), AT)
    assert (caught.value.code, [one.shipped for one in see(session, order_id).lines]) == ("over_confirm", [2, 0])
    record_confirm(session, confirm(order_id, 1, {}, "c3", lines=(two,)), AT)
    assert see(session, order_id).lifecycle == "completed"


def test_what_names_no_line_of_ours_goes_where_its_goods_are_open_whatever_stands_before_it(session: Session) -> None:
    stock(session, {"sh": {"fig": 9}}, "ASN-F")
    fig = order({"fig": 2}).order.lines[0]
    order_id = placed(session, order({}, lines=(fig, fig.model_copy(update={"external_line_id": "L2"}))))
    told = [ConfirmLine(line_ref=ref, sku="fig", quantity=n) for ref, n in (("fig", 3), ("1", 1))]
    record_confirm(session, confirm(order_id, 1, {}, lines=told), AT)
    assert [one.shipped for one in see(session, order_id).lines] == [2, 2]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lines": (ConfirmLine(sku="apple", quantity=6),)}, "over_confirm"),
        ({"lines": (ConfirmLine(sku="apple", quantity=4), ConfirmLine(sku="apple", quantity=2))}, "over_confirm"),
        ({"lines": (ConfirmLine(sku="ghost", quantity=1),)}, "over_confirm"),
        ({"lines": (batched("apple", 5, 2, 2),)}, "batch_mismatch"),
        ({"parcels": (ConfirmedParcel(lines=(ConfirmLine(sku="apple", quantity=1),)),)}, "batch_mismatch"),
        ({"parcels": (ConfirmedParcel(lines=(ConfirmLine(sku="apple", quantity=9),)),)}, "batch_mismatch"),
    ],
)
def test_a_confirm_that_contradicts_the_order_books_nothing(
    session: Session, order_id: int, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(Conflict) as caught:
        record_confirm(session, confirm(order_id, 1, {"apple": 5}, **changes), AT)
    assert caught.value.code == code
    assert (line(session, order_id).shipped, see(session, order_id).parcels) == (0, ())
    assert counters(session, "sh", "apple") == (10, 5)


def test_every_waybill_is_kept_though_nobody_says_what_is_in_its_parcel(session: Session, order_id: int) -> None:
    bare = [ConfirmedParcel(courier_code="SF", tracking_no=number) for number in ("A", "B", "A", "")]
    record_confirm(session, confirm(order_id, 1, {"apple": 2}, parcels=bare, final=False), AT)
    of_pear = ConfirmedParcel(courier_code="SF", tracking_no="C", lines=(ConfirmLine(sku="pear", quantity=1),))
    last = confirm(order_id, 1, {"pear": 1}, "c2", parcels=(of_pear, bare[1]), final=False)
    record_confirm(session, last, AT)
    assert [one.tracking_no for one in see(session, order_id).parcels] == ["A", "B", "C", "B"]
    told = [[one.tracking_no for one in read_shipment(session, order_id, no).parcels] for no in (1, 2)]
    assert told == [["A"], ["C"]]


def test_batches_that_add_up_are_booked(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {}, lines=(batched("apple", 5, 2, 3),), final=False), AT)
    assert line(session, order_id).shipped == 5


def test_pieces_below_zero_cannot_be_said() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        batched("apple", -1)
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        batched("apple", 1, 2, -1)


def test_a_rejection_goes_elsewhere_and_bars_the_location(session: Session, order_id: int) -> None:
    for no in (1, 2):
        record_report(session, rejection(order_id, no), AT)
    assert sources(session, order_id) == [("sh", "cancelled"), ("bj", "cancelled"), ("gz", "open")]
    assert [one.attempt for one in see(session, order_id).fulfilments] == [1, 2, 3]
    assert (counters(session, "sh", "apple"), counters(session, "gz", "apple")) == ((10, 0), (5, 5))


def test_a_rejection_by_all_is_a_stock_hold_and_a_case(session: Session, order_id: int) -> None:
    for no in (1, 2, 3):
        record_report(session, rejection(order_id, no), AT)
    assert [hold.type for hold in see(session, order_id).holds] == ["stock"]
    assert (open_causes(session), line(session, order_id).allocated) == (["stock"], 0)
    assert drift(session) == []


def test_the_same_rejection_again_changes_nothing(session: Session, order_id: int) -> None:
    record_report(session, rejection(order_id, 1), AT)
    record_report(session, rejection(order_id, 1), AT)
    assert len(sources(session, order_id)) == 2


def test_what_a_location_could_not_ship_comes_from_another(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 2}), AT)
    assert sources(session, order_id) == [("sh", "incomplete"), ("bj", "open")]
    record_confirm(session, confirm(order_id, 2, {"apple": 2}), AT)
    assert (see(session, order_id).lifecycle, line(session, order_id).shipped) == ("completed", 5)
    assert (counters(session, "sh", "apple"), counters(session, "bj", "apple")) == ((7, 0), (3, 0))


def test_a_final_confirm_of_nothing_sends_all_elsewhere(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 0}), AT)
    assert sources(session, order_id) == [("sh", "incomplete"), ("bj", "open")]
    assert (see(session, order_id).parcels, step_states(session, "notify_shipment")) == ((), [])


def test_a_confirm_after_the_cancellation_is_refused(session: Session, order_id: int) -> None:
    cancel(session, order_id, "operator-1", "changed mind", AT)
    with pytest.raises(Conflict, match="has ended as cancelled"):
        record_confirm(session, confirm(order_id, 1, {"apple": 5}), AT)
    assert counters(session, "sh", "apple") == (10, 0)


def test_a_rejection_after_the_goods_left_is_refused(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 5, "pear": 2}), AT)
    with pytest.raises(Conflict, match="has ended as closed"):
        record_report(session, rejection(order_id, 1), AT)


def test_a_rejection_of_the_rest_keeps_what_has_left(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 5}, final=False), AT)
    record_report(session, rejection(order_id, 1), AT)
    assert (sources(session, order_id)[1], line(session, order_id).shipped) == (("bj", "open"), 5)
    assert (counters(session, "bj", "apple"), counters(session, "bj", "pear")) == ((5, 0), (2, 2))


def test_progress_makes_a_document_accepted_and_never_undoes_more(session: Session, order_id: int) -> None:
    report = Report(code=f"{order_id}-1", status="progress")
    record_report(session, report, AT)
    assert see(session, order_id).fulfilments[0].negotiation == "accepted"
    record_confirm(session, confirm(order_id, 1, {"apple": 5, "pear": 2}), AT)
    record_report(session, report, AT)
    assert sources(session, order_id) == [("sh", "closed")]


def test_the_time_that_the_location_states_is_the_time_of_shipping(session: Session, order_id: int) -> None:
    earlier = AT - timedelta(hours=3)
    record_confirm(session, confirm(order_id, 1, {"apple": 5}, confirmed_at=earlier), AT)
    assert see(session, order_id).parcels[0].shipped_at == earlier


@pytest.mark.parametrize("code", ["", "x", "-", "1-", "-1", "1-2-3", "٣-1", "9" * 25, "12.5-1"])
def test_a_number_that_is_none_of_ours_is_malformed(session: Session, code: str) -> None:
    with pytest.raises(Malformed, match="not a number of ours"):
        record_report(session, Report(code=code, status="accepted"), AT)


@pytest.mark.parametrize("code", ["2611000000000000-1", "9999999999999999999999-1", "0-0"])
def test_a_number_of_nothing_is_not_found(session: Session, code: str) -> None:
    with pytest.raises(NotFound):
        record_report(session, Report(code=code, status="accepted"), AT)


def test_after_some_tries_a_person_decides_where_the_pieces_go(session: Session) -> None:
    stock(session, {place: {"fig": 2} for place in ("sh", "bj", "gz")}, "ASN-F")
    order_id = placed(session, order({"fig": 2}, "T-fig"))
    for no in (1, 2):
        record_report(session, rejection(order_id, no), AT, replace(POLICY, tries=2))
    seen = see(session, order_id)
    assert ([one.rule for one in seen.holds], len(seen.fulfilments)) == (["reroute_tries"], 2)
    assert open_causes(session) == ["reroute_tries"]
