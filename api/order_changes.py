"""What becomes of an order after it was placed: paid, changed, cancelled in part or whole."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final

from fastapi import APIRouter, Header, Response
from sqlalchemy.orm import Session

from api.auth import Caller
from api.change_examples import CANCEL, CHANGE, FOLLOW_UP, PAYMENT, REFUND
from api.change_wishes import (
    CancelWish,
    ChangeWish,
    FollowUpWish,
    PaymentWish,
    ReceiverWish,
    RefundWish,
)
from api.surroundings import Body, Hub, TheHub, read_wish
from hub.aftersale.exchange import exchange_for
from hub.clients import begin_key, finish_key
from hub.document import Document
from hub.errors import Conflict, NotFound
from hub.merge.group import hold_together
from hub.money import minor_units
from hub.order.change.addition import Addition
from hub.order.change.begin import change
from hub.order.change.cancel import cancel
from hub.order.change.due import check_charge
from hub.order.change.follow_up import Again, follow_up
from hub.order.change.pay import pay, pay_deposit
from hub.order.change.refund import mark_refund
from hub.order.change.revision import Author, Contents, Wish
from hub.order.change.table import Charge, RefundState
from hub.order.change.wanted import WantedLine, pieces_of, wish_lines
from hub.order.find import get_order
from hub.order.model import OrderType, Receiver
from hub.order.ship.intercept import ask_intercept
from hub.order.view import OrderView
from hub.roles import Actor

router = APIRouter(prefix="/v1/orders", tags=["orders · 订单"])

Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200)]
OK: Final = 200
CREATED: Final = 201


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
    already_shipped), unless `intercept` has the parcels stopped: couriers that are connected are asked to bring them
    back, which `parcels` shows, and somebody is called for the others. An order of which only the
    deposit was paid gives it back, unless it is cancelled `by` the buyer and deposits are kept. Of a line no more can
    be cancelled than is left of it: 409 more_than_left says how many that is, pieces_shipped that none is.
    """
    wish = read_wish(CancelWish, body)
    keep = wish.by == "buyer" and hub.settings.orders.deposit == "keep"

    def act(session: Session, number: int) -> None:
        if wish.lines:
            hold_together(session, number)  # before its lines are read, which somebody may be changing
            pieces = pieces_of(session, number, {one.line_id: one.quantity for one in wish.lines})
            author, here = Author(caller.name, wish.reason), hub.now().astimezone(hub.zone)
            change(session, number, Wish(pieces=pieces), author, here, keep_deposit=keep)
            return
        try:
            cancel(session, number, caller.name, wish.reason, hub.now(), keep_deposit=keep)
        except Conflict as error:
            if not wish.intercept or error.code != "already_shipped":
                raise
            ask_intercept(session, number, caller.name, wish.reason, hub.now())

    return once(hub, caller, "cancel", order_id, body, key, act)


@router.patch("/{order_id}", response_model=OrderView, openapi_extra=CHANGE, summary="修改订单 · Change an order")
def change_one(hub: TheHub, caller: Caller, order_id: str, body: Body, key: Key = "") -> Response:
    """Change address, remark or lines: fewer pieces or more, other goods in their place, a further line.

    What that costs more is in `dues`: the order waits until it is paid there, unless it is given away (`charge` is
    `free`); what it costs less is in `refunds`. A line that grows is shown as a further one of the same `line_id`.
    Before a warehouse knows of it, at once: it is judged and sourced again. After that the warehouse is asked to stop:
    the change is `waiting` in `changes`, and becomes `applied`, `part` or `refused`. One change at a time: 409
    change_under_way, cancel_under_way. What has left cannot be changed (409
    already_shipped of an order, pieces_shipped of a line). Lines that have these
    quantities already are no error.
    """
    wish = read_wish(ChangeWish, body)

    def act(session: Session, number: int) -> None:
        receiver = _receiver(wish.receiver) if wish.receiver else None
        hold_together(session, number)  # before its lines are read: of two calls alike the second finds it done
        pieces, added = _lines(session, number, wish)
        contents = Contents(receiver=receiver, remark=wish.remark)
        wanted = Wish(pieces, contents, added=added, charge=Charge(wish.charge))
        if added:
            check_charge(wanted.charge, hub.settings.orders.charges)
        if wish.lines and not wanted.kinds:
            return
        change(session, number, wanted, Author(caller.name, wish.reason), hub.now().astimezone(hub.zone))

    return once(hub, caller, "change", order_id, body, key, act)


