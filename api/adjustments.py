"""Corrections of stock by programs of operations: pieces found or lost at a location, with a reason."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field

from api.auth import Operator
from api.examples import ADJUSTMENT
from api.inventory import Named, Word
from api.surroundings import Body, TheHub, read_wish
from hub.document import Document
from hub.inventory.adjust import adjust
from hub.inventory.condition import Condition
from hub.inventory.ledger import StockKey
from hub.inventory.view import get_level, get_place
from hub.order.model import Phrase
from hub.repair import why
from hub.roles import Permission

router = APIRouter(prefix="/v1/inventory/adjustments", tags=["inventory · 库存"])

MOST_PIECES: Final = 1_000_000


class Adjustment(Document):
    """Pieces found or lost at a location, by a document of whoever sends it."""

    location: Named
    sku: Named
    owner: Word = ""
    condition: Condition = Condition.SALEABLE
    delta: Annotated[int, Field(ge=-MOST_PIECES, le=MOST_PIECES, strict=True)]
    reason: Phrase
    ref: Named


class Counter(Document):
    """A counter as it stands after an adjustment."""

    location: str
    sku: str
    owner: str
    condition: str
    on_hand: int
    allocated: int
    soft: int
    safety: int
    short: int


@router.post("", openapi_extra=ADJUSTMENT, summary="调整库存 · Correct a counter")
def correct(hub: TheHub, caller: Operator, body: Body) -> Counter:
    """Book pieces that were found or lost at a location, with a reason; only for programs of operations that may.

    A document (`ref`) is booked once: again it is 409 movement_booked. What would leave less than is promised is 409.
    """
    caller.require(Permission.WORK_ORDERS)
    wish = read_wish(Adjustment, body)
    with hub.database.transaction() as session:
        brand, owner = get_place(session, wish.location)
        caller.require_scope(brand, "")
        key = StockKey(wish.location, wish.sku, wish.owner or owner, wish.condition)
        adjust(session, caller.name, brand, key, wish.delta, why(wish.reason), wish.ref, hub.now())
        level = get_level(session, [brand], key)
    return Counter(**{name: getattr(level, name) for name in Counter.model_fields})
