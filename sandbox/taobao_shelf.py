"""What the listings of one Taobao shop offer, as its seller last said."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, final

from pydantic import BaseModel, ConfigDict, Field

from sandbox.taobao_wire import invalid, remote

_AT_ONCE: Final = 20
_MOST: Final = 900_000_000
_REPLACE: Final = "1"


class Listing(BaseModel):
    """A SKU of an item, or an item without SKUs (`sku_id` 0), by the merchant's own code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_iid: Annotated[int, Field(ge=1)]
    sku_id: Annotated[int, Field(ge=0)] = 0
    outer_id: Annotated[str, Field(min_length=1, max_length=64)]
    quantity: Annotated[int, Field(ge=0)] = 0


@final
class Shelf:
    """The listings by item and SKU, and how often a number was told."""

    def __init__(self) -> None:
        self.listings: dict[tuple[int, int], Listing] = {}
        self.calls = 0

    def put(self, listings: Sequence[Listing]) -> None:
        self.listings |= {(one.num_iid, one.sku_id): one for one in listings}

    def shown(self) -> dict[str, object]:
        pieces = {f"{num_iid}/{sku_id}": one.quantity for (num_iid, sku_id), one in self.listings.items()}
        codes: dict[str, list[int]] = {}
        for one in self.listings.values():
            codes.setdefault(one.outer_id, []).append(one.quantity)
        return {"pieces": pieces, "codes": codes, "calls": self.calls}

    def find_skus(self, code: str) -> dict[str, object]:
        found = [one for one in self.listings.values() if one.outer_id == code and one.sku_id]
        rows = [{"num_iid": one.num_iid, "sku_id": one.sku_id} for one in found]
        return {"skus": {"sku": rows}} if rows else {}

    def find_items(self, code: str) -> dict[str, object]:
        found = [one for one in self.listings.values() if one.outer_id == code and not one.sku_id]
        rows = [{"num_iid": one.num_iid} for one in found]
        return {"items": {"item": rows}} if rows else {}

    def update_skus(self, named: Mapping[str, str]) -> dict[str, object]:
        """All of the SKUs or none. Raises: Refused."""
        pairs = [one.partition(":")[::2] for one in named.get("skuid_quantities", "").split(";")]
        if not 1 <= len(pairs) <= _AT_ONCE or not all(sku.isdecimal() and pieces.isdecimal() for sku, pieces in pairs):
            raise invalid("skuid_quantities")
        item = int(named["num_iid"])
        self._set(item, {int(sku): int(pieces) for sku, pieces in pairs}, named)
        rows = [{"sku_id": int(sku), "quantity": int(pieces)} for sku, pieces in pairs]
        return {"item": {"num_iid": item, "skus": {"sku": rows}}}

    def update_item(self, named: Mapping[str, str]) -> dict[str, object]:
        """Raises: Refused."""
        item = int(named["num_iid"])
        self._set(item, {int(named.get("sku_id", "0")): int(named["quantity"])}, named)
        return {"item": {"num_iid": item, "num": int(named["quantity"])}}

    def _set(self, item: int, pieces: Mapping[int, int], named: Mapping[str, str]) -> None:
        if named.get("type", _REPLACE) != _REPLACE:
            raise invalid("type")
        self.calls += 1
        if any((item, sku) not in self.listings for sku in pieces):
            raise remote("isv.item-is-delete:invalid-numIid-or-skuId", "商品不存在")
        if any(number > _MOST for number in pieces.values()):
            raise invalid("quantity")
        for sku, number in pieces.items():
            self.listings[item, sku] = self.listings[item, sku].model_copy(update={"quantity": number})
