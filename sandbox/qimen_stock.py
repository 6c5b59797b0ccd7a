"""Writes and pushes what the warehouse says of stock: inventory.report and stockchange.report, rightly or wrongly.

Source: schemas of taobao.qimen.inventory.report and taobao.qimen.stockchange.report; `batchs` is their spelling.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from xml.etree.ElementTree import Element

from pydantic import BaseModel, ConfigDict, Field

from sandbox.qimen_floor import Floor
from sandbox.qimen_sites import Site
from sandbox.qimen_wire import node, write_time, written

COUNT = "inventory.report"
CHANGE = "stockchange.report"


class ToldLot(BaseModel):
    """Pieces of an item that are of one batch, as text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = ""
    quantity: str = ""
    produced: str = ""
    expires: str = ""


class StockItem(BaseModel):
    """An item: `quantity` more or fewer, and in a count all there is; as text, so that anything can be sent.

    A count's item is of one of its `lots`, a change's of all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sku: str
    quantity: str = "0"
    total: str | None = None
    type: str = "ZP"
    batches: tuple[str, ...] = ()
    lots: tuple[ToldLot, ...] = ()


class StockPush(BaseModel):
    """What POST /stock takes: a report of some minutes ago, sent so many times."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: str
    kind: Literal["count", "change"]
    warehouse: str
    owner: str
    items: tuple[StockItem, ...]
    out_biz_code: str = Field(min_length=1)
    document: str = "SANDBOX"
    minutes_ago: int = Field(default=0, ge=0)
    page: int = 1
    pages: int = 1
    times: Annotated[int, Field(ge=1, le=100)] = 1


def push_stock(site: Site, floor: Floor, wanted: StockPush) -> list[bool]:
    """Send the report as often as wished; say which of them the owner acknowledged."""
    at = datetime.now(UTC) - timedelta(minutes=wanted.minutes_ago)
    method, write = (COUNT, write_count) if wanted.kind == "count" else (CHANGE, write_change)
    body = write(wanted, at)
    return [floor.post(site, method, body)[0] for _ in range(wanted.times)]


def write_count(wanted: StockPush, at: datetime) -> bytes:
    """A page of a count."""
    items = [
        node(
            "item",
            node("itemCode", item.sku),
            node("inventoryType", item.type),
            node("quantity", item.quantity),
            *([] if item.total is None else [node("totalQty", item.total)]),
            *(node("batchCode", code) for code in item.batches[:1]),
            *(part for lot in item.lots[:1] for part in _lot(lot)),
        )
        for item in wanted.items
    ]
    return written(
        node(
            "request",
            node("totalPage", str(wanted.pages)),
            node("currentPage", str(wanted.page)),
            node("pageSize", str(max(1, len(items)))),
            node("warehouseCode", wanted.warehouse),
            node("checkOrderCode", wanted.document),
            node("ownerCode", wanted.owner),
            node("checkTime", write_time(at)),
            node("outBizCode", wanted.out_biz_code),
            node("adjustType", "CHECK"),
            node("items", *items),
        )
    )


def write_change(wanted: StockPush, at: datetime) -> bytes:
    """Changes by one document; an item's batches are quantities."""
    items = [
        node(
            "item",
            node("ownerCode", wanted.owner),
            node("warehouseCode", wanted.warehouse),
            node("orderCode", wanted.document),
            node("orderType", "QTRK"),
            node("outBizCode", wanted.out_biz_code),
            node("itemCode", item.sku),
            node("inventoryType", item.type),
            node("quantity", item.quantity),
            node("changeTime", write_time(at)),
            node(
                "batchs",
                *(node("batch", node("quantity", batch)) for batch in item.batches),
                *(node("batch", *_lot(lot), node("quantity", lot.quantity)) for lot in item.lots),
            ),
        )
        for item in wanted.items
    ]
    return written(node("request", node("items", *items)))


def _lot(lot: ToldLot) -> list[Element]:
    told = {"batchCode": lot.code, "productDate": lot.produced, "expireDate": lot.expires}
    return [node(name, text) for name, text in told.items() if text]
