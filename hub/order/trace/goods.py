"""The goods in an order's trace: which location ships what, how far its parcels are, and what the ERP has booked."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.database import records
from hub.document import Document
from hub.fulfilment.courier import TrackEvent
from hub.masking import mask
from hub.order.ship.track import Parcel, open_events


class TracedGoods(Document):
    """Pieces of one line in a fulfilment order or a parcel."""

    line_no: int
    sku: str
    title: str
    quantity: int
    shipped: int = 0
    released: int = 0


class TracedTrack(Document):
    """How far a parcel is by its courier's word, the latest first; names and phones in it are masked."""

    connection: str
    status: str
    status_at: datetime | None
    subscribed_at: datetime | None
    delivered_at: datetime | None
    events: tuple[TrackEvent, ...]


class TracedIntercept(Document):
    """What became of stopping a parcel: its courier was asked over `connection`, and `said` something of it, masked.

    The `code` is of the error for which the asking was given up.
    """

    connection: str
    attempt: int
    state: str
    actor: str
    instruction: str
    said: str
    code: str
    return_no: int | None
    updated_at: datetime


class TracedParcel(Document):
    no: int
    courier: str
    tracking_no: str
    goods: tuple[TracedGoods, ...]
    track: TracedTrack | None
    intercept: TracedIntercept | None


class TracedLot(Document):
    """Pieces of a shipment that are of one lot; that `assumed` of them are, nobody said."""

    line_no: int
    sku: str
    lot: str
    produced_on: date | None
    expires_on: date | None
    quantity: int
    assumed: int


class TracedShipment(Document):
    no: int
    confirm_key: str
    final: bool
    shipped_at: datetime
    parcels: tuple[TracedParcel, ...]
    lots: tuple[TracedLot, ...]


class TracedPosting(Document):
    """What an ERP has booked of a fulfilment order, in minor units."""

    connection: str
    shipped_at: datetime
    freight: int
    lines: tuple[dict[str, Any], ...]
    sale_id: str
    sale_at: datetime | None
    issue_id: str
    issue_at: datetime | None


class TracedFulfilment(Document):
    """One attempt of one location."""

    no: int
    code: str
    location: str
    name_zh: str
    name_en: str
    connection: str
    courier: str
    method: str
    attempt: int
    replaces_no: int | None
    decision_no: int
    execution: str
    negotiation: str
    partner_id: str
    reason: str
    created_at: datetime
    updated_at: datetime
    goods: tuple[TracedGoods, ...]
    shipments: tuple[TracedShipment, ...]
    posting: TracedPosting | None


FULFILMENTS: Final = """
    select f.no, f.code, f.location, l.name_zh, l.name_en, f.connection, f.courier, f.method, f.attempt, f.replaces_no,
           f.decision_no, f.execution, f.negotiation, f.partner_id, f.reason, f.created_at, f.updated_at
    from fulfilment_order f join location l on l.code = f.location where f.order_id = :id order by f.no"""
GOODS: Final = """
    select f.no as of, f.line_no, f.sku, l.title, f.quantity, f.shipped, f.released
    from fulfilment_line f join order_line l on (l.order_id, l.line_no) = (f.order_id, f.line_no)
    where f.order_id = :id order by f.no, f.line_no"""
SHIPMENTS: Final = """
    select fulfilment_no as of, no, confirm_key, final, shipped_at from shipment where order_id = :id order by no"""
PARCELS: Final = """
    select shipment_no as of, no, courier, tracking_no from parcel where order_id = :id order by shipment_no, no"""
PACKED: Final = """
    select p.shipment_no, p.parcel_no, p.line_no, l.sku, l.title, p.quantity
    from parcel_line p join order_line l on (l.order_id, l.line_no) = (p.order_id, p.line_no)
    where p.order_id = :id order by 1, 2, 3"""
LOTS: Final = """
    select shipment_no as of, line_no, sku, lot, produced_on, expires_on, quantity, assumed
    from shipped_lot where order_id = :id order by 1, 2, expires_on nulls last, lot"""
TRACKS: Final = """
    select shipment_no, parcel_no, connection, status, status_at, subscribed_at, delivered_at, events
    from parcel_track where order_id = :id"""
INTERCEPTS: Final = """
    select shipment_no, parcel_no, connection, attempt, state, actor, instruction, said, code, return_no,
           updated_at
    from parcel_intercept where order_id = :id"""
POSTINGS: Final = """
    select no as of, connection, shipped_at, freight, lines, sale_id, sale_at, issue_id, issue_at
    from posting where order_id = :id"""


def trace_goods(session: Session, order_id: int, also: Sequence[str] = ()) -> list[TracedFulfilment]:
    """Give an order's fulfilment orders with all that hangs on them; `also` are values known to be personal."""
    goods = _by(records(session, GOODS, id=order_id), "of")
    shipments = _by(_shipments(session, order_id, also), "of")
    postings = _by(records(session, POSTINGS, id=order_id), "of")
    return [
        TracedFulfilment.model_validate(
            one
            | {
                "goods": goods.get((one["no"],), ()),
                "shipments": shipments.get((one["no"],), ()),
                "posting": next(iter(postings.get((one["no"],), ())), None),
            }
        )
        for one in records(session, FULFILMENTS, id=order_id)
    ]


def _shipments(session: Session, order_id: int, also: Sequence[str]) -> list[dict[str, Any]]:
    packed = _by(records(session, PACKED, id=order_id), "shipment_no", "parcel_no")
    tracks = _by(records(session, TRACKS, id=order_id), "shipment_no", "parcel_no")
    stopped = _by(records(session, INTERCEPTS, id=order_id), "shipment_no", "parcel_no")
    parcels = records(session, PARCELS, id=order_id)
    for parcel in parcels:
        place = (parcel["of"], parcel["no"])
        parcel["goods"] = packed.get(place, ())
        parcel["intercept"] = next(iter(stopped.get(place, ())), None)
        track = next(iter(tracks.get(place, ())), None)
        told = open_events(session, Parcel(order_id, *place), track["events"]) if track else []
        parcel["track"] = track and {**track, "events": _shown(told, also)}
    held, lots = _by(parcels, "of"), _by(records(session, LOTS, id=order_id), "of")
    return [
        one | {"parcels": held.get((one["no"],), ()), "lots": lots.get((one["no"],), ())}
        for one in records(session, SHIPMENTS, id=order_id)
    ]


def _shown(told: Sequence[TrackEvent], also: Sequence[str]) -> list[TrackEvent]:
    """Give a courier's log, the latest first, with whom it names masked."""
    shown = [one.model_copy(update={"text": mask(one.text, also), "place": mask(one.place, also)}) for one in told]
    return sorted(shown, key=lambda one: one.at, reverse=True)


def _by(found: Sequence[dict[str, Any]], *names: str) -> Mapping[tuple[int, ...], list[dict[str, Any]]]:
    """Group records by some of their columns, which are taken out of them."""
    groups = defaultdict[tuple[int, ...], list[dict[str, Any]]](list)
    for one in found:
        place = tuple(one[name] for name in names)
        rest = {name: value for name, value in one.items() if name not in names}
        groups[place].append(rest)
    return groups
