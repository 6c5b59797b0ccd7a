"""Stock for shops and programs of operations: what may be promised, pieces held for a cart, corrections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, NamedTuple, cast

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool

from api.auth import Operator, identify, operations, storefront
from api.gather import Gather, gathering
from api.surroundings import Hub, TheHub
from hub.catalogue.find import find_bound
from hub.catalogue.model import Code
from hub.document import PRINTABLE, Document
from hub.errors import Malformed
from hub.inventory.counted import LONGEST
from hub.inventory.promise import Promise, promise
from hub.order.lot_orders import LotOrders, orders_of_lot
from hub.order.place.senders import check_division, senders_of
from hub.roles import Actor, Permission
from hub.scope import check_names
from hub.sourcing.location import find_places
from hub.sourcing.model import LocationKind
from hub.sourcing.model import Place as Location

router = APIRouter(prefix="/v1/inventory", tags=["inventory · 库存"])

MOST_SKUS: Final = 200
SHORT: Final = 20
"""Who asks of more codes is answered alone: others need not wait for that."""

NOWHERE: Final[Mapping[str, Location]] = {}
SEES_LOCATIONS: Final = "stock_by_location"
"""The option of a shop's connection that shows it how its stock is spread: `stock_by_location = "yes"`."""

Word = Annotated[str, StringConstraints(max_length=64, pattern=PRINTABLE)]
Named = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=PRINTABLE)]
"""A word that is meant: what stands around it, or stands there alone, is none."""


class Available(Document):
    """What may be promised of a SKU: `code` as it was asked for; `by_location` only for whom it is shown to.

    `presale` is what a pre-sale limit leaves of goods that are still to come: then it is all that is `free`.
    """

    code: str
    sku: str
    free: int
    quota: str
    backorder: int
    incoming: int
    presale: int | None = None
    bundle: bool
    by_location: dict[str, int] | None = None


class Place(Document):
    """What a location is: of which kind, and whether goods under bond lie there."""

    kind: LocationKind
    bonded: bool


