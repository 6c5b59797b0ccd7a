"""What becomes of an order after it was placed: paid, changed, cancelled in part or whole."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Literal, Self

from fastapi import APIRouter, Header, Response
from pydantic import Field, model_validator
from sqlalchemy.orm import Session

from api.auth import Caller
from api.examples import CANCEL, CHANGE, FOLLOW_UP, PAYMENT
from api.surroundings import Body, Hub, TheHub, read_wish
from hub.clients import begin_key, finish_key
from hub.database import rows
from hub.document import PRINTABLE, Document, Moment
from hub.errors import Conflict, NotFound
from hub.merge.group import hold_together
from hub.order.change.begin import change, pieces_of
from hub.order.change.cancel import cancel
from hub.order.change.follow_up import Again, follow_up
from hub.order.change.intercept import ask_intercept
from hub.order.change.pay import pay
from hub.order.change.revision import Author, Contents, Wish
from hub.order.find import OrderView, get_order
from hub.order.model import Code, OrderType, Phrase, Pieces, Receiver
from hub.roles import Actor

router = APIRouter(prefix="/v1/orders", tags=["orders · 订单"])

Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200)]
OK: Final = 200
CREATED: Final = 201


class CancelledLine(Document):
    line_id: Code
    quantity: Pieces


class LineWish(Document):
    """How many pieces of a line are still wanted; 0 is none."""

    line_id: Code
    quantity: Annotated[int, Field(ge=0, le=1_000_000, strict=True)]


def _check_once(lines: Sequence[CancelledLine | LineWish]) -> None:
    """Refuse a line that is named twice: which of its quantities is meant is not known.

    Raises: ValueError.
    """
    if len({one.line_id for one in lines}) != len(lines):
        raise ValueError("a line is named twice")


class CancelWish(Document):
    """Why an order is cancelled, or only some pieces of it; the reason goes to the audit log."""

    reason: Phrase = ""
    lines: Annotated[tuple[CancelledLine, ...], Field(max_length=500)] = ()
    intercept: bool = False

    @model_validator(mode="after")
    def name_lines_once(self) -> Self:
        _check_once(self.lines)
        return self


class ReceiverWish(Document):
    """Whom and where to, in the words in which an order is posted."""

    name: str
    phone: str
    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    street: str
    postcode: str = ""


class ChangeWish(Document):
    """What is different now; what is left out stays as it is."""

    receiver: ReceiverWish | None = None
    remark: Annotated[str, Field(max_length=1000, pattern=PRINTABLE)] | None = None
    lines: Annotated[tuple[LineWish, ...], Field(max_length=500)] = ()
    reason: Phrase = ""

    @model_validator(mode="after")
    def name_lines_once(self) -> Self:
        _check_once(self.lines)
        return self


class AgainWish(Document):
    """Pieces of a shipped line to be sent: the same goods, or those of `sku` in exchange."""

    line_id: Code
    quantity: Pieces
    sku: Code | None = None


class FollowUpWish(Document):
    """Goods in exchange, or once more; nothing is charged."""

    type: Literal["exchange", "reship"]
    lines: Annotated[tuple[AgainWish, ...], Field(min_length=1, max_length=500)]
    reason: Phrase = ""


class PaymentWish(Document):
    paid_at: Moment


@router.post(
    "/{order_id}/cancel",
    response_model=OrderView,
    openapi_extra=CANCEL,
    summary="取消订单 · Cancel an order, or some of it",
)
def cancel_one(hub: TheHub, caller: Caller, order_id: str, body: Body, key: Key = "") -> Response:
    """Cancel the order, or the pieces of `lines`, and give stock and money back. Cancelling twice is not an error.

    Where a warehouse may have started, it is asked first: the order stays `in_fulfilment` with a hold
    `refund_requested`, or a change that is `waiting`, until it answers. What has left can only be returned (409
    already_shipped), unless `intercept` has somebody ask the courier to stop the parcels.
    """
    wish = read_wish(CancelWish, body)

    def act(session: Session, number: int) -> None:
        if wish.lines:
            pieces = pieces_of(session, number, {one.line_id: one.quantity for one in wish.lines})
            change(
                session, number, Wish(pieces=pieces), Author(caller.name, wish.reason), hub.now().astimezone(hub.zone)
            )
            return
        try:
            cancel(session, number, caller.name, wish.reason, hub.now())
        except Conflict as error:
            if not wish.intercept or error.code != "already_shipped":
                raise
            ask_intercept(session, number, caller.name, wish.reason, hub.now())

    return _once(hub, caller, "cancel", order_id, body, key, act)


@router.patch("/{order_id}", response_model=OrderView, openapi_extra=CHANGE, summary="修改订单 · Change an order")
def change_one(hub: TheHub, caller: Caller, order_id: str, body: Body, key: Key = "") -> Response:
    """Change address, remark or quantities; nothing else of an order can be changed, and no line can grow.

    Before a warehouse knows of it, at once: it is judged and sourced again. After that the warehouse is asked to stop:
    the change is `waiting` in `changes`, and becomes `applied`, `part` or `refused`. One change at a time: 409
    change_under_way, cancel_under_way. What has left cannot be changed (409 already_shipped). Lines that have these
    quantities already are no error.
    """
    wish = read_wish(ChangeWish, body)

    def act(session: Session, number: int) -> None:
        receiver = _receiver(wish.receiver) if wish.receiver else None
        hold_together(session, number)  # before its lines are read: of two calls alike the second finds it done
        wanted = Wish(_fewer(session, number, wish.lines), Contents(receiver=receiver, remark=wish.remark))
        if wish.lines and not wanted.kinds:
            return
        change(session, number, wanted, Author(caller.name, wish.reason), hub.now().astimezone(hub.zone))

    return _once(hub, caller, "change", order_id, body, key, act)


@router.post(
    "/{order_id}/payment", response_model=OrderView, openapi_extra=PAYMENT, summary="订单已付款 · An order was paid"
)
def pay_one(hub: TheHub, caller: Caller, order_id: str, body: Body, key: Key = "") -> Response:
    """Record the payment of an order that was placed unpaid: it goes on. Twice is not an error.

    An order that was closed or cancelled first is not opened again: 409 order_closed, and the money goes back.
    """
    wish = read_wish(PaymentWish, body)

    def act(session: Session, number: int) -> None:
        pay(session, number, caller.name, wish.paid_at, hub.now().astimezone(hub.zone))

    return _once(hub, caller, "pay", order_id, body, key, act)


@router.post(
    "/{order_id}/follow-ups",
    status_code=CREATED,
    response_model=OrderView,
    openapi_extra=FOLLOW_UP,
    summary="换货或补发 · Send in exchange, or once more",
)
def follow_one(hub: TheHub, caller: Caller, order_id: str, body: Body, key: Key = "") -> Response:
    """Place an order that follows from this one, to the same receiver and free of charge; answer with the new order.

    No more pieces of a line can be sent again than were shipped of it (409 not_shipped). Send an Idempotency-Key: a
    second call without one is a second order.
    """
    wish = read_wish(FollowUpWish, body)

    def act(session: Session, number: int) -> int:
        lines = [Again(one.line_id, one.quantity, one.sku or "") for one in wish.lines]
        author, here = Author(caller.name, wish.reason), hub.now().astimezone(hub.zone)
        return follow_up(session, number, OrderType(wish.type), lines, author, here, hub.zone)

    return _once(hub, caller, "follow", order_id, body, key, act, CREATED)


def _once(
    hub: Hub,
    caller: Actor,
    what: str,
    order_id: str,
    body: bytes,
    key: str,
    act: Callable[[Session, int], int | None],
    status: int = OK,
) -> Response:
    """Do something to an order of the caller's, once for each Idempotency-Key.

    The answer is the order, or the other one that `act` gives.
    """
    number = number_of(order_id)
    digest = hashlib.sha256(b"%s:%d:" % (what.encode(), number) + body).digest()
    with hub.database.transaction() as session:
        get_order(session, number, caller)
        known = begin_key(session, caller.name, key, digest, hub.now()) if key else None
        if known:
            return Response(known[1], known[0], {"Idempotent-Replayed": "true"}, "application/json")
        shown = act(session, number) or number
        answer = get_order(session, shown, caller).model_dump_json().encode()
        if key:
            finish_key(session, caller.name, key, status, answer)
    return Response(answer, status, None, "application/json")


def number_of(order_id: str) -> int:
    """Read an order's number.

    Raises: NotFound.
    """
    if not (order_id.isascii() and order_id.isdigit() and len(order_id) <= 16):  # noqa: PLR2004 # hub.ids: sixteen digits
        raise NotFound(f"there is no order {order_id[:20]}", code="unknown_order")
    return int(order_id)


def _fewer(session: Session, order_id: int, lines: tuple[LineWish, ...]) -> dict[int, int]:
    """Give the pieces to cancel, by the hub's lines.

    Raises: Malformed for an unknown line; Conflict when a line is to grow.
    """
    found = rows(
        session,
        """select external_line_id as id, ordered - cancelled as open from order_line
           where order_id = :id and kind <> 'component'""",
        id=order_id,
    )
    there = {one.id: one.open for one in found}
    if grown := [one.line_id for one in lines if one.quantity > there.get(one.line_id, one.quantity)]:
        raise Conflict(f"line {', '.join(grown)} cannot grow: place another order", code="line_grows", field="lines")
    return pieces_of(session, order_id, {one.line_id: there.get(one.line_id, 0) - one.quantity for one in lines})


def _receiver(wish: ReceiverWish) -> Receiver:
    values = wish.model_dump(exclude={"district"}) | {"county": wish.district}
    return read_wish(Receiver, json.dumps(values).encode())
