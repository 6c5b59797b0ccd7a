"""Returns of many orders: a shop lists its own, a program of operations what its role and scope let it see."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth import identify, operations, storefront
from api.surroundings import TheHub
from hub.aftersale.queue import ReturnPage, Wanted, list_returns
from hub.aftersale.status import ReturnKind, ReturnState
from hub.document import PRINTABLE, Moment
from hub.roles import Actor, Permission

router = APIRouter(prefix="/v1/returns", tags=["returns · 退货"])

Word = Annotated[str, Query(max_length=64, pattern=PRINTABLE)]


async def reader(hub: TheHub, client: Annotated[str, Depends(identify)]) -> Actor:
    """Give the actor of a shop, or of a program of operations that may see orders.

    Raises: Unauthorised.
    """
    if client not in hub.settings.operations:
        return await storefront(hub, client)
    actor = await operations(hub, client)
    actor.require(Permission.SEE_ORDERS)
    return actor


@router.get("", summary="退货单列表 · List returns")
def list_page(
    hub: TheHub,
    caller: Annotated[Actor, Depends(reader)],
    cursor: Annotated[str, Query(max_length=30, pattern=PRINTABLE)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    state: Annotated[tuple[ReturnState, ...], Query()] = (),
    kind: Annotated[ReturnKind | None, Query()] = None,
    brand: Word = "",
    shop: Word = "",
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
) -> ReturnPage:
    """List returns, the newest first; `next` of one page is the `cursor` of the following one.

    A `state` may be named several times. `since` and `until` are of when a return was asked for. A shop sees its own;
    a program of operations those of its brand or shop.
    """
    wanted = Wanted(states=state, kind=kind, brand=brand, shop=shop, since=since, until=until)
    with hub.database.transaction() as session:
        return list_returns(session, caller, wanted, after=cursor, limit=limit)
