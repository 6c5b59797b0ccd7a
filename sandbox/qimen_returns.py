"""Goods that come back to the warehouse: taken on as strictly as the schema says, then told as they were announced.

Source: schemas of taobao.qimen.returnorder.create and taobao.qimen.returnorder.confirm.
"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Final, final
from xml.etree.ElementTree import Element

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from sandbox.qimen_floor import Floor
from sandbox.qimen_order import CONTACT, WHOLE, fingerprint, wms_id
from sandbox.qimen_sites import Site
from sandbox.qimen_wire import Refused, node, read_request, success, text_of, write_time, written
from sandbox.schedule import Script

CREATE: Final = "returnorder.create"
CONFIRM: Final = "returnorder.confirm"
_HEAD: Final = "returnOrder"
_LINES: Final = "orderLines/orderLine"
REQUIRED: Final = {
    _HEAD: ("returnOrderCode", "warehouseCode", "preDeliveryOrderCode", "logisticsCode"),
    f"{_HEAD}/senderInfo": CONTACT,
    _LINES: ("ownerCode", "itemCode", "planQty", "orderFlag", "returnReason"),
}
_TYPES: Final = frozenset({"", "THRK", "HHRK"})


@dataclass(frozen=True, slots=True)
class Back:
    """Pieces of an item that came back in one type (ZP, CC, JS, XS), of a batch if it is known."""

    item_code: str
    quantity: int
    line_no: str = ""
    kind: str = "ZP"
    batch: str = ""


@dataclass(slots=True)
class Page:
    """One return in the books: what was announced, and what was told of it."""

    site: Site
    code: str
    wms_id: str
    warehouse: str
    owner: str
    courier: str
    lines: tuple[Back, ...]
    fingerprint: str
    creates: int = 1
    steered: bool = False
    confirms: int = 0
    told: list[dict[str, object]] = field(default_factory=list[dict[str, object]])


class BackItem(BaseModel):
    """One item of what came back, as POST /returned takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item_code: str
    quantity: int
    line_no: str = ""
    kind: str = "ZP"
    batch: str = ""


