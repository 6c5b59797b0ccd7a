"""What the warehouse answers when it is asked for its stock: the shelves a test has filled, and nothing of the rest.

Source: schema of taobao.qimen.inventory.query.
"""

from typing import Final, final
from xml.etree.ElementTree import Element

from pydantic import BaseModel, ConfigDict

from sandbox.qimen_sites import Site
from sandbox.qimen_wire import Refused, node, read_request, success, text_of

QUERY: Final = "inventory.query"
_FIELDS: Final = ("quantity", "lockQuantity", "batchCode", "productDate", "expireDate")


class Pieces(BaseModel):
    """A line of the shelves, with its quantities as text, so that anything can be answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    warehouse: str
    sku: str
    type: str = "ZP"
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


def _fields(one: Pieces) -> list[Element]:
    texts = (one.quantity, one.locked, one.batch, one.produced, one.expires)
    return [
        node("warehouseCode", one.warehouse),
        node("itemCode", one.sku),
        node("itemId", f"W-{one.sku}"),
        node("inventoryType", one.type),
        *(node(name, text) for name, text in zip(_FIELDS, texts, strict=True)),
    ]
