"""Flash sales, for programs of operations: put a SKU into one or change it, read how it stands, end it."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field

from api.auth import Operator
from api.inventory import Named, Word
from api.stock_examples import SALE, SALE_END
from api.surroundings import Body, TheHub, read_wish
from hub.document import Document, Moment
from hub.inventory.hot_sale import MOST, Sale, SaleView, cool, heat, list_sales
from hub.inventory.quota_view import brand_of
from hub.inventory.view import brands_seen
from hub.roles import Permission

router = APIRouter(prefix="/v1/inventory/sales", tags=["inventory · 库存"])

LONGEST_S: Final = 86_400


class SaleWish(Document):
    """A SKU that is to be in a flash sale; a buyer gets `per_buyer` pieces at most (0: any)."""

    sku: Named
    sale: Named
    per_buyer: Annotated[int, Field(ge=0, le=MOST, strict=True)] = 1
    queue_limit: Annotated[int, Field(ge=1, le=MOST, strict=True)] = 2_000
    hold_s: Annotated[int, Field(ge=30, le=LONGEST_S, strict=True)] = 900
    ends_at: Moment | None = None


class EndWish(Document):
    """A SKU whose flash sale is to end."""

    sku: Named


class Ended(Document):
    """The flash sale that was ended, as it stood."""

    ended: SaleView


@router.get("", summary="秒杀列表 · List flash sales")
def list_all(hub: TheHub, caller: Operator, sku: Word = "") -> Sequence[SaleView]:
    """List flash sales as they stand, of one SKU or of all seen: their limits, whether over, and how many bought.

    `buyers` and `pieces` are what limited buyers hold or have taken; at most 200 sales.
    """
    caller.require(Permission.SEE_ORDERS)
    with hub.database.transaction() as session:
        return list_sales(session, brands_seen(caller, hub.settings.connections), hub.now(), sku)


@router.post("", openapi_extra=SALE, summary="开始或修改秒杀 · Begin or change a flash sale")
def begin(hub: TheHub, caller: Operator, body: Body) -> SaleView:
    """Put a SKU into a flash sale, or change its sale; only for programs of operations that may.

    Under another name every buyer begins anew. A bundle is 422 hot_bundle, virtual goods 422 hot_virtual, and an end
    that is past is 409 moment.
    """
    caller.require(Permission.BULK)
    wish, at = read_wish(SaleWish, body), hub.now()
    with hub.database.transaction() as session:
        brand = brand_of(session, wish.sku)
        caller.require_scope(brand, "")
        heat(session, caller.name, Sale(brand=brand, **wish.model_dump()), at)
        return list_sales(session, [brand], at, wish.sku)[0]


@router.post("/end", openapi_extra=SALE_END, summary="结束秒杀 · End a flash sale")
def end(hub: TheHub, caller: Operator, body: Body) -> Ended:
    """End a SKU's flash sale and forget who bought in it; what is held stays held. None is 409 not_hot."""
    caller.require(Permission.BULK)
    wish, at = read_wish(EndWish, body), hub.now()
    with hub.database.transaction() as session:
        brand = brand_of(session, wish.sku)
        caller.require_scope(brand, "")
        before = list_sales(session, [brand], at, wish.sku)
        cool(session, caller.name, brand, wish.sku, at)
        return Ended(ended=before[0])
