"""What couriers say of an order's parcels: subscribe to each, keep its log, close the order when all have arrived."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audience import audience_of
from hub.audit import record
from hub.cases import NewCase, open_cases, resolve
from hub.database import keyring_of, row, rows, run
from hub.errors import NotFound
from hub.fulfilment.courier import CourierStatus, InterceptState, Subscription, Track, TrackEvent
from hub.load import behind
from hub.order.advance import advance
from hub.order.counters import mark_delivered
from hub.order.lock import Locked, lock_order
from hub.order.place.record import phone_tail, place_of
from hub.steps import NewStep, add
from hub.subject import open_key

SUBSCRIBE: Final = "subscribe_parcel"
ASK: Final = "ask_parcel"
REFUSED: Final = "intercept_refused"
"""The case of a parcel that its courier does not bring back."""

ARRIVED: Final = frozenset({CourierStatus.DELIVERED, CourierStatus.RETURNED})

LONGEST: Final = timedelta(days=30)
"""A parcel that is silent for so long is lost, and no courier keeps its log."""

OPEN_LANES: Final = """select distinct lane from step where lane = any(:lanes)
                       and state in ('waiting', 'pending', 'in_flight', 'unknown', 'dead')"""

NEVER: Final = datetime.min.replace(tzinfo=UTC)

SILENCE: Final = timedelta(hours=24)
"""After so long without a word the courier is asked."""


class Parcel(NamedTuple):
    """A parcel by its place in its order."""

    order_id: int
    shipment_no: int
    no: int

    @property
    def code(self) -> str:
        return f"{self.order_id}-{self.shipment_no}-{self.no}"

    @property
    def subject(self) -> Mapping[str, int]:
        return self._asdict()

    @property
    def events_place(self) -> str:
        """Name where the courier's log belongs, for its seal."""
        return f"parcel_track|events|{self.code}"


class Heard(NamedTuple):
    """What news brought: one order by each tracking number known here, and parcels that came back unpromised.

    Nobody had wanted those stopped, as where who was to receive one did not take it; or their courier had not agreed:
    it had refused, or not answered yet.
    """

    orders: Mapping[str, int]
    back: Sequence[Parcel]


def follow(session: Session, order: Locked, shipment_no: int, at: datetime) -> None:
    """Have the courier's news of a shipment's parcels sent to us; one without a tracking number cannot be followed."""
    connection = audience_of(session, order.brand).courier
    if not connection:
        return
    found = rows(
        session,
        """insert into parcel_track (brand, version, created_at, updated_at, order_id, shipment_no, parcel_no,
                                     connection, status, event_count, asked_at)
           select :brand, 1, :at, :at, order_id, shipment_no, no, :connection, 'awaited', 0, :at from parcel
           where order_id = :id and shipment_no = :no and tracking_no <> '' order by no
           returning parcel_no""",
        brand=order.brand,
        at=at,
        connection=connection,
        id=order.id,
        no=shipment_no,
    )
    parcels = [Parcel(order.id, shipment_no, one.parcel_no) for one in found]
    add(session, [_step(SUBSCRIBE, one, connection, one.code) for one in parcels], at, fresh_lanes=True)


def read_subscription(session: Session, parcel: Parcel) -> Subscription:
    """Gather what a courier is asked by; of the receiver only the last four digits of the phone.

    Raises: NotFound.
    """
    found = row(
        session,
        """select p.courier, p.tracking_no, s.shipped_at, o.subject_id, o.receiver_phone
           from parcel p join shipment s on (s.order_id, s.no) = (p.order_id, p.shipment_no)
                join sales_order o on o.id = p.order_id
           where (p.order_id, p.shipment_no, p.no) = (:order_id, :shipment_no, :no)""",
        **parcel.subject,
    )
    if found is None:
        raise NotFound(f"there is no parcel {parcel.code}", code="unknown_document")
    key = open_key(session, found.subject_id)
    phone = key.open(bytes(found.receiver_phone), place_of("receiver_phone", parcel.order_id)) if key else ""
    return Subscription(
        key=f"track:{parcel.code}",
        courier=found.courier,
        tracking_no=found.tracking_no,
        phone_tail=phone_tail(phone),
        shipped_at=found.shipped_at,
    )


