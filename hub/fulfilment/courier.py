"""What couriers say of a parcel, in one vocabulary for all of them."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from hub.document import Document, Moment, Text


class CourierStatus(StrEnum):
    """How far a parcel is; `delivered` and `returned` are the ends."""

    AWAITED = "awaited"
    COLLECTED = "collected"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    READY_FOR_PICKUP = "ready_for_pickup"
    DELIVERED = "delivered"
    TROUBLE = "trouble"
    RETURNED = "returned"


class TrackEvent(Document):
    """One line of a courier's log; `text` may name people and is sealed at rest."""

    at: Moment
    status: CourierStatus
    place: Text = ""
    text: Text = ""


class Track(Document):
    """All that a courier has said of a parcel so far, oldest first: the full list every time."""

    courier: Text
    tracking_no: Annotated[Text, Field(min_length=1, max_length=64)]
    status: CourierStatus
    events: tuple[TrackEvent, ...] = ()


class Subscription(Document):
    """A parcel whose news we want; `phone_tail` is what some couriers want as proof, empty when it is not known."""

    key: str
    courier: str
    tracking_no: str
    phone_tail: str = Field(default="", repr=False)
    shipped_at: AwareDatetime
