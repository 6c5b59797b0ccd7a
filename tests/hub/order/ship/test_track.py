from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.audience import set_audience
from hub.database import Database, rows, run
from hub.errors import NotFound
from hub.fulfilment.courier import CourierStatus, Track, TrackEvent
from hub.fulfilment.model import ConfirmedParcel, ConfirmLine
from hub.order.lock import lock_order
from hub.order.ship.progress import record_confirm
from hub.order.ship.track import Parcel, ask_silent, mark_subscribed, open_events, read_subscription, record_tracks
from tests.hub.making import AT, BRAND, confirm, line, order, placed, see, step_states, stock

MOST = 10_000
ON_WAY = (CourierStatus.COLLECTED, CourierStatus.IN_TRANSIT)
HOME = (*ON_WAY, CourierStatus.OUT_FOR_DELIVERY, CourierStatus.DELIVERED)


def track(*statuses: CourierStatus, number: str = "SF-1") -> Track:
    """Write a courier's log of one parcel, an hour between two lines; the last says how far it is."""
    events = tuple(
        TrackEvent(at=AT + timedelta(hours=hour), status=status, place="上海", text="测试网点")
        for hour, status in enumerate(statuses)
    )
    return Track(courier="SF", tracking_no=number, status=statuses[-1], events=events)


def parcel(number: str, quantity: int) -> ConfirmedParcel:
    lines = (ConfirmLine(sku="apple", quantity=quantity),)
    return ConfirmedParcel(courier_code="SF", tracking_no=number, lines=lines)


def ship(session: Session) -> int:
    """Ship an order of three apples in two parcels, SF-1 with two of them and SF-2 with one."""
    set_audience(session, {(BRAND, "couriers"): "kdniao"})
    stock(session, {"sh": {"apple": 3}})
    made = placed(session, order({"apple": 3}))
    parcels = (parcel("SF-1", 2), parcel("SF-2", 1))
    record_confirm(session, confirm(made, 1, {"apple": 3}, parcels=parcels), AT)
    return made


@pytest.fixture
def order_id(session: Session) -> int:
    return ship(session)


def state(session: Session, order_id: int) -> tuple[str, str, int]:
    seen = see(session, order_id)
    return seen.lifecycle, seen.fulfilment, seen.lines[0].delivered


def events(session: Session, order_id: int, no: int) -> list[TrackEvent]:
    found = rows(
        session, "select events from parcel_track where order_id = :id and parcel_no = :no", id=order_id, no=no
    )
    return open_events(session, Parcel(order_id, 1, no), found[0].events)


def statuses(session: Session) -> list[str]:
    return [one.status for one in rows(session, "select status from parcel_track order by parcel_no")]


def test_every_parcel_is_subscribed_to_once(session: Session, order_id: int) -> None:
    assert order_id
    assert step_states(session, "subscribe_parcel") == ["pending", "pending"]
    assert statuses(session) == ["awaited", "awaited"]


def test_a_parcel_without_a_number_cannot_be_followed(session: Session) -> None:
    set_audience(session, {(BRAND, "couriers"): "kdniao"})
    stock(session, {"sh": {"apple": 3}})
    made = placed(session, order({"apple": 3}))
    record_confirm(session, confirm(made, 1, {"apple": 3}, parcels=()), AT)
    assert step_states(session, "subscribe_parcel") == []


def test_a_brand_without_a_courier_hub_follows_nothing(session: Session) -> None:
    stock(session, {"sh": {"apple": 3}})
    record_confirm(session, confirm(placed(session, order({"apple": 3})), 1, {"apple": 3}), AT)
    assert statuses(session) == []


def test_a_subscription_tells_only_the_tail_of_the_phone(session: Session, order_id: int) -> None:
    subscription = read_subscription(session, Parcel(order_id, 1, 1))
    assert (subscription.courier, subscription.tracking_no, subscription.phone_tail) == ("SF", "SF-1", "0001")
    assert "phone" not in repr(subscription)


def test_an_unknown_parcel_is_not_found(session: Session, order_id: int) -> None:
    with pytest.raises(NotFound):
        read_subscription(session, Parcel(order_id, 1, 9))


def test_a_subscription_is_recorded(session: Session, order_id: int) -> None:
    mark_subscribed(session, Parcel(order_id, 1, 1), AT)
    found = rows(session, "select subscribed_at from parcel_track order by parcel_no")
    assert [one.subscribed_at for one in found] == [AT, None]


def test_the_order_closes_when_its_last_parcel_has_arrived(session: Session, order_id: int) -> None:
    assert record_tracks(session, "kdniao", [track(*HOME)], AT).orders == {"SF-1": order_id}
    assert state(session, order_id) == ("completed", "shipped", 2)
    record_tracks(session, "kdniao", [track(*HOME, number="SF-2")], AT)
    assert state(session, order_id) == ("closed", "delivered", 3)


