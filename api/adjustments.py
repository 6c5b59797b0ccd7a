"""Counters set by programs of operations: pieces found or lost with a reason, and what is promised of them."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session

from api.auth import Operator
from api.inventory import Named, Word
from api.stock_examples import ADJUSTMENT, LIMITS
from api.surroundings import Body, TheHub, read_wish
from hub.document import Document
from hub.errors import Malformed
from hub.inventory.adjust import MOST, Limits, adjust, set_limits, set_safety
from hub.inventory.condition import Condition
from hub.inventory.ledger import StockKey
from hub.inventory.table import Authority
from hub.inventory.view import get_level, get_place
from hub.order.model import Phrase
from hub.repair import why
from hub.roles import Permission

router = APIRouter(prefix="/v1/inventory", tags=["inventory · 库存"])

Limit = Annotated[int, Field(ge=0, le=MOST, strict=True)]


class Adjustment(Document):
    """Pieces found or lost at a location, by a document of whoever sends it."""

    location: Named
    sku: Named
    owner: Word = ""
    condition: Condition = Condition.SALEABLE
    delta: Annotated[int, Field(ge=-MOST, le=MOST, strict=True)]
    reason: Phrase
    ref: Named


class LimitWish(Document):
    """What is promised of a counter; what is left out stays as it is."""

    location: Named
    sku: Named
    owner: Word = ""
    condition: Condition = Condition.SALEABLE
    safety: Limit | None = None
    backorder_limit: Limit | None = None
    authority: Authority | None = None


class Counter(Document):
    """A counter as it stands after a change."""

    location: str
    sku: str
    owner: str
    condition: str
    on_hand: int
    allocated: int
    soft: int
    safety: int
    backorder_limit: int
    authority: str
    short: int


@router.post("/adjustments", openapi_extra=ADJUSTMENT, summary="调整库存 · Correct a counter")
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
        return _counter(session, brand, key)


@router.post("/limits", openapi_extra=LIMITS, summary="设置可承诺范围 · Limit what is promised")
def limit(hub: TheHub, caller: Operator, body: Body) -> Counter:
    """Set a counter's safety stock, its back-order limit and whose number counts; for programs of operations that may.

    What is left out stays. A limit below what is promised already beyond what is there is 409 backorders_promised.
    """
    caller.require(Permission.WORK_ORDERS)
    wish = read_wish(LimitWish, body)
    if wish.safety is None and wish.backorder_limit is None and wish.authority is None:
        raise Malformed("say what to set", code="nothing_set", zh="请说明要设置的内容")
    with hub.database.transaction() as session:
        brand, owner = get_place(session, wish.location)
        caller.require_scope(brand, "")
        key, at = StockKey(wish.location, wish.sku, wish.owner or owner, wish.condition), hub.now()
        if wish.safety is not None:
            set_safety(session, caller.name, brand, key, wish.safety, at)
        limits = Limits(wish.backorder_limit, wish.authority)
        if limits != Limits():
            set_limits(session, caller.name, brand, key, limits, at)
        return _counter(session, brand, key)


def _counter(session: Session, brand: str, key: StockKey) -> Counter:
    level = get_level(session, [brand], key)
    return Counter(**{name: getattr(level, name) for name in Counter.model_fields})
