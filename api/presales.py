"""Pre-sale limits, for programs of operations: how many pieces may be sold before they arrive."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api.auth import Operator
from api.inventory import Named, Word
from api.stock_examples import PRESALE, PRESALE_END
from api.surroundings import Body, TheHub, read_wish
from hub.document import Document
from hub.inventory.presale import MOST, Presale, drop_presale, find_presales, set_presale
from hub.inventory.quota_view import brand_of, check_shop
from hub.inventory.view import brands_seen
from hub.roles import Permission

router = APIRouter(prefix="/v1/inventory/presales", tags=["inventory · 库存"])


class PresaleWish(Document):
    """How many pieces of a SKU may be sold before they arrive, in a shop or in all together without one."""

    sku: Named
    shop: Word = ""
    amount: Annotated[int, Field(ge=0, le=MOST, strict=True)]


class EndWish(Document):
    """A limit that is to be taken away."""

    sku: Named
    shop: Word = ""


class PresaleView(Document):
    """A limit as it stands: `sold` pieces of it wait for their goods, `left` more may be sold."""

    sku: str
    shop: str
    amount: int
    sold: int
    left: int


class Ended(Document):
    """The limit that was taken away, as it stood."""

    ended: PresaleView


@router.get("", summary="预售上限列表 · List pre-sale limits")
def list_all(hub: TheHub, caller: Operator, sku: Word = "") -> Sequence[PresaleView]:
    """List pre-sale limits, of one SKU or of all seen, with what is sold of each and waits; at most 1,000.

    Who works for one shop sees that shop's.
    """
    caller.require(Permission.SEE_ORDERS)
    with hub.database.transaction() as session:
        seen = brands_seen(caller, hub.settings.connections)
        found = find_presales(session, seen, sku, shops=caller.shops)
    return [_view(one) for one in found]


@router.post("", openapi_extra=PRESALE, summary="设置预售上限 · Limit a pre-sale")
def limit(hub: TheHub, caller: Operator, body: Body) -> PresaleView:
    """Set or change how many pieces of a SKU may be sold before they arrive; for programs of operations that may.

    What is sold by now counts. A bundle, whose parts are limited, is 404 unknown_sku.
    """
    caller.require(Permission.WORK_ORDERS)
    wish = read_wish(PresaleWish, body)
    with hub.database.transaction() as session:
        brand = brand_of(session, wish.sku)
        caller.require_scope(brand, "")
        check_shop(hub.settings.connections, brand, wish.shop)
        set_presale(session, caller.name, brand, Presale(**wish.model_dump()), hub.now())
        [one] = [one for one in find_presales(session, [brand], wish.sku) if one.shop == wish.shop]
    return _view(one)


@router.post("/end", openapi_extra=PRESALE_END, summary="取消预售上限 · Take a pre-sale limit away")
def end(hub: TheHub, caller: Operator, body: Body) -> Ended:
    """Take a limit away; what is sold stays sold. None is 404 unknown_presale."""
    caller.require(Permission.WORK_ORDERS)
    wish = read_wish(EndWish, body)
    with hub.database.transaction() as session:
        brand = brand_of(session, wish.sku)
        caller.require_scope(brand, "")
        before = find_presales(session, [brand], wish.sku)
        drop_presale(session, caller.name, wish.sku, wish.shop, hub.now())
    [was] = [one for one in before if one.shop == wish.shop]
    return Ended(ended=_view(was))


def _view(one: Presale) -> PresaleView:
    return PresaleView(**one.model_dump(), left=one.left)
