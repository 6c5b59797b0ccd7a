"""Writes what the warehouse pushes: orderprocess.report and deliveryorder.confirm.

Source: schemas of taobao.qimen.orderprocess.report and taobao.qimen.deliveryorder.confirm; `batchs` is their spelling.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from xml.etree.ElementTree import Element

from sandbox.qimen_fate import Confirm, Parcel
from sandbox.qimen_order import DeliveryOrder, Line, Take
from sandbox.qimen_wire import node, write_time, written

REPORT = "orderprocess.report"
CONFIRM = "deliveryorder.confirm"


def write_report(order: DeliveryOrder, status: str, note: str, now: datetime) -> bytes:
    """A report of the document's state, such as ACCEPT or REJECT."""
    return written(
        node(
            "request",
            node(
                "order",
                node("orderCode", order.code),
                node("orderId", order.wms_id),
                node("orderType", order.order_type),
                node("warehouseCode", order.warehouse),
            ),
            node(
                "process",
                node("processStatus", status),
                node("operatorCode", "sandbox"),
                node("operateTime", write_time(now)),
                node("operateInfo", note),
            ),
        )
    )


def write_confirm(
    order: DeliveryOrder,
    confirm: Confirm,
    out_biz_code: str,
    now: datetime,
    *,
    batch_surplus: int = 0,
    before: Mapping[str, int] | None = None,
) -> bytes:
    """A confirm with its parcels and lines; `batch_surplus` puts the first line's batches in the wrong.

    `before` says how many pieces of each line earlier confirms told of: their batches are not told again.
    """
    quantities, gone = confirm.quantities(), before or {}
    shipped = [(line, quantities[line.line_no]) for line in order.lines if quantities.get(line.line_no)]
    return written(
        node(
            "request",
            _head(order, confirm, out_biz_code, now),
            node(
                "packages",
                *(_package(order, parcel, f"{out_biz_code}-{n}") for n, parcel in enumerate(confirm.parcels, 1)),
            ),
            node(
                "orderLines",
                *(
                    _line(line, quantity, out_biz_code, _batches(line, gone, quantity, batch_surplus if n == 0 else 0))
                    for n, (line, quantity) in enumerate(shipped)
                ),
            ),
        )
    )


def _head(order: DeliveryOrder, confirm: Confirm, out_biz_code: str, now: datetime) -> Element:
    return node(
        "deliveryOrder",
        node("deliveryOrderCode", order.code),
        node("deliveryOrderId", order.wms_id),
        node("warehouseCode", order.warehouse),
        node("orderType", order.order_type),
        node("status", "DELIVERED" if confirm.final else "PARTDELIVERED"),
        node("outBizCode", out_biz_code),
        node("confirmType", "0" if confirm.final else "1"),
        node("orderConfirmTime", write_time(now)),
        node("operateTime", write_time(now)),
    )


def _package(order: DeliveryOrder, parcel: Parcel, number: str) -> Element:
    return node(
        "package",
        node("logisticsCode", order.logistics_code),
        node("expressCode", "SB" + number.removeprefix("WMS").replace("-", "")),
        node("packageCode", number),
        node(
            "items",
            *(
                node(
                    "item",
                    node("itemCode", pieces.line.item_code),
                    node("itemId", pieces.line.item_id),
                    node("orderLineNo", pieces.line.line_no),
                    node("quantity", str(pieces.quantity)),
                )
                for pieces in parcel
            ),
        ),
    )


def _line(line: Line, quantity: int, out_biz_code: str, batches: Sequence[Take]) -> Element:
    return node(
        "orderLine",
        node("outBizCode", out_biz_code),
        node("orderLineNo", line.line_no),
        node("itemCode", line.item_code),
        node("itemId", line.item_id),
        node("inventoryType", "ZP"),
        node("ownerCode", line.owner_code),
        node("planQty", str(line.quantity)),
        node("actualQty", str(quantity)),
        node("batchs", *map(_batch, batches)),
    )


def _batches(line: Line, gone: Mapping[str, int], quantity: int, surplus: int) -> list[Take]:
    """The batches of a line's pieces: as they were taken, behind those that are gone, or made up."""
    if not line.takes:
        parts = enumerate(_parts(quantity + surplus), 1)
        return [Take(f"B{line.item_code}-{n}", "", "", part) for n, part in parts]
    told: list[Take] = []
    skip, rest = gone.get(line.line_no, 0), quantity
    for take in line.takes:
        skipped = min(skip, take.quantity)
        pieces = min(rest, take.quantity - skipped)
        skip -= skipped
        rest -= pieces
        if pieces:
            told.append(replace(take, quantity=pieces))
    last = told.pop() if told else replace(line.takes[-1], quantity=0)
    return [*told, replace(last, quantity=last.quantity + rest + surplus)]


def _parts(quantity: int) -> tuple[int, ...]:
    # Two batches where there are pieces enough, so that receivers have something to add up.
    return (quantity,) if quantity < 4 else (quantity // 2, quantity - quantity // 2)  # noqa: PLR2004 - any number would do


def _batch(take: Take) -> Element:
    days = {"productDate": take.produced, "expireDate": take.expires}
    return node(
        "batch",
        node("batchCode", take.batch),
        *(node(name, day) for name, day in days.items() if day),
        node("inventoryType", "ZP"),
        node("actualQty", str(take.quantity)),
    )
