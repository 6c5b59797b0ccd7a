"""The shelves a test has filled: what the warehouse answers when it is asked for its stock, and takes batches from.

What a test has not filled is not answered, and any batch may be named of it. Shelves stay as they were filled.

Source: schema of taobao.qimen.inventory.query.
"""

from dataclasses import replace
from typing import Final, final
from xml.etree.ElementTree import Element

from pydantic import BaseModel, ConfigDict

from sandbox.qimen_order import DeliveryOrder, Line, Take
from sandbox.qimen_sites import Site
from sandbox.qimen_wire import Refused, node, read_request, success, text_of

QUERY: Final = "inventory.query"
GOOD: Final = "ZP"
_FIELDS: Final = ("quantity", "lockQuantity", "batchCode", "productDate", "expireDate")


class Pieces(BaseModel):
    """A line of the shelves, with its quantities as text, so that anything can be answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    warehouse: str
    sku: str
    type: str = GOOD
    quantity: str = "0"
    locked: str = "0"
    batch: str = ""
    produced: str = ""
    expires: str = ""


class Filling(BaseModel):
    """What POST /shelves takes: all there is at a connection's warehouses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: str
    pieces: tuple[Pieces, ...]


@final
class Shelves:
    """What there is, by connection."""

    def __init__(self) -> None:
        self._pieces: dict[str, tuple[Pieces, ...]] = {}

    def fill(self, filling: Filling) -> dict[str, int]:
        self._pieces[filling.connection] = filling.pieces
        return {"lines": len(filling.pieces)}

    def assign(self, order: DeliveryOrder) -> DeliveryOrder:
        """Say of which batches an order's lines are taken: those it names, else those that expire first.

        Raises: Refused for a batch that is not on the shelves, or that has fewer pieces, where these have batches.
        """
        left = {
            one: int(one.quantity)
            for one in sorted(self._pieces.get(order.connection, ()), key=lambda one: (one.expires or "9", one.batch))
            if one.warehouse == order.warehouse and one.type == GOOD and (one.batch or one.expires)
        }
        return replace(order, lines=tuple(replace(line, takes=_takes(line, left)) for line in order.lines))

    def answer(self, site: Site, body: bytes) -> bytes:
        """Answer a question. Raises: Refused for one without items, owner or a warehouse of the site's."""
        criteria = read_request(body).findall("criteriaList/criteria")
        if not criteria:
            raise Refused("missing-parameter", "criteriaList is required")
        asked: set[tuple[str, str]] = set()
        for one in criteria:
            warehouse, sku = text_of(one, "warehouseCode"), text_of(one, "itemCode")
            if not sku or not text_of(one, "ownerCode"):
                raise Refused("missing-parameter", "itemCode and ownerCode are required")
            if warehouse not in site.warehouses:
                raise Refused("invalid-warehouse", "the warehouse is not this customer's")
            asked.add((warehouse, sku))
        found = [one for one in self._pieces.get(site.connection, ()) if (one.warehouse, one.sku) in asked]
        return success("ok", node("items", *(node("item", *_fields(one)) for one in found)))


def _takes(line: Line, left: dict[Pieces, int]) -> tuple[Take, ...]:
    """Take a line's pieces off the batches there are; where its item has none, it is as the order says."""
    batches = [one for one in left if one.sku == line.item_code]
    if not batches:
        return line.takes
    for named in line.takes:
        batches = [one for one in batches if (one.batch or one.expires) == (named.batch or named.expires)]
        if not batches:
            raise Refused("batch-not-found", f"there is no batch {named.batch or named.expires} of {line.item_code}")
        if left[batches[0]] < named.quantity:
            raise Refused("batch-short", f"batch {named.batch or named.expires} has {left[batches[0]]} pieces")
    takes: list[Take] = []
    rest = line.quantity
    for one in batches:
        if pieces := min(rest, left[one]):
            left[one] -= pieces
            rest -= pieces
            takes.append(Take(one.batch, one.produced, one.expires, pieces))
    return tuple(takes)


def _fields(one: Pieces) -> list[Element]:
    texts = (one.quantity, one.locked, one.batch, one.produced, one.expires)
    return [
        node("warehouseCode", one.warehouse),
        node("itemCode", one.sku),
        node("itemId", f"W-{one.sku}"),
        node("inventoryType", one.type),
        *(node(name, text) for name, text in zip(_FIELDS, texts, strict=True)),
    ]