class ReturnPush(BaseModel):
    """What POST /returned takes: what came back of a return, whatever was announced; nothing said is all of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    goods: tuple[BackItem, ...] | None = None
    out_biz_code: str | None = Field(default=None, min_length=1)
    final: bool = True


@final
class Returns:
    """The returns of every site. `delay_s` after one was announced, all of it comes back, unless a test says what."""

    def __init__(self, floor: Floor, delay_s: Callable[[], float]) -> None:
        self._floor = floor
        self._delay_s = delay_s
        self._lock = threading.Lock()
        self._pages: dict[tuple[str, str], Page] = {}

    def create(self, site: Site, body: bytes) -> bytes:
        """Answer returnorder.create. Raises: Refused."""
        page = read_return(read_request(body), site)
        with self._lock:
            known = self._pages.setdefault((site.connection, page.code), page)
            if known.fingerprint != page.fingerprint:
                raise Refused("duplicate-order", f"{page.code} exists with other content")
            known.creates += known is not page
        if known is page:
            self._floor.begin(self._come_back(page))
        return success("ok", node("returnOrderId", known.wms_id))

    def push(self, wanted: ReturnPush) -> JSONResponse:
        """Tell once of what a test chose, whatever the owner answers."""
        page = next((one for (_, code), one in self._pages.items() if code == wanted.code), None)
        if page is None:
            raise HTTPException(404, "no such return")
        page.steered = True
        goods = page.lines if wanted.goods is None else tuple(Back(**one.model_dump()) for one in wanted.goods)
        return JSONResponse({"acknowledged": self._tell(page, goods, wanted.out_biz_code, final=wanted.final)})

    def shown(self) -> dict[str, object]:
        with self._lock:
            shown: dict[str, object] = {}
            for (_, code), page in self._pages.items():
                shown[code] = {
                    "site": page.site.connection,
                    "return_order_id": page.wms_id,
                    "warehouse": page.warehouse,
                    "logistics_code": page.courier,
                    "lines": [asdict(one) for one in page.lines],
                    "creates": page.creates,
                    "told": list(page.told),
                }
            return shown

    def _come_back(self, page: Page) -> Script:
        yield self._delay_s()
        yield from self._floor.while_held()
        wait_s = 0.2
        while not page.steered and not self._tell(page, page.lines, f"{page.wms_id}-1", final=True):
            yield wait_s
            wait_s = min(wait_s * 2, 5.0)

    def _tell(self, page: Page, goods: Sequence[Back], out_biz_code: str | None, *, final: bool) -> bool:
        with self._lock:
            page.confirms += 1
            number = out_biz_code or f"{page.wms_id}-{page.confirms}"
        body = write_return_confirm(page, goods, number, datetime.now(UTC), final=final)
        acknowledged, answer = self._floor.post(page.site, CONFIRM, body)
        with self._lock:
            page.told.append({"out_biz_code": number, "acknowledged": acknowledged, "answer": answer})
        return acknowledged


def read_return(root: Element, site: Site) -> Page:
    """The return of a request. Raises: Refused for a missing or impossible field or another site's warehouse."""
    head = root.find(_HEAD)
    if head is None:
        raise Refused("missing-parameter", f"{_HEAD} is required")
    if head.find("senderInfo") is None:
        raise Refused("missing-parameter", f"{_HEAD}/senderInfo is required")
    for path, names in REQUIRED.items():
        for parent in root.findall(path):
            missing = [name for name in names if not text_of(parent, name)]
            if missing:
                raise Refused("missing-parameter", f"{path}/{missing[0]} is required")
    lines = root.findall(_LINES)
    if not lines or not all(WHOLE.fullmatch(text_of(line, "planQty")) for line in lines):
        raise Refused("invalid-parameter", "a return needs lines with a planQty above zero")
    if text_of(head, "orderType") not in _TYPES:
        raise Refused("invalid-parameter", "orderType is not THRK or HHRK")
    if text_of(head, "warehouseCode") not in site.warehouses:
        raise Refused("warehouse-not-found", f"it is not one of customer {site.customer_id}")
    code = text_of(head, "returnOrderCode")
    return Page(
        site=site,
        code=code,
        wms_id=wms_id(site.connection, code),
        warehouse=text_of(head, "warehouseCode"),
        owner=text_of(lines[0], "ownerCode"),
        courier=text_of(head, "logisticsCode"),
        lines=tuple(
            Back(text_of(line, "itemCode"), int(text_of(line, "planQty")), text_of(line, "orderLineNo"))
            for line in lines
        ),
        fingerprint=fingerprint(root),
    )


def write_return_confirm(
    page: Page, goods: Sequence[Back], out_biz_code: str, now: datetime, *, final: bool = True
) -> bytes:
    """A confirm of what came back, a line for each item and type."""
    planned = Counter[str]()
    for one in page.lines:
        planned[one.item_code] += one.quantity
    return written(
        node(
            "request",
            node(
                _HEAD,
                node("returnOrderCode", page.code),
                node("returnOrderId", page.wms_id),
                node("warehouseCode", page.warehouse),
                node("outBizCode", out_biz_code),
                node("orderType", "THRK"),
                node("orderConfirmTime", write_time(now)),
                node("logisticsCode", page.courier),
                node("confirmType", "0" if final else "1"),
            ),
            node("orderLines", *(_line(page, one, planned[one.item_code]) for one in goods)),
        )
    )


def _line(page: Page, one: Back, planned: int) -> Element:
    batch = node(
        "batchs",
        node(
            "batch",
            node("batchCode", one.batch),
            node("inventoryType", one.kind),
            node("actualQty", str(one.quantity)),
        ),
    )
    return node(
        "orderLine",
        *([node("orderLineNo", one.line_no)] if one.line_no else []),
        node("ownerCode", page.owner),
        node("itemCode", one.item_code),
        node("inventoryType", one.kind),
        node("planQty", str(planned)),
        node("actualQty", str(one.quantity)),
        *([batch] if one.batch else []),
    )