def mark_subscribed(session: Session, parcel: Parcel, at: datetime) -> None:
    """Record that the courier will send news."""
    run(
        session,
        """update parcel_track set subscribed_at = :at, updated_at = :at, version = version + 1
           where (order_id, shipment_no, parcel_no) = (:order_id, :shipment_no, :no)""",
        at=at,
        **parcel.subject,
    )


def record_tracks(session: Session, connection: str, tracks: Sequence[Track], at: datetime) -> Heard:
    """Keep what a courier says of parcels that it follows for us.

    The same log again, or an older one after a newer, changes nothing. Orders are locked in the order of their ids, so
    two batches never wait in a circle.
    """
    newest: dict[str, Track] = {}
    for track in tracks:
        known = newest.get(track.tracking_no)
        if known is None or _age(track) >= _age(known):
            newest[track.tracking_no] = track
    found = rows(
        session,
        """select p.order_id, p.shipment_no, p.no, p.tracking_no
           from parcel p join parcel_track t on (t.order_id, t.shipment_no, t.parcel_no)
                                              = (p.order_id, p.shipment_no, p.no)
           where p.tracking_no = any(:numbers) and t.connection = :connection order by 1, 2, 3""",
        numbers=sorted(newest),
        connection=connection,
    )
    parcels = [(Parcel(one.order_id, one.shipment_no, one.no), newest[one.tracking_no]) for one in found]
    back = [parcel for parcel, track in parcels if _record(session, parcel, track, at)]
    return Heard({one.tracking_no: one.order_id for one in found}, back)


def ask_silent(session: Session, at: datetime, most: int, limit: int = 500) -> int:
    """Ask couriers for parcels that nothing was heard of for a day; give how many.

    Asking is optional: a courier that is behind, with more than `most` calls due or its breaker open, is asked later,
    and so is what somebody has in hand: an order is locked, for else its lanes could get two calls at once.
    """
    found = rows(
        session,
        """update parcel_track t set asked_at = :at from (
               select t.order_id, t.shipment_no, t.parcel_no from parcel_track t join sales_order o on o.id = t.order_id
               where t.status not in ('delivered', 'returned') and t.asked_at < :before and t.created_at > :oldest
                 and t.connection <> all(:behind)
               order by t.asked_at limit :limit for update skip locked) silent
           where (t.order_id, t.shipment_no, t.parcel_no) = (silent.order_id, silent.shipment_no, silent.parcel_no)
           returning t.order_id, t.shipment_no, t.parcel_no, t.connection""",
        at=at,
        before=at - SILENCE,
        oldest=at - LONGEST,
        limit=limit,
        behind=behind(session, at, most),
    )
    hour = f"{at:%Y%m%d%H}"
    asked = [(Parcel(one.order_id, one.shipment_no, one.parcel_no), one.connection) for one in sorted(found)]
    new = [_step(ASK, one, connection, f"{one.code}:{hour}") for one, connection in asked]
    waiting = rows(session, OPEN_LANES, lanes=[step.lane for step in new])
    taken = {one.lane for one in waiting}  # a question that is still open is not asked again
    add(session, [step for step in new if step.lane not in taken], at)
    return len(asked)


def open_events(session: Session, parcel: Parcel, sealed: bytes | None) -> list[TrackEvent]:
    """Open a courier's log of a parcel, oldest first; what it says may name people."""
    if sealed is None:
        return []
    opened = keyring_of(session).open_body(bytes(sealed), parcel.events_place)
    return [TrackEvent.model_validate(one) for one in json.loads(opened)]


def call_for_delivered(session: Session, order: Locked, parcel: Parcel, tracking_no: str, at: datetime) -> None:
    """Have a person look at a parcel that its courier has agreed to bring back, and has delivered."""
    told = f"{tracking_no}: delivered, though it was to be brought back"
    case = NewCase(REFUSED, f"parcel:{parcel.code}", order.brand, told, order.id, {"subject": str(order.id)})
    open_cases(session, [case], at)


