"""Deliveries with their lots as Qimen puts them: an order line for each lot, and batches of what has left.

An order line of deliveryorder.create has one batchCode and no batchs, so a line of several lots is several of theirs.
A batch that is known by its expiry alone has no code to be called by.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from connectors.reading import make_as, read_as, write_with
from hub.document import Document, Moment
from hub.fulfilment.model import Confirm, ConfirmedParcel, Delivery, DeliveryLine
from hub.inbox import message_id_of
from mappings.table import Table

PART: Final = re.compile(r"([0-9]{1,6})-[0-9]{1,6}", re.ASCII)
"""How we number the order lines that one line of ours became."""


class ToldLot(Document):
    """What a line or a batch says of the lot it is of, as the mapping table reads it."""

    lot: str = ""
    produced: str = ""
    expires: str = ""

    @property
    def days(self) -> dict[str, object]:
        """Give what it says; a day that cannot be read is none, for its goods have left all the same."""
        return {"batch_code": self.lot, "produced_on": _day(self.produced), "expires_on": _day(self.expires)}


class ToldBatch(ToldLot):
    quantity: int


class ToldLine(ToldLot):
    """A line of a confirm as the mapping table reads it."""

    line_ref: str = ""
    sku: str
    quantity: int
    batches: tuple[ToldBatch, ...] = ()

    def told(self) -> dict[str, object]:
        """Give it in our words; batches that name no lot are of the line's."""
        whole = (ToldBatch(quantity=self.quantity),) if self.lot or self.expires else ()
        batches = [
            (one if one.lot or one.expires else self).days | {"quantity": one.quantity} for one in self.batches or whole
        ]
        ref = own_line(self.line_ref, self.sku)
        return {"line_ref": ref, "sku": self.sku, "quantity": self.quantity, "batches": batches}


class ConfirmMessage(Document):
    """A confirm as the mapping table reads it."""

    code: str
    wms_id: str = ""
    warehouse_code: str = ""
    status: str = ""
    out_biz_code: str = ""
    final: bool = True
    confirmed_at: Moment | None = None
    parcels: tuple[ConfirmedParcel, ...] = ()
    lines: tuple[ToldLine, ...] = ()


def write_delivery(table: Table, delivery: Delivery) -> dict[str, object]:
    """Bring a delivery into deliveryorder.create.

    Raises: Malformed.
    """
    lines = tuple(_coded(line) for line in delivery.lines)
    return write_with(table, "delivery_order", delivery.model_copy(update={"lines": lines}))


def read_confirm(table: Table, contents: Mapping[str, object], body: bytes) -> Confirm:
    """Read deliveryorder.confirm; without an outBizCode the message's own bytes name it.

    Raises: Malformed.
    """
    message = read_as(ConfirmMessage, table, "confirm", contents)
    values = {
        "code": message.code,
        "confirm_key": message.out_biz_code or message_id_of(body),
        "final": message.final,
        "confirmed_at": message.confirmed_at,
        "parcels": [_numbered(parcel) for parcel in message.parcels],
        "lines": [line.told() for line in message.lines],
    }
    return make_as(Confirm, "deliveryorder.confirm", values)


def own_line(ref: str, sku: str) -> str:
    """Give our line number where a partner repeats the number of a part of it; an item's code stays as it is."""
    part = PART.fullmatch(ref)
    return part[1] if part and ref != sku else ref


def _coded(line: DeliveryLine) -> DeliveryLine:
    known_by_expiry = line.expires_on is not None and line.lot == line.expires_on.isoformat()
    return line.model_copy(update={"lot": ""}) if known_by_expiry else line


def _numbered(parcel: ConfirmedParcel) -> ConfirmedParcel:
    lines = tuple(line.model_copy(update={"line_ref": own_line(line.line_ref, line.sku)}) for line in parcel.lines)
    return parcel.model_copy(update={"lines": lines})


def _day(written: str) -> date | None:
    try:
        return datetime.fromisoformat(written).date() if written else None
    except ValueError:
        return None
