"""Held orders for programs of operations: why each waits, since when, and who may let it go on."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Operator
from api.surroundings import TheHub
from hub.document import PRINTABLE, Moment
from hub.order.holds.view import HoldPage, Wanted, list_holds
from hub.review.verdict import Scope
from hub.roles import Permission

router = APIRouter(prefix="/v1/holds", tags=["holds · 待审挂起"])

Word = Annotated[str, Query(max_length=64, pattern=PRINTABLE)]


@router.get("", summary="待审挂起列表 · List live holds")
def list_page(
    hub: TheHub,
    caller: Operator,
    cursor: Annotated[str, Query(max_length=24, pattern=PRINTABLE)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    type: Word = "",  # noqa: A002 # the name in the query
    rule: Word = "",
    scope: Annotated[Scope | None, Query()] = None,
    brand: Word = "",
    shop: Word = "",
    before: Annotated[Moment | None, Query()] = None,
) -> HoldPage:
    """List live holds, the oldest order first; `next` of one page is the `cursor` of the following one.

    A `scope` lists those of whole orders, of lines or of fulfilment orders alone. Of a page that a rare filter leaves
    short, `looked_at` says how many holds were looked at; `next` looks further.
    """
    caller.require(Permission.SEE_ORDERS)
    wanted = Wanted(type=type, rule=rule, scope=scope or "", brand=brand, shop=shop, before=before)
    with hub.database.transaction() as session:
        return list_holds(session, caller, wanted, after=cursor, limit=limit)
