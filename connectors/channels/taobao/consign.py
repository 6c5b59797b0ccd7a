"""What a shipment is to Taobao: packages with pieces of sub-orders, and which of them the platform knows already.

A sub-order names the number it went under; the trade's combine_logistics_details name every package with its pieces.
Source: alibaba.ascp.logistics.offline.send (54934) and taobao.trade.fullinfo.get, field descriptions, read 2026-11.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from connectors.reading import read_as, write_with
from hub.document import Document
from hub.errors import Rejected
from hub.fulfilment.model import ShippedParcel
from mappings.table import Table

NEW_WAY: Final = "1"
"""consign_type: the one that lets a sub-order go in parts."""

SEPARATOR: Final = re.compile(r"[,;|\s]+")


class ConsignedSubOrder(Document):
    oid: str
    num: int
    invoice_no: str = ""


class Packed(Document):
    num: int


class Package(Document):
    """Pieces of a sub-order that have been sent under a number."""

    oid: str
    invoice_no: str
    goods: tuple[Packed, ...] = ()


class Consigned(Document):
    """What of a trade has been sent, as the mapping table reads it."""

    sub_orders: tuple[ConsignedSubOrder, ...]
    packages: tuple[Package, ...] = ()

    def knows(self, parcel: ShippedParcel) -> bool:
        """Say whether the platform has every line of a parcel under the parcel's number."""
        told = {(one.oid, no) for one in self.sub_orders for no in SEPARATOR.split(one.invoice_no) if no}
        told |= {(one.oid, one.invoice_no) for one in self.packages}
        return all((line.external_line_id, parcel.tracking_no) in told for line in parcel.lines)


def read_consigned(table: Table, trade: Mapping[str, object]) -> Consigned:
    """Raises: Malformed."""
    return read_as(Consigned, table, "consigned", trade)


def write_consignment(table: Table, parcels: Sequence[ShippedParcel], consigned: Consigned) -> dict[str, str]:
    """Write parcels that the platform does not know as its packages.

    A sub-order stays open (is_part_consign) while what was sent before and what goes now is less than its pieces.
    Raises: Rejected for a parcel without a tracking number.
    """
    if not all(parcel.tracking_no for parcel in parcels):
        raise Rejected("Taobao takes no parcel without a tracking number", code="tracking_no_missing")
    going: Counter[str] = Counter()
    for line in (line for parcel in parcels for line in parcel.lines):
        going[line.external_line_id] += line.quantity
    sent: Counter[str] = Counter()
    for package in consigned.packages:
        sent[package.oid] += sum(one.num for one in package.goods)
    pieces = {one.oid: one.num for one in consigned.sub_orders}
    statuses = [
        {"sub_tid": oid, "is_part_consign": sent[oid] + num < pieces.get(oid, 0)} for oid, num in sorted(going.items())
    ]
    packages = [write_with(table, "parcel", parcel) for parcel in parcels]
    return {"consign_type": NEW_WAY, "consign_pkgs": _json(packages), "consign_status": _json(statuses)}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
