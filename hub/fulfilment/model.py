"""What hub, locations and channels say to each other of a delivery: frozen values that cross a port."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints, computed_field

from hub.document import Document, Moment, Text
from hub.inventory.counted import LONGEST


class Party(Document):
    """Who sends or receives a parcel: personal data. `token` stands for what a platform shows masked (OAID)."""

    name: str
    phone: str
    province: str
    city: str
    county: str
    town: str = ""
    street: str
    postcode: str = ""
    token: str = ""


class DeliveryLine(Document):
    """Pieces of a line: all of them, or where `lot` names what they are to be of a `part` of the line (1, 2, …)."""

    line_no: int
    source_order_code: str
    sku: str
    title: str
    quantity: int
    unit_price: int
    part: int = 0
    lot: str = ""
    produced_on: date | None = None
    expires_on: date | None = None

    @computed_field
    @property
    def ref(self) -> str:
        """Name it within its delivery; a partner repeats this of what has left."""
        return f"{self.line_no}-{self.part}" if self.part else str(self.line_no)


class Delivery(Document):
    """What a location is asked to ship; money in minor units. `code` is unique for ever: one document an attempt."""

    code: str
    attempt: int
    order_type: str
    warehouse_code: str
    owner_code: str
    created_at: AwareDatetime
    placed_at: AwareDatetime
    paid_at: AwareDatetime | None
    operated_at: AwareDatetime
    shop_name: str
    buyer_nick: str
    courier_code: str
    platform_code: str
    total: int
    goods: int
    discount: int
    freight: int
    sender: Party
    receiver: Party
    remark: str
    lines: tuple[DeliveryLine, ...]


class Accepted(Document):
    """The partner has taken a document over, under its own number."""

    partner_id: Text


class CancelWish(Document):
    """A document that should not be shipped after all."""

    code: str
    warehouse_code: str
    owner_code: str
    order_type: str


class CancelAnswer(Document):
    """Whether the partner stops it; `reason` in the partner's words."""

    stopped: bool
    reason: Text = ""


class Batch(Document):
    """Some of a line's pieces that a location tells apart; not all that it tells apart are of a lot."""

    batch_code: Annotated[Text, StringConstraints(strip_whitespace=True, max_length=LONGEST)] = ""
    quantity: int = Field(ge=0)
    produced_on: date | None = None
    expires_on: date | None = None

    @property
    def lot(self) -> str:
        """Name the lot; one without a code is known by its expiry, and "" is none."""
        return self.batch_code or (self.expires_on.isoformat() if self.expires_on else "")


class ConfirmLine(Document):
    """Pieces of a SKU; `line_ref` is our line number as the partner repeats it, or whatever it sends instead."""

    line_ref: Text = ""
    sku: Text
    quantity: int = Field(ge=0)
    batches: tuple[Batch, ...] = ()


class ConfirmedParcel(Document):
    courier_code: Text = "OTHER"
    tracking_no: Text = ""
    lines: tuple[ConfirmLine, ...] = ()


class Confirm(Document):
    """What a location says it has handed over; not final means that more will come."""

    code: Text
    confirm_key: Text
    final: bool
    confirmed_at: Moment | None = None
    parcels: tuple[ConfirmedParcel, ...] = ()
    lines: tuple[ConfirmLine, ...]


class Report(Document):
    """What a location says of its progress, in the hub's words."""

    code: Text
    status: Literal["accepted", "rejected", "progress"]
    partner_id: Text = ""
    note: Text = ""


class ShippedLine(Document):
    external_line_id: str
    channel_sku: str
    quantity: int


class ShippedParcel(Document):
    courier: str
    tracking_no: str
    lines: tuple[ShippedLine, ...]


class ShipmentNotice(Document):
    """A shipment as a channel is told of it, once; `key` is stable over repeats."""

    key: str
    order_id: str
    external_id: str
    shipped_at: AwareDatetime
    parcels: tuple[ShippedParcel, ...]


class HandoverNotice(Document):
    """Virtual goods that were handed over, as a channel is told of them, with no parcel; `whole` if that is all."""

    key: str
    order_id: str
    external_id: str
    handed_at: AwareDatetime
    whole: bool
    lines: tuple[ShippedLine, ...]


class StandingLine(Document):
    """What is wanted of a channel's line, shipped pieces with it."""

    external_line_id: str
    channel_sku: str
    quantity: int


class ChangeNotice(Document):
    """What the hub changed of an order, as its channel is told: how it stands since; `key` is stable over repeats.

    `total` is what it comes to since, in minor units; a receiver or a remark is there where it is another.
    """

    key: str
    order_id: str
    external_id: str
    changed_at: AwareDatetime
    kind: Literal["changed", "cancelled"]
    currency: str
    total: int
    lines: tuple[StandingLine, ...] = ()
    receiver: Party | None = None
    remark: str | None = None


class RefundNotice(Document):
    """Money to be given back for an order, in minor units, as who holds it is told; `key` is stable over repeats.

    `payment_no` is which of the order's payments it goes back to, `payment_reference` the payer's own number of that,
    where it was told. A refund of several payments is told by several of these.
    """

    key: str
    order_id: str
    external_id: str
    refund_no: int
    currency: str
    amount: int
    due_at: AwareDatetime
    payment_no: int | None = None
    payment_reference: str | None = None


class ClosureNotice(Document):
    """An order that was closed before anything left, as its channel is told; `key` is stable over repeats."""

    key: str
    order_id: str
    external_id: str
    closed_at: AwareDatetime
