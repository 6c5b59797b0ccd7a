"""Lots that are not to be sold, for programs of operations: block one, let it be sold again, list what is blocked."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import StringConstraints

from api.auth import Operator
from api.inventory import Named, Word
from api.stock_examples import LOT
from api.surroundings import Body, TheHub, read_wish
from hub.document import PRINTABLE, Document
from hub.inventory.counted import LONGEST
from hub.inventory.lot_block import Block, LotName, block_lot, list_blocks, unblock_lot
from hub.inventory.quota_view import brand_of
from hub.inventory.view import brands_seen
from hub.order.model import Phrase
from hub.roles import Permission

router = APIRouter(prefix="/v1/inventory/lots", tags=["inventory · 库存"])


class LotWish(Document):
    """A lot of a SKU, at a location or everywhere, with a reason."""

    sku: Named
    lot: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, pattern=PRINTABLE)]
    location: Word = ""
    reason: Phrase

    @property
    def name(self) -> LotName:
        return LotName(sku=self.sku, lot=self.lot, location=self.location)


class Blocked(LotName):
    """A lot that was blocked: its pieces that were not before, carts that let go, and promised pieces that move."""

    pieces: int
    carts: int
    lacking: int


class Unblocked(LotName):
    """A lot that may be sold again: how many pieces, and where another block holds it ("": everywhere)."""

    pieces: int
    still_blocked: tuple[str, ...]


@router.get("/blocked", summary="已锁定批次列表 · List blocked lots")
def list_all(hub: TheHub, caller: Operator, sku: Word = "") -> Sequence[Block]:
    """List the lots that are blocked, the newest block first: who blocked each, when and why; at most 200."""
    caller.require(Permission.SEE_ORDERS)
    with hub.database.transaction() as session:
        return list_blocks(session, brands_seen(caller, hub.settings.connections), sku)


@router.post("/block", openapi_extra=LOT, summary="锁定批次 · Block a lot")
def block(hub: TheHub, caller: Operator, body: Body) -> Blocked:
    """Have a lot sold no more, at a location or (without one) everywhere, whatever its warehouse counts later.

    Its pieces drop out of what may be promised; carts let go and orders find another source for what was promised
    beyond the rest. Blocked already is 409 lot_blocked, and says by whom; an unknown lot is 404.
    """
    caller.require(Permission.WORK_ORDERS)
    wish = read_wish(LotWish, body)
    with hub.database.transaction() as session:
        brand = brand_of(session, wish.sku)
        caller.require_scope(brand, "")
        made = block_lot(session, caller.name, brand, wish.name, wish.reason, hub.now().astimezone(hub.zone))
    return Blocked(**wish.name.model_dump(), **made.model_dump())


@router.post("/unblock", openapi_extra=LOT, summary="解锁批次 · Let a lot be sold again")
def unblock(hub: TheHub, caller: Operator, body: Body) -> Unblocked:
    """End a block: that of the location named, or (without one) that of everywhere. None is 404 lot_not_blocked.

    Where another block holds the lot it is sold no more than before; `still_blocked` names those.
    """
    caller.require(Permission.WORK_ORDERS)
    wish = read_wish(LotWish, body)
    with hub.database.transaction() as session:
        brand = brand_of(session, wish.sku)
        caller.require_scope(brand, "")
        freed = unblock_lot(session, caller.name, brand, wish.name, wish.reason, hub.now())
    return Unblocked(**wish.name.model_dump(), **freed.model_dump())
