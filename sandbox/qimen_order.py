"""Reads a deliveryorder.create as strictly as its schema says, and refuses what breaks it.

Source: schema of taobao.qimen.deliveryorder.create: the fields marked required, inside the parents that are given.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final
from xml.etree.ElementTree import Element

from sandbox.qimen_sites import Site
from sandbox.qimen_wire import Refused, read_time, text_of

_HEAD = "deliveryOrder"
_LINES = "orderLines/orderLine"
CONTACT = ("name", "mobile", "province", "city", "detailAddress")
REQUIRED: Final = {
    _HEAD: (
        "deliveryOrderCode",
        "orderType",
        "warehouseCode",
        "createTime",
        "placeOrderTime",
        "operateTime",
        "shopNick",
        "logisticsCode",
    ),
    f"{_HEAD}/senderInfo": CONTACT,
    f"{_HEAD}/receiverInfo": CONTACT,
    _LINES: ("ownerCode", "itemCode", "planQty", "actualPrice"),
}
_ORDER_TYPES = frozenset({"JYCK", "HHCK", "BFCK", "QTCK"})
_TIMES = ("createTime", "placeOrderTime", "operateTime")
_DAYS = ("productDate", "expireDate")
WHOLE = re.compile(r"[1-9][0-9]{0,8}")
_PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Take:
    """Pieces to take of one batch, with its days as they were written."""

    batch: str
    produced: str
    expires: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line to pick; `quantity` in pieces, of the batches that `takes` says, if it says any."""

    line_no: str
    item_code: str
    item_id: str
    owner_code: str
    quantity: int
    takes: tuple[Take, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliveryOrder:
    """A delivery order as the warehouse needs it, and a fingerprint of everything that was sent."""

    connection: str
    code: str
    wms_id: str
    warehouse: str
    order_type: str
    logistics_code: str
    attempt: int
    lines: tuple[Line, ...]
    fingerprint: str

    @property
    def pieces(self) -> int:
        return sum(line.quantity for line in self.lines)


def read_delivery_order(root: Element, site: Site) -> DeliveryOrder:
    """The order of a request. Raises: Refused for a missing or impossible field or another site's warehouse."""
    _check_given(root)
    head = root.find(_HEAD)
    if head is None:
        raise Refused("missing-parameter", f"{_HEAD} is required")
    _check_head(head, site)
    code = text_of(head, "deliveryOrderCode")
    return DeliveryOrder(
        connection=site.connection,
        code=code,
        wms_id=wms_id(site.connection, code),
        warehouse=text_of(head, "warehouseCode"),
        order_type=text_of(head, "orderType"),
        logistics_code=text_of(head, "logisticsCode"),
        attempt=_attempt(root),
        lines=_read_lines(root.findall(_LINES)),
        fingerprint=fingerprint(root),
    )


def wms_id(connection: str, code: str) -> str:
    """The warehouse's own number: the same again for the same document, also after a restart of the stand-in."""
    digest = hashlib.blake2b(f"{connection}|{code}".encode(), digest_size=8).digest()
    return f"WMS{int.from_bytes(digest) % 10**15:015d}"


def _check_given(root: Element) -> None:
    for parent in (_HEAD, _LINES):
        if root.find(parent) is None:
            raise Refused("missing-parameter", f"{parent} is required")
    for path, names in REQUIRED.items():
        for parent in root.findall(path):
            missing = [name for name in names if not text_of(parent, name)]
            if missing:
                raise Refused("missing-parameter", f"{path}/{missing[0]} is required")


def _check_head(head: Element, site: Site) -> None:
    if (order_type := text_of(head, "orderType")) not in _ORDER_TYPES:
        raise Refused("invalid-parameter", f"orderType {order_type} is not one of {sorted(_ORDER_TYPES)}")
    if (warehouse := text_of(head, "warehouseCode")) not in site.warehouses:
        raise Refused("warehouse-not-found", f"warehouseCode {warehouse} is not one of customer {site.customer_id}")
    for name in _TIMES:
        try:
            read_time(text_of(head, name))
        except ValueError as error:
            raise Refused("invalid-parameter", f"{name} is not YYYY-MM-DD HH:MM:SS") from error


def _read_lines(elements: Iterable[Element]) -> tuple[Line, ...]:
    lines = tuple(_read_line(element, place) for place, element in enumerate(elements, 1))
    if len({line.line_no for line in lines}) < len(lines):
        raise Refused("invalid-parameter", "orderLineNo comes twice")
    return lines


def _read_line(element: Element, place: int) -> Line:
    planned = text_of(element, "planQty")
    if not WHOLE.fullmatch(planned):
        raise Refused("invalid-parameter", "planQty is not a whole number above zero")
    if not _PRICE.fullmatch(text_of(element, "actualPrice")):
        raise Refused("invalid-parameter", "actualPrice is not an amount in yuan")
    return Line(
        line_no=text_of(element, "orderLineNo") or str(place),
        item_code=text_of(element, "itemCode"),
        item_id=text_of(element, "itemId"),
        owner_code=text_of(element, "ownerCode"),
        quantity=int(planned),
        takes=_read_takes(element, int(planned)),
    )


def _read_takes(element: Element, planned: int) -> tuple[Take, ...]:
    """The batch that a line names, by its code or by its expiry alone."""
    for name in _DAYS:
        try:
            date.fromisoformat(text_of(element, name) or "2000-01-01")
        except ValueError as error:
            raise Refused("invalid-parameter", f"{name} is not YYYY-MM-DD") from error
    batch, (produced, expires) = text_of(element, "batchCode"), (text_of(element, name) for name in _DAYS)
    return (Take(batch, produced, expires, planned),) if batch or expires else ()


def _attempt(root: Element) -> int:
    # Qimen puts extendProps beside deliveryOrder; many senders put it inside.
    given = text_of(root, "extendProps/attempt") or text_of(root, f"{_HEAD}/extendProps/attempt")
    return int(given) if given.isdecimal() else 1


def fingerprint(root: Element) -> str:
    # operateTime says when the sender acted, so it may differ when the same document is sent again.
    content = [(element.tag, (element.text or "").strip()) for element in root.iter() if element.tag != "operateTime"]
    return hashlib.sha256(repr(content).encode()).hexdigest()
