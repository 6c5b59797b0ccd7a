"""Pieces held for a cart: until an order takes them, the shop gives them back, or their time is over."""

from datetime import datetime, timedelta
from typing import Annotated, Final, cast

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api.auth import Caller, Signed, Signer
from api.carts import Begun, Ref, shop_of
from api.gather import Gather
from api.stock_examples import RESERVATION
from api.surroundings import Hub, TheHub
from hub.document import Document
from hub.errors import Conflict, NotFound
from hub.inventory.reservation_table import ReservationState
from hub.inventory.reservation_view import find_reservation
from hub.inventory.soft import hold, release_held
from hub.roles import Actor

router = APIRouter(prefix="/v1/inventory/reservations", tags=["inventory · 库存"])

CREATED: Final = 201
OK: Final = 200


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
async def reserve(request: Request, hub: TheHub, call: Signer) -> Response:
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
    begun = await cast("Gather[Signed, Begun]", request.app.state.carts).give(call)
    if begun.hot:
        held = await hub.crowd.hold_hot(begun.hot_wish(call.actor))
        told = Reservation(ref=held.ref, state=ReservationState.HELD, expires_at=held.expires_at, order_id=None)
    else:
        told = await run_in_threadpool(_hold, hub, call.actor, begun)
    return Response(told.model_dump_json(), OK if begun.known else CREATED, None, "application/json")


def _hold(hub: Hub, actor: Actor, begun: Begun) -> Reservation:
    brand, shop = shop_of(actor)
    cart, at = begun.cart, hub.now().astimezone(hub.zone)
    ttl, buyer, senders = timedelta(seconds=cart.ttl_s), cart.buyer, begun.senders
    if begun.known:
        hub.database.persist()  # the crowd of another process may have committed it a moment ago
    with hub.database.transaction() as session:
        hold(session, brand, shop, cart.ref, begun.wishes, ttl, at, buyer=buyer, locations=senders)
        return _reservation(session, shop, cart.ref)


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


def _reservation(session: Session, shop: str, ref: str) -> Reservation:
    """Give a shop's reservation.

    Raises: NotFound.
    """
    found = find_reservation(session, shop, ref)
    if found is None:
        raise NotFound(f"there is no reservation {ref}", code="unknown_reservation")
    order_id = str(found.order_id) if found.order_id else None
    return Reservation(ref=ref, state=found.state, expires_at=found.expires_at, order_id=order_id)
