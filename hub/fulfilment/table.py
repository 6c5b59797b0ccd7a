"""Tables of fulfilment: orders to a location, their lines, and the parcels that left."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text

from hub.columns import Entity, Table, document, moment, number, one_of, sealed, words
from hub.fulfilment.courier import CourierStatus, InterceptState
from hub.fulfilment.status import Execution, Negotiation

BY_ORDER: Final = {"postgresql_partition_by": "RANGE (order_id)"}


class Method(StrEnum):
    PARCEL = "parcel"
    PICKUP = "pickup"


class FulfilmentOrder(Entity, table=True):
    """One attempt to have some lines of an order shipped by one location; `code` is its number at the WMS."""

    __table_args__ = (
        one_of("execution", Execution),
        one_of("negotiation", Negotiation),
        one_of("method", Method),
        CheckConstraint("attempt >= 1", name="attempt"),
        Index("ix_fulfilment_order_location", "location", "execution"),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    code: str = words()
    location: str = words(foreign_key="location.code")
    connection: str = words()
    owner: str = words()
    method: str = words()
    courier: str = words()
    attempt: int = number()
    replaces_no: int | None = number(default=None)
    decision_no: int = number()
    execution: str = words()
    negotiation: str = words()
    partner_id: str = words(default="")
    reason: str = words(default="")


class FulfilmentLine(Table, table=True):
    """Pieces of an order line that a location has reserved: open = quantity − shipped − released."""

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("shipped >= 0 and released >= 0 and shipped + released <= quantity", name="counters"),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    line_no: int = number(primary_key=True)
    sku: str = words()
    quantity: int = number()
    shipped: int = number(default=0)
    released: int = number(default=0)


class Shipment(Entity, table=True):
    """What a location said it has handed over, once per message of its own (`confirm_key`)."""

    __table_args__ = (
        UniqueConstraint("order_id", "fulfilment_no", "confirm_key"),
        Index("ix_shipment_created", "created_at", postgresql_using="brin"),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    fulfilment_no: int = number()
    confirm_key: str = words()
    final: bool
    shipped_at: datetime = moment()


class Parcel(Table, table=True):
    """A box that left, by its waybill; one of several whose contents nobody told has no lines."""

    __table_args__ = (
        Index("ix_parcel_tracking", "tracking_no"),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    shipment_no: int = number(primary_key=True)
    no: int = number(primary_key=True)
    courier: str = words()
    tracking_no: str = words()


class ParcelLine(Table, table=True):
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    shipment_no: int = number(primary_key=True)
    parcel_no: int = number(primary_key=True)
    line_no: int = number(primary_key=True)
    quantity: int = number()


class ShippedLot(Table, table=True):
    """Of which lot pieces of a shipment's line left; that `assumed` of them did, nobody said: FEFO makes it likely.

    Enough to find, by SKU and lot, every order that got some of it.
    """

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("assumed between 0 and quantity", name="assumed"),
        Index("ix_shipped_lot_lot", "lot", "sku", "order_id"),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    shipment_no: int = number(primary_key=True)
    line_no: int = number(primary_key=True)
    lot: str = words(primary_key=True)
    sku: str = words()
    produced_on: date | None = None
    expires_on: date | None = None
    quantity: int = number()
    assumed: int = number(default=0)


class ParcelTrack(Entity, table=True):
    """How far a parcel is by its courier's word; `events` is the courier's whole log, sealed."""

    __table_args__ = (
        one_of("status", CourierStatus),
        Index("ix_parcel_track_open", "asked_at", postgresql_where=text("status not in ('delivered', 'returned')")),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    shipment_no: int = number(primary_key=True)
    parcel_no: int = number(primary_key=True)
    connection: str = words()
    status: str = words()
    status_at: datetime | None = moment(default=None)
    events: bytes | None = sealed(default=None)
    event_count: int = number(default=0)
    subscribed_at: datetime | None = moment(default=None)
    asked_at: datetime = moment()
    delivered_at: datetime | None = moment(default=None)


class ParcelIntercept(Entity, table=True):
    """What a courier was asked: to stop a parcel and bring it back; and what it said, masked.

    Of a call that was given up `code` names the error.

    `attempt` counts the askings, `instruction` is the courier's own number, `return_no` the return that was opened.
    """

    __table_args__ = (one_of("state", InterceptState), BY_ORDER)
    order_id: int = number(primary_key=True)
    shipment_no: int = number(primary_key=True)
    parcel_no: int = number(primary_key=True)
    connection: str = words()
    attempt: int = number()
    state: str = words()
    actor: str = words()
    instruction: str = words(default="")
    said: str = words(default="")
    code: str = words(default="")
    return_no: int | None = number(default=None)


class Posting(Entity, table=True):
    """What an ERP is told of a fulfilment order that has ended: its lines with their amounts, and the ERP's numbers."""

    __table_args__ = (BY_ORDER,)
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    connection: str = words()
    shipped_at: datetime = moment()
    freight: int = number()
    lines: list[dict[str, Any]] = document()
    sale_id: str = words(default="")
    sale_at: datetime | None = moment(default=None)
    issue_id: str = words(default="")
    issue_at: datetime | None = moment(default=None)


class Handover(Entity, table=True):
    """Virtual goods of an order that were handed over at once; `lines` as in a posting, whose numbers it has as well.

    `connection` is the ERP that books the sale, empty where the brand has none; no goods issue follows.
    """

    __table_args__ = (BY_ORDER,)
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    handed_at: datetime = moment()
    connection: str = words()
    freight: int = number()
    lines: list[dict[str, Any]] = document()
    sale_id: str = words(default="")
    sale_at: datetime | None = moment(default=None)
