"""What people and locations say of a return: frozen values that cross a border."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, Field, StringConstraints

from hub.aftersale.table import Fault, ReturnKind
from hub.document import PRINTABLE, Code, Document, Moment, Text
from hub.fulfilment.model import Party
from hub.inventory.condition import Condition
from hub.inventory.counted import LONGEST, LotLine
from hub.settings import Orders

MOST: Final = 1_000_000
"""More pieces than this of one line are a typing error."""


@dataclass(frozen=True, slots=True)
class Sent:
    """With whom goods are on their way back."""

    courier: str = ""
    tracking_no: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants back: pieces by the shop's lines. An empty location is the one that has shipped most."""

    kind: ReturnKind
    lines: Sequence[tuple[str, int]]
    fault: Fault = Fault.BUYER
    reason: str = ""
    location: str = ""
    sent: Sent = field(default_factory=Sent)


@dataclass(frozen=True, slots=True)
class Terms:
    """How goods are taken back: for whose fault their freight goes back with them, and where to, by brand."""

    freight_for: Collection[str] = (Fault.MERCHANT,)
    places: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, orders: Orders) -> Self:
        """Give them as they are set."""
        return cls(orders.freight_back_for, orders.returns_to)


class Goods(Document):
    """Pieces of a SKU that arrived in one condition; `line_ref` is our line number where who says it repeats it."""

    sku: Code
    pieces: Annotated[int, Field(ge=0, le=MOST, strict=True)]
    condition: Condition = Condition.SALEABLE
    line_ref: Text = ""
    lot: Annotated[Text, StringConstraints(strip_whitespace=True, max_length=LONGEST)] = ""
    produced_on: date | None = None
    expires_on: date | None = None

    @property
    def of_lot(self) -> LotLine | None:
        if not self.lot:
            return None
        return LotLine(lot=self.lot, pieces=self.pieces, produced_on=self.produced_on, expires_on=self.expires_on)


class Arrived(Document):
    """What a location says has arrived, by a document of its own; not final means that more will come."""

    document: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE)]
    goods: Annotated[tuple[Goods, ...], Field(max_length=500)]
    final: bool = True
    arrived_at: Moment | None = None
    location: str = ""


class ReturnConfirm(Document):
    """What a warehouse says of a return of ours, by its code there."""

    code: Text
    arrived: Arrived


class AnnouncedLine(Document):
    """Pieces of an order's line that are to come back; `ref` is repeated by the warehouse."""

    ref: str
    source_order_code: str
    sku: str
    quantity: int


class Announced(Document):
    """A return as the warehouse that is to receive it is told; `delivery_code` is the document it was shipped by."""

    code: str
    warehouse_code: str
    owner_code: str
    delivery_code: str
    delivery_partner_id: str
    courier_code: str
    tracking_no: str
    reason: str
    merchant_pays: bool
    created_at: AwareDatetime
    shop_name: str
    platform_code: str
    sender: Party
    lines: tuple[AnnouncedLine, ...]
