"""What couriers say of a parcel, in one vocabulary for all of them."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from hub.document import Document, Moment, Text
from hub.fulfilment.model import Party


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


class InterceptState(StrEnum):
    """How far the stopping of a parcel is: `unknown` where nobody heard what its courier made of it."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    BACK = "back"


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


class InterceptWish(Document):
    """A parcel that has left and is to be brought back to a location, whose contact is personal data."""

    key: str
    courier: str
    tracking_no: str
    back_to: Party = Field(repr=False)


class InterceptAnswer(Document):
    """Whether a courier brings a parcel back: its number for that, or its own words why not, which may name people."""

    accepted: bool
    instruction: Annotated[Text, Field(max_length=64)] = ""
    words: Text = ""
