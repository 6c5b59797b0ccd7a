from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.audience import set_audience
from hub.database import run
from hub.fulfilment.courier import CourierStatus, Track, TrackEvent
from hub.fulfilment.model import Batch, ConfirmLine
from hub.order.reveal import personal_values
from hub.order.ship.progress import record_confirm, record_report
from hub.order.ship.track import record_tracks
from hub.order.trace.goods import trace_goods
from hub.order.trace.routing import trace_routing
from hub.order.trace.timeline import trace
from hub.roles import SYSTEM
from tests.hub.inventory.lotted import DAYS, tell
from tests.hub.making import AT, BRAND, RECEIVER, add_location, confirm, order, placed, rejection, stock


@pytest.fixture
def order_id(session: Session) -> int:
    """Ship two apples from Shanghai, and have the courier say twice how far they are."""
    set_audience(session, {(BRAND, "couriers"): "kdniao"})
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}, "gz": {"apple": 1}})
    made = placed(session, order({"apple": 2}))
    record_confirm(session, confirm(made, 1, {"apple": 2}), AT)
    told = f"已签收,签收人：{RECEIVER.name}，电话{RECEIVER.phone}，{RECEIVER.street}"
    events = (
        TrackEvent(at=AT, status=CourierStatus.COLLECTED, place="上海市", text="已揽收"),
        TrackEvent(at=AT + timedelta(hours=3), status=CourierStatus.DELIVERED, place="上海市", text=told),
    )
    track = Track(courier="SF", tracking_no="SF-c1", status=CourierStatus.DELIVERED, events=events)
    record_tracks(session, "kdniao", [track], AT)
    return made


def test_a_fulfilment_order_holds_its_goods_parcels_and_the_couriers_word(session: Session, order_id: int) -> None:
    only = trace_goods(session, order_id)[0]
    parcel = only.shipments[0].parcels[0]
    assert (only.location, only.execution, only.goods[0].shipped) == ("sh", "closed", 2)
    assert (parcel.tracking_no, parcel.goods[0].quantity) == ("SF-c1", 2)
    assert parcel.track
    assert (parcel.track.status, [one.status for one in parcel.track.events]) == (
        "delivered",
        ["delivered", "collected"],
    )


def test_a_shipment_names_the_lots_it_is_of_and_which_of_them_are_assumed(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    tell(session, "count", {"A": 2, "B": 3}, -1)
    made = placed(session, order({"apple": 4}))
    lines = (ConfirmLine(sku="apple", quantity=4, batches=(Batch(batch_code="B", quantity=1), Batch(quantity=3))),)
    record_confirm(session, confirm(made, 1, {}, lines=lines), AT)
    (shipment,) = trace_goods(session, made)[0].shipments
    assert [(one.lot, one.quantity, one.assumed, one.expires_on) for one in shipment.lots] == [
        ("A", 2, 2, DAYS["A"]),
        ("B", 2, 1, DAYS["B"]),
    ]
    (told,) = [one.why for one in trace(session, made) if one.what == "shipment"]
    assert told == "apple A × 2, apple B × 2"


def test_a_couriers_word_names_nobody(session: Session, order_id: int) -> None:
    track = trace_goods(session, order_id, personal_values(session, order_id, SYSTEM))[0].shipments[0].parcels[0].track
    assert track
    assert not [one for one in (RECEIVER.name, RECEIVER.phone, RECEIVER.street) if one in track.events[0].text]
    assert "已签收" in track.events[0].text


def test_a_second_attempt_names_the_one_it_replaces(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
    made = placed(session, order({"apple": 1}))
    record_report(session, rejection(made, 1), AT)
    first, second = trace_goods(session, made)
    assert (first.negotiation, second.attempt, second.replaces_no, second.shipments) == ("rejected", 2, 1, ())


def test_a_decision_shows_every_location_and_why_it_lost(session: Session, order_id: int) -> None:
    decision = trace_routing(session, order_id)[0]
    assert [(one.code, one.verdict) for one in decision.candidates] == [
        ("sh", "chosen"),
        ("bj", "dearer"),
        ("gz", "short"),
    ]
    chosen, dearer, short = decision.candidates
    assert chosen.parts
    assert dearer.parts
    assert chosen.parts.total == decision.cost
    assert dearer.parts.total - chosen.parts.total == dearer.lost_by > 0
    assert (dict(short.missing), short.free) == ({"apple": 1}, {"apple": 1})


def test_a_location_that_was_out_of_the_question_has_no_cost(session: Session) -> None:
    add_location(session, "bj", active=False)
    stock(session, {"sh": {"apple": 5}})
    closed = trace_routing(session, placed(session, order({"apple": 1})))[0].candidates[-1]
    assert (closed.code, closed.verdict, closed.parts) == ("bj", "closed", None)


def test_a_decision_replays_and_says_when_it_does_not(session: Session, order_id: int) -> None:
    assert trace_routing(session, order_id)[0].replays is True
    run(session, """update routing_decision set input = jsonb_set(input::jsonb, '{costs,parcel}', '1')""")
    assert trace_routing(session, order_id)[0].replays is False
    run(session, """update routing_decision set outcome = jsonb_set(outcome::jsonb, '{solver}', '"older-1"')""")
    assert trace_routing(session, order_id)[0].replays is None
