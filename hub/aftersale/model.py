"""What people and locations say of a return: frozen values that cross a border."""

import re
from datetime import date
from typing import Annotated, Final

from pydantic import AwareDatetime, Field, StringConstraints

from hub.aftersale.status import Fault
from hub.document import PRINTABLE, Code, Document, Moment, Text
from hub.fulfilment.model import Party
from hub.inventory.condition import Condition
from hub.inventory.counted import LONGEST, LotLine

CODE: Final = re.compile(r"([0-9]{1,16})-r([0-9]{1,9})", re.ASCII)
"""How a return is numbered at its location: order, and number within it."""

MOST: Final = 1_000_000
"""More pieces than this of one line are a typing error."""


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
    location: Text = ""


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
    """A return as the warehouse that is to receive it is told.

    It was shipped by the document `delivery_code`; `payer` bears the way back.
    """

    code: str
    warehouse_code: str
    owner_code: str
    delivery_code: str
    delivery_partner_id: str
    courier_code: str
    tracking_no: str
    reason: str
    payer: Fault
    created_at: AwareDatetime
    shop_name: str
    platform_code: str
    sender: Party
    lines: tuple[AnnouncedLine, ...]