def _record(session: Session, parcel: Parcel, track: Track, at: datetime) -> bool:
    """Keep a parcel's log; True when it is back, and its courier had not agreed to bring it."""
    order = lock_order(session, parcel.order_id)
    known = row(
        session,
        """select status, status_at, event_count, coalesce((
                      select state from parcel_intercept i
                      where (i.order_id, i.shipment_no, i.parcel_no) = (:order_id, :shipment_no, :no)), '') as stopping
           from parcel_track
           where (order_id, shipment_no, parcel_no) = (:order_id, :shipment_no, :no) for update""",
        **parcel.subject,
    )
    if known is None or not _is_news(known, track):
        return False
    was, status = CourierStatus(known.status), _status_since(known, track)
    events = json.dumps([one.model_dump(mode="json") for one in track.events], ensure_ascii=False).encode()
    run(
        session,
        """update parcel_track set status = :status, status_at = :status_at, events = :events, event_count = :count,
                                   asked_at = :at, updated_at = :at, version = version + 1,
                                   delivered_at = case when :status = 'delivered'
                                                       then coalesce(delivered_at, :status_at) else delivered_at end
           where (order_id, shipment_no, parcel_no) = (:order_id, :shipment_no, :no)""",
        status=status,
        status_at=_age(track)[0] if track.events else at,
        events=keyring_of(session).seal_body(events, parcel.events_place),
        count=len(track.events),
        at=at,
        **parcel.subject,
    )
    came_back = status is CourierStatus.RETURNED and was is not CourierStatus.RETURNED
    if came_back and known.stopping:
        _mark_back(session, order, parcel, at)
    if status is CourierStatus.DELIVERED and was not in ARRIVED:
        mark_delivered(session, parcel.order_id, parcel.shipment_no, parcel.no)
        record(session, at, "courier", "parcel.delivered", f"order:{order.id}", parcel=parcel.code)
        if known.stopping == InterceptState.ACCEPTED:
            call_for_delivered(session, order, parcel, track.tracking_no, at)
        advance(session, order.id, at)
    return came_back and known.stopping != InterceptState.ACCEPTED


def _mark_back(session: Session, order: Locked, parcel: Parcel, at: datetime) -> None:
    """Note that a parcel is back that its courier was asked to bring back, whatever it has answered."""
    run(
        session,
        """update parcel_intercept set state = 'back', updated_at = :at, version = version + 1
           where (order_id, shipment_no, parcel_no) = (:order_id, :shipment_no, :no)""",
        at=at,
        **parcel.subject,
    )
    resolve(session, f"parcel:{parcel.code}", at, "courier", "it is back", REFUSED)
    record(session, at, "courier", "intercept.back", f"order:{order.id}", parcel=parcel.code)


def _status_since(known: Row[Any], track: Track) -> CourierStatus:
    """Say how far a parcel is by a log: what has arrived is not under way again, but it may still go back."""
    was = CourierStatus(known.status)
    return was if was in ARRIVED and track.status is not CourierStatus.RETURNED else track.status


def _is_news(known: Row[Any], track: Track) -> bool:
    """Say whether a log says more than what is known: a later last line, more lines, or of the same another status.

    That a parcel is late, or nobody hears of it, stands in no line.
    """
    if not known.event_count:
        return bool(track.events) or track.status != known.status
    age = (known.status_at, known.event_count)
    return _age(track) > age or (_age(track) == age and _status_since(known, track) != known.status)


def _age(track: Track) -> tuple[datetime, int]:
    """Order logs of one parcel: by their last line, then by their length."""
    return max((one.at for one in track.events), default=NEVER), len(track.events)


def _step(flow: str, parcel: Parcel, connection: str, key: str) -> NewStep:
    entity = "parcel" if flow == SUBSCRIBE else "parcel-news"  # a subscription that is refused must not stop the asking
    lane = f"{entity}:{parcel.code}:{connection}"
    return NewStep(flow, lane, connection, f"{flow}:{key}", parcel.order_id, parcel.subject)
