"""Pieces held for a cart: until an order takes them, the shop gives them back, or their time is over."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response
from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api.auth import Caller
from api.inventory import Named, Word, bound_codes, one_division
from api.stock_examples import RESERVATION
from api.surroundings import Body, Hub, TheHub, read_wish
from hub.document import Document
from hub.errors import Conflict, Malformed, NotFound
from hub.inventory.around import HotView, hot_of
from hub.inventory.hot import HotWish
from hub.inventory.hot_sale import unnamed
from hub.inventory.reservation_table import ReservationState
from hub.inventory.reservation_view import find_reservation
from hub.inventory.soft import Held, Wish, hold, release_held
from hub.order.model import Pieces
from hub.order.place.senders import senders_to
from hub.roles import Actor

router = APIRouter(prefix="/v1/inventory/reservations", tags=["inventory · 库存"])

CREATED: Final = 201
OK: Final = 200

Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
"""A cart's own number: it stands in a path."""


class CartLine(Document):
    sku: Named
    quantity: Pieces


class Cart(Document):
    """Pieces to be held for a cart until an order names its `ref`, or `ttl_s` seconds are over.

    With a `division` (or `region`, the same) only where an order to there would be sourced from now.
    """

    ref: Ref
    lines: Annotated[tuple[CartLine, ...], Field(min_length=1)]
    ttl_s: Annotated[int, Field(ge=30, le=86_400, strict=True)] = 900
    buyer: Word = ""
    division: Word = ""
    region: Word = ""


class Reservation(Document):
    """A cart's pieces; `state` is held, taken by an order, released or expired."""

    ref: str
    state: str
    expires_at: datetime
    order_id: str | None


@router.post(
    "",
    status_code=CREATED,
    response_model=Reservation,
    openapi_extra=RESERVATION,
    summary="预占库存 · Hold pieces for a cart",
)
async def reserve(hub: TheHub, caller: Caller, body: Body) -> Response:
    """Hold pieces for a cart, all or none, until an order names its `ref` or its time is over.

    The same cart again answers 200 with what is held; the same `ref` with other contents 409. Too little of something
    is 409 no_stock and names the SKUs; a shop's quotas and the pieces that other shops have for themselves count. Of
    virtual goods nothing is held, but their quotas say how many may be in a cart. What
    is in a flash sale is held by itself, for as long as the sale says; a buyer may be at their limit (409 buyer_limit),
    also with a bundle that it is a part of, or the queue full: 429 says when to come back. An order that names no
    reservation counts for its buyer too, and is held (flash_sale_limit) where it is of more.

    With a `division` pieces are held where an order to there would be sourced from now, so that the order can have
    them, in a flash sale too; a code that there is not is 422 unknown_division.
    """
    known, begun = await run_in_threadpool(_begin, hub, caller, body)
    held = begun if isinstance(begun, Held) else await hub.crowd.hold_hot(begun)
    told = Reservation(ref=held.ref, state=ReservationState.HELD, expires_at=held.expires_at, order_id=None)
    return Response(told.model_dump_json(), OK if known else CREATED, None, "application/json")


@router.get("/{ref}", summary="查看预占 · Get a reservation")
def get_held(hub: TheHub, caller: Caller, ref: Annotated[Ref, Path()]) -> Reservation:
    """Give a cart's reservation in whatever state it is."""
    [shop] = caller.shops
    with hub.database.transaction() as session:
        return _reservation(session, shop, ref)


@router.delete("/{ref}", summary="释放预占 · Give held pieces back")
def let_go(hub: TheHub, caller: Caller, ref: Annotated[Ref, Path()]) -> Reservation:
    """Give a cart's pieces back to be sold. Twice is not an error; what an order has taken is given back by cancelling.

    One that was never made is 404.
    """
    [shop] = caller.shops
    with hub.database.transaction() as session:
        release_held(session, shop, ref, hub.now())
        found = _reservation(session, shop, ref)
        if found.state == ReservationState.TAKEN:
            raise Conflict(f"order {found.order_id} has taken these pieces: cancel it", code="reservation_taken")
        return found


def _begin(hub: Hub, caller: Actor, body: bytes) -> tuple[bool, Held | HotWish]:
    """Say whether a cart is known, and hold it; of what is in a flash sale give the wish, which the crowd is to hold.

    Raises: HubFull; whatever refuses a cart.
    """
    hub.room.require()
    cart = read_wish(Cart, body)
    if len(cart.lines) > hub.settings.limits.order_lines:
        raise Malformed(f"a cart has at most {hub.settings.limits.order_lines} lines", code="too_many_lines")
    [brand], [shop], at = caller.brands, caller.shops, hub.now().astimezone(hub.zone)
    division, ttl = one_division(cart.division, cart.region), timedelta(seconds=cart.ttl_s)
    with hub.database.transaction() as session:
        known = find_reservation(session, shop, cart.ref) is not None
        wishes = _wishes(session, brand, shop, cart.lines)
        sale = _sale(session, wishes, cart.buyer, at)
        senders = senders_to(session, brand, division, at) if division else None
        if sale is None:
            return known, hold(session, brand, shop, cart.ref, wishes, ttl, at, buyer=cart.buyer, locations=senders)
    [wish] = wishes
    return known, HotWish(brand, shop, cart.ref, cart.buyer, wish.sku, wish.quantity, senders)


def _wishes(session: Session, brand: str, shop: str, lines: Sequence[CartLine]) -> list[Wish]:
    """Give what is wished of each SKU, lines of the same added up.

    Raises: NotFound for codes that no SKU stands for.
    """
    bound = bound_codes(session, brand, shop, [line.sku for line in lines])
    unknown = sorted({line.sku for line in lines} - bound.keys())
    if unknown:
        raise NotFound(f"no SKU stands for {', '.join(unknown)}", code="unknown_sku", field="lines")
    wished: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        wished[bound[line.sku]] += line.quantity
    return [Wish(sku, quantity) for sku, quantity in sorted(wished.items())]


def _sale(session: Session, wishes: Sequence[Wish], buyer: str, at: datetime) -> HotView | None:
    """Give the flash sale that a cart is for, if it is for one.

    Raises: Malformed for a cart with other goods, and without a buyer where each gets so many: limits are per buyer.
    """
    sales = hot_of(session, [one.sku for one in wishes], at)
    if not sales:
        return None
    if len(wishes) > 1:
        told = ", ".join(sorted(sales))
        raise Malformed(f"hold what is in a flash sale by itself: {told}", code="hot_alone", field="lines")
    [sale] = sales.values()
    if sale.per_buyer and not buyer:
        raise unnamed()
    return sale


def _reservation(session: Session, shop: str, ref: str) -> Reservation:
    """Give a shop's reservation.

    Raises: NotFound.
    """
    found = find_reservation(session, shop, ref)
    if found is None:
        raise NotFound(f"there is no reservation {ref}", code="unknown_reservation")
    order_id = str(found.order_id) if found.order_id else None
    return Reservation(ref=ref, state=found.state, expires_at=found.expires_at, order_id=order_id)