@router.post(
    "/{order_id}/payment", response_model=OrderView, openapi_extra=PAYMENT, summary="订单已付款 · An order was paid"
)
def pay_one(hub: TheHub, caller: Caller, order_id: str, body: Body, key: Key = "") -> Response:
    """Record the payment of an order, or of what is due for goods added to it: it goes on. Twice is not an error.

    The `amount`, in yuan as text, has to be what is to be paid (409 wrong_amount). Of an order that lost pieces before
    it was paid, that is the total, or less by what these bear, and what was paid for them is refunded. With
    `deposit` it is the deposit that was paid: the order waits for its balance, which is the total less that.

    An order that was closed or cancelled first is not opened again: 409 order_closed, and the money goes back. Nor are
    goods that were added, and taken back as nobody paid for them in time: 409 due_lapsed.
    """
    wish = read_wish(PaymentWish, body)

    def act(session: Session, number: int) -> None:
        at, of, amount = hub.now().astimezone(hub.zone), wish.reference, None
        if wish.amount is not None:
            amount = minor_units(Decimal(wish.amount), get_order(session, number, caller).currency)
        if wish.deposit:
            told = amount, wish.balance_due_at
            pay_deposit(session, number, caller.name, at, *told, paid_at=wish.paid_at, reference=of)
            return
        pay(session, number, caller.name, wish.paid_at, at, amount=amount, reference=of)

    return once(hub, caller, "pay", order_id, body, key, act)


@router.post(
    "/{order_id}/refunds/{refund_no}",
    response_model=OrderView,
    openapi_extra=REFUND,
    summary="登记退款结果 · Say what became of a refund",
)
def settle_refund(hub: TheHub, caller: Caller, order_id: str, refund_no: str, body: Body, key: Key = "") -> Response:
    """Mark a refund as done, with the payer's own number of it, or as failed. The same again is not an error.

    One that was done under another number, or of which nothing moves, is 409 refund_state.
    """
    wish = read_wish(RefundWish, body)
    no = number_of(refund_no)

    def act(session: Session, number: int) -> None:
        mark_refund(session, number, no, RefundState(wish.state), wish.reference, caller.name, hub.now())

    return once(hub, caller, f"refund:{no}", order_id, body, key, act)


@router.post(
    "/{order_id}/follow-ups",
    status_code=CREATED,
    response_model=OrderView,
    openapi_extra=FOLLOW_UP,
    summary="换货或补发 · Send in exchange, or once more",
)
def follow_one(hub: TheHub, caller: Caller, order_id: str, body: Body, key: Key = "") -> Response:
    """Place an order that follows from this one, to the same receiver and free of charge; answer with the new order.

    No more pieces of a line can be sent again than were shipped of it (409 not_shipped). Without a `sku` it is the
    goods that were shipped; where a line was shipped as several, name which (409 several_goods). An exchange may be for
    a return (`return_no`): of no more pieces than come back by it (409 not_of_return), which are then not paid back.
    Send an Idempotency-Key: a second call without one is a second order.
    """
    wish = read_wish(FollowUpWish, body)

    def act(session: Session, number: int) -> int:
        lines = [Again(one.line_id, one.quantity, one.sku or "") for one in wish.lines]
        author, here = Author(caller.name, wish.reason), hub.now().astimezone(hub.zone)
        if wish.return_no is not None:
            return exchange_for(session, number, wish.return_no, lines, author, here, hub.zone)
        return follow_up(session, number, OrderType(wish.type), lines, author, here, hub.zone)

    return once(hub, caller, "follow", order_id, body, key, act, CREATED)


def once(
    hub: Hub,
    caller: Actor,
    what: str,
    order_id: str,
    body: bytes,
    key: str,
    act: Callable[[Session, int], int | None],
    status: int = OK,
    show: Callable[[Session, int, Actor], Document] = get_order,
) -> Response:
    """Do something to an order of the caller's, once for each Idempotency-Key.

    The answer is the order, or the other one that `act` gives, or what `show` makes of it.
    """
    number = number_of(order_id)
    digest = hashlib.sha256(b"%s:%d:" % (what.encode(), number) + body).digest()
    with hub.database.transaction() as session:
        get_order(session, number, caller)
        known = begin_key(session, caller.name, key, digest, hub.now()) if key else None
        if known:
            return Response(known[1], known[0], {"Idempotent-Replayed": "true"}, "application/json")
        shown = act(session, number) or number
        answer = show(session, shown, caller).model_dump_json().encode()
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


def _lines(session: Session, order_id: int, wish: ChangeWish) -> tuple[Mapping[int, int], Sequence[Addition]]:
    """Give the pieces to cancel by the hub's lines, and what is to be added.

    Raises: as `wish_lines`.
    """
    return wish_lines(
        session,
        order_id,
        [WantedLine(one.line_id, one.quantity, one.sku or "", one.unit_price or "", one.title) for one in wish.lines],
    )


def _receiver(wish: ReceiverWish) -> Receiver:
    values = wish.model_dump(exclude={"district"}) | {"county": wish.district}
    return read_wish(Receiver, json.dumps(values).encode())