class Availability(Document):
    """What may be promised as of a moment, to a division if one was asked for.

    `locations` tells of those that items name, only for whom these are shown to; `unknown` are codes that no SKU stands
    for.
    """

    as_of: datetime
    division: str | None = None
    items: tuple[Available, ...]
    locations: dict[str, Place] | None = None
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks what may be promised: a shop of a brand, or a program of operations in the name of one."""

    actor: Actor
    brand: str
    shop: str
    sees_locations: bool


class Asked(NamedTuple):
    """What one request wants to know: of which codes, each once, and for which division, if for any."""

    who: Asker
    codes: Sequence[str]
    division: str

    @property
    def of(self) -> tuple[str, str, str]:
        return self.who.brand, self.who.shop, self.division

    @property
    def named(self) -> list[Code]:
        return [(self.who.brand, self.who.shop, code) for code in self.codes]


async def asker(hub: TheHub, client: Annotated[str, Depends(identify)], brand: Word = "", shop: Word = "") -> Asker:
    """Give who asks; a shop asks for itself, a program names the brand and the shop unless it is of one alone.

    Raises: Unauthorised for what it may not see; Malformed when no brand is named; NotFound for a brand or a shop that
    there is not: it would be answered as one without quotas.
    """
    if client in hub.settings.operations:
        actor, found = await operations(hub, client), hub.settings.operations[client]
        actor.require(Permission.SEE_ORDERS)
        meant = Asker(actor, brand or found.brand, shop or found.shop, sees_locations=True)
        if not meant.brand:
            raise Malformed("say of which brand", field="brand", zh="请指明品牌")
    else:
        one = hub.connectors.settings_of(client)
        actor = await storefront(hub, client)
        sees = one.options.get(SEES_LOCATIONS) == "yes"
        meant = Asker(actor, brand or one.brand, shop or one.shop, sees_locations=sees)
    actor.require_scope(meant.brand, meant.shop)
    check_names(hub.settings.connections, meant.brand, meant.shop)
    return meant


@router.get("", response_model=Availability, summary="查询可售 · What may be promised")
async def available(
    request: Request,
    hub: TheHub,
    who: Annotated[Asker, Depends(asker)],
    skus: Annotated[str, Query(min_length=1, max_length=13_000, pattern=PRINTABLE)],
    division: Annotated[Word, Query(examples=["310115"])] = "",
    region: Annotated[Word, Query(description="即 division · the same as division")] = "",
) -> Response:
    """Give what may be promised of up to 200 codes, divided by commas, in a shop.

    A code is the shop's own or a SKU. What is free counts safety stock, quotas and carts; a bundle's is that of its
    scarcest part, and virtual goods, which lie on no shelf, are as many as quotas let the shop have, else 1,000,000. A
    brand or a shop that there is not is 404 unknown_brand or unknown_shop. With the official code of a `division`, best
    a county's, only what lies at locations counts that an order to there would be sourced from now; a code that there
    is not is 422 unknown_division. `region` is another word for it.
    """
    division = one_division(division, region)
    codes = list(dict.fromkeys(code for code in (part.strip() for part in skus.split(",")) if code))
    if not codes:
        raise Malformed("name a SKU", field="skus", zh="请至少填写一个 SKU")
    if len(codes) > MOST_SKUS:
        text, zh = f"at most {MOST_SKUS} SKUs are answered at once", f"一次最多查询 {MOST_SKUS} 个 SKU"
        raise Malformed(text, code="too_many_skus", field="skus", zh=zh)
    if division:
        check_division(division)
    asked = Asked(who, codes, division)
    if len(codes) > SHORT:
        [told] = await run_in_threadpool(promise_all, hub, [asked])
    else:
        told = await cast("Gather[Asked, bytes]", request.app.state.promises).give(asked)
    return Response(told, media_type="application/json")


def gathered_promises(hub: Hub) -> Gather[Asked, bytes]:
    """Make what gathers the questions of concurrent requests."""
    return gathering(hub, promise_all)


def promise_all(hub: Hub, asked: Sequence[Asked]) -> Sequence[bytes]:
    """Answer some questions on one look: what a shop is asked of for one division is asked together."""
    at = hub.now()
    here = at.astimezone(hub.zone)
    found: dict[tuple[str, str, str], Mapping[str, Promise]] = {}
    with hub.database.transaction() as session:
        senders = senders_of(session, {(one.who.brand, one.division) for one in asked if one.division}, here)
        bound = find_bound(session, sorted({code for one in asked for code in one.named}))
        for of in {one.of for one in asked}:
            brand, shop, division = of
            skus = {bound[code] for one in asked if one.of == of for code in one.named if code in bound}
            found[of] = promise(session, brand, shop, skus, here, senders=senders.get((brand, division)))
        places = find_places(session) if any(one.who.sees_locations for one in asked) else NOWHERE
    told = [_told(one, bound, found[one.of], places, at) for one in asked]
    return [one.model_dump_json(exclude_none=True).encode() for one in told]


def _told(
    asked: Asked,
    bound: Mapping[Code, str],
    found: Mapping[str, Promise],
    places: Mapping[str, Location],
    at: datetime,
) -> Availability:
    who, sku_of = asked.who, {code: bound.get((brand, shop, code), "") for brand, shop, code in asked.named}
    items = tuple([_available(code, found[sku], who) for code, sku in sku_of.items() if sku in found])
    seen = {code for one in items for code in one.by_location or ()}
    locations = {code: Place(kind=LocationKind(places[code].kind), bonded=places[code].bonded) for code in sorted(seen)}
    return Availability(
        as_of=at,
        division=asked.division or None,
        items=items,
        locations=locations if who.sees_locations else None,
        unknown=tuple([code for code, sku in sku_of.items() if sku not in found]),
    )


@router.get("/lots", summary="按批次查订单 · Orders of a lot")
def orders_of(
    hub: TheHub,
    caller: Operator,
    lot: Annotated[str, Query(min_length=1, max_length=LONGEST, pattern=PRINTABLE)],
    sku: Word = "",
    after: Word = "",
    limit: Annotated[int, Query(ge=1, le=MOST_SKUS)] = 50,
) -> LotOrders:
    """Give the orders that got pieces of a lot or are about to, receivers masked; only for programs of operations.

    `next` goes on as `after`. A SKU narrows it: two SKUs may have lots of one code.
    """
    with hub.database.transaction() as session:
        return orders_of_lot(session, caller, lot.strip(), sku.strip(), after=after, limit=limit)


def one_division(division: str, region: str) -> str:
    """Give the division that is named by either word, or by none.

    Raises: Malformed where both are named and differ.
    """
    if division and region and division != region:
        text, zh = "division and region are the same: name one", "division 与 region 含义相同，请只填一个"
        raise Malformed(text, field="region", zh=zh)
    return division or region


def _available(code: str, found: Promise, who: Asker) -> Available:
    return Available(
        code=code,
        sku=found.sku,
        free=found.free,
        quota=found.quota,
        backorder=found.backorder,
        incoming=found.incoming,
        presale=found.presale,
        bundle=found.bundle,
        by_location=dict(found.by_location) if who.sees_locations else None,
    )