def test_the_same_log_again_changes_nothing(session: Session, order_id: int) -> None:
    for _ in range(2):
        record_tracks(session, "kdniao", [track(*HOME)], AT)
    assert state(session, order_id) == ("completed", "shipped", 2)
    assert rows(session, "select version from parcel_track where parcel_no = 1")[0].version == 2


def test_a_log_without_a_new_line_may_still_say_that_all_is_other_than_before(session: Session, order_id: int) -> None:
    for status in (CourierStatus.IN_TRANSIT, CourierStatus.TROUBLE):  # no line tells of a silence that is too long
        record_tracks(session, "kdniao", [track(*ON_WAY).model_copy(update={"status": status})], AT)
        assert statuses(session)[0] == status
    for status in (CourierStatus.DELIVERED, CourierStatus.IN_TRANSIT):
        record_tracks(session, "kdniao", [track(*ON_WAY).model_copy(update={"status": status})], AT)
        assert (statuses(session)[0], state(session, order_id)[2]) == ("delivered", 2)


def test_an_older_log_after_a_newer_one_is_overlooked(session: Session, order_id: int) -> None:
    record_tracks(session, "kdniao", [track(*HOME)], AT)
    record_tracks(session, "kdniao", [track(*ON_WAY)], AT)
    assert statuses(session)[0] == "delivered"
    assert len(events(session, order_id, 1)) == len(HOME)


def test_of_one_batch_the_newest_log_counts(session: Session, order_id: int) -> None:
    assert order_id
    record_tracks(session, "kdniao", [track(*HOME), track(*ON_WAY)], AT)
    assert statuses(session) == ["delivered", "awaited"]


def test_what_has_arrived_is_not_under_way_again(session: Session, order_id: int) -> None:
    record_tracks(session, "kdniao", [track(*HOME)], AT)
    record_tracks(session, "kdniao", [track(*HOME, CourierStatus.IN_TRANSIT)], AT)
    assert (statuses(session)[0], state(session, order_id)[2]) == ("delivered", 2)


def test_a_parcel_that_went_back_did_not_arrive(session: Session, order_id: int) -> None:
    record_tracks(session, "kdniao", [track(*ON_WAY, CourierStatus.RETURNED)], AT)
    assert (statuses(session)[0], state(session, order_id)) == ("returned", ("completed", "shipped", 0))


def test_a_stranger_says_nothing_of_our_parcels(session: Session, order_id: int) -> None:
    assert record_tracks(session, "another", [track(*HOME)], AT) == ({}, [])
    assert statuses(session) == ["awaited", "awaited"]
    assert state(session, order_id)[2] == 0


def test_the_log_is_sealed(session: Session, order_id: int) -> None:
    record_tracks(session, "kdniao", [track(*HOME)], AT)
    stored = rows(session, "select events from parcel_track where parcel_no = 1")[0].events
    assert "测试网点".encode() not in bytes(stored)
    assert events(session, order_id, 1)[0].text == "测试网点"
    assert events(session, order_id, 2) == []


@pytest.mark.parametrize(("later", "asked"), [(timedelta(hours=23), 0), (timedelta(hours=25), 2)])
def test_a_courier_that_says_nothing_for_a_day_is_asked(
    session: Session, order_id: int, later: timedelta, asked: int
) -> None:
    assert order_id
    now: datetime = AT + later
    assert (ask_silent(session, now, MOST), ask_silent(session, now, MOST)) == (asked, 0)
    assert len(step_states(session, "ask_parcel")) == asked


def test_nobody_asks_for_what_has_arrived(session: Session, order_id: int) -> None:
    assert order_id
    record_tracks(session, "kdniao", [track(*HOME), track(*HOME, number="SF-2")], AT)
    assert ask_silent(session, AT + timedelta(days=9), MOST) == 0


def test_a_courier_that_is_behind_is_asked_once_it_has_caught_up(session: Session, order_id: int) -> None:
    assert order_id
    now = AT + timedelta(hours=25)
    assert ask_silent(session, now, 1) == 0  # two subscriptions are due
    run(session, "update step set state = 'done', settled_at = :at where connection = 'kdniao'", at=now)
    assert ask_silent(session, now, 1) == 2


def test_a_parcel_whose_order_somebody_has_in_hand_is_asked_for_later(database: Database) -> None:
    now = AT + timedelta(hours=25)
    with database.transaction() as session:
        busy = ship(session)
    with database.transaction() as repair, database.transaction() as session:
        lock_order(repair, busy)
        assert ask_silent(session, now, MOST) == 0
    with database.transaction() as session:
        assert ask_silent(session, now, MOST) == 2


def test_lines_count_what_was_ordered_shipped_and_delivered(session: Session, order_id: int) -> None:
    record_tracks(session, "kdniao", [track(*HOME), track(*HOME, number="SF-2")], AT)
    seen = line(session, order_id)
    assert (seen.ordered, seen.shipped, seen.delivered) == (3, 3, 3)
    assert [one.status for one in see(session, order_id).parcels] == ["delivered", "delivered"]
