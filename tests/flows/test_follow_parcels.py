from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import pytest
from sqlalchemy.orm import Session

from connectors.registry import Registry
from flows.follow_parcels import ReceiveTracks
from hub.audience import set_audience
from hub.database import rows
from hub.errors import Malformed
from hub.fulfilment.courier import CourierStatus, Subscription, Track, TrackEvent
from hub.inbox import Message, claim, keep, read
from hub.order.ship.progress import record_confirm
from hub.settings import Connection, Settings
from tests.hub.making import AT, BRAND, confirm, open_causes, order, placed, see, stock


@final
@dataclass
class FakeTracker:
    """Reads "number status" as a parcel's log; `!` cannot be read."""

    subscribed: list[str] = field(default_factory=list[str])

    def send_subscription(self, subscription: Subscription) -> None:
        self.subscribed.append(subscription.tracking_no)

    def fetch_track(self, subscription: Subscription) -> Track | None:  # noqa: ARG002 # the port's shape
        return None

    def read_tracks(self, body: bytes) -> Sequence[Track]:
        if body == b"!":
            raise Malformed("no log")
        return [_log(*line.split()) for line in body.decode().splitlines()]


def _log(number: str, status: str) -> Track:
    event = TrackEvent(at=AT, status=CourierStatus(status))
    return Track(courier="SF", tracking_no=number, status=CourierStatus(status), events=(event,))


@pytest.fixture
def taker(monkeypatch: pytest.MonkeyPatch) -> ReceiveTracks:
    registry = Registry(Settings(connections={"kdniao": Connection(kind="couriers.x", brand="demo")}))
    monkeypatch.setattr(registry, "get", _tracker)
    return ReceiveTracks(registry, Settings())


def _tracker(_connection: str) -> object:
    return FakeTracker()


@pytest.fixture
def order_id(session: Session) -> int:
    set_audience(session, {(BRAND, "couriers"): "kdniao"})
    stock(session, {"sh": {"apple": 5}})
    made = placed(session, order({"apple": 5}))
    record_confirm(session, confirm(made, 1, {"apple": 5}), AT)
    return made


def take(session: Session, taker: ReceiveTracks, *bodies: bytes) -> list[Message]:
    ids = [keep(session, "kdniao", "track", str(no), body, AT)[0] for no, body in enumerate(bodies)]
    taker.handle(session, claim(session, taker.kinds, taker.batch, AT), AT)
    return [read(session, inbox_id) for inbox_id in ids]


def test_a_push_closes_the_order_whose_parcel_has_arrived(
    session: Session, taker: ReceiveTracks, order_id: int
) -> None:
    (message,) = take(session, taker, b"SF-c1 delivered")
    assert (message.state, message.order_id) == ("done", order_id)
    assert see(session, order_id).lifecycle == "closed"


def test_a_push_that_cannot_be_read_is_a_case_and_harms_no_other(
    session: Session, taker: ReceiveTracks, order_id: int
) -> None:
    messages = take(session, taker, b"!", b"SF-c1 in_transit")
    assert [one.state for one in messages] == ["parked", "done"]
    assert open_causes(session) == ["malformed"]
    assert rows(session, "select status from parcel_track where order_id = :id", id=order_id)[0].status == "in_transit"


def test_a_push_of_a_parcel_that_is_not_ours_is_a_case(session: Session, taker: ReceiveTracks, order_id: int) -> None:
    assert order_id
    (message,) = take(session, taker, b"SF-other delivered")
    assert (message.state, message.error_code, open_causes(session)) == (
        "parked",
        "unknown_document",
        ["unknown_document"],
    )


def test_of_a_push_with_a_stranger_in_it_our_own_counts(session: Session, taker: ReceiveTracks, order_id: int) -> None:
    (message,) = take(session, taker, b"SF-other delivered\nSF-c1 delivered")
    assert (message.state, message.order_id, open_causes(session)) == ("done", order_id, [])


def test_a_push_that_names_no_parcel_is_done(session: Session, taker: ReceiveTracks) -> None:
    (message,) = take(session, taker, b"")
    assert (message.state, open_causes(session)) == ("done", [])
