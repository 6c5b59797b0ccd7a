"""Storefronts' orders: place one or many, look at them, cancel."""

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy.orm import Session

from api.auth import Caller
from api.errors import problem_of, status_of
from api.examples import BATCH, ORDER
from api.surroundings import Body, Hub, TheHub
from hub.clients import begin_key, finish_key
from hub.document import PRINTABLE, Document
from hub.errors import Conflict, Malformed, NotFound, Rejected
from hub.inbox import InboxState, Message, keep, message_id_of, read, reopen
from hub.order.cancel import cancel
from hub.order.find import OrderPage, OrderView, find_order_id, get_order, list_orders
from hub.order.model import Phrase, ShopOrder
from hub.order.receive import ORDER as KIND
from hub.order.receive import Received, receive
from hub.order.status import Lifecycle
from hub.roles import Actor

router = APIRouter(prefix="/v1/orders", tags=["orders · 订单"])

Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200)]
CREATED: Final = 201
OK: Final = 200
SET_ASIDE: Final = Conflict(
    "a person has set this order aside, or mended it by hand: look whether it is there before sending another",
    code="message_set_aside",
)


class CancelWish(Document):
    """Why an order is cancelled; recorded in the audit log."""

    reason: Phrase = ""


class BatchItem(Document):
    """What became of one order of a batch: its status, and the order or the problem."""

    index: int
    status: int
    order: OrderView | None = None
    problem: dict[str, Any] | None = None


class BatchResult(Document):
    items: tuple[BatchItem, ...]


@router.post("", status_code=CREATED, response_model=OrderView, openapi_extra=ORDER, summary="下单 · Place an order")
def create_order(request: Request, hub: TheHub, caller: Caller, body: Body, key: Key = "") -> Response:
    """Place an order: kept, checked, sourced and reserved before the answer.

    The same order again answers 200 with the first result; the same number with other contents 409. While the hub is
    full it takes no orders: 429 says when to come back.
    """
    hub.room.require()
    answered = _begin(hub, caller, key, b"one", body)
    if answered is not None:
        return _raw(*answered, replayed=True)
    [(status, answer)] = _place(request, hub, caller, [body])
    if key and status < 400:  # noqa: PLR2004 # a refusal is not remembered: its cause may be mended
        with hub.database.transaction() as session:
            finish_key(session, caller.name, key, status, answer)
    return _raw(status, answer)


@router.post("/batch", response_model=BatchResult, openapi_extra=BATCH, summary="批量下单 · Place many orders")
def create_orders(request: Request, hub: TheHub, caller: Caller, body: Body, key: Key = "") -> Response:
    """Place many orders at once; each succeeds or fails alone, and the items answer in the order sent."""
    hub.room.require()
    bodies = _split(hub, body)
    answered = _begin(hub, caller, key, b"many", body)
    if answered is not None:
        return _raw(*answered, replayed=True)
    items = [
        {"index": index, "status": status, ("order" if status < 400 else "problem"): json.loads(answer)}  # noqa: PLR2004 # HTTP
        for index, (status, answer) in enumerate(_place(request, hub, caller, bodies))
    ]
    answer = json.dumps({"items": items}, ensure_ascii=False).encode()
    if key and all(item["status"] < 400 for item in items):  # noqa: PLR2004 # as above
        with hub.database.transaction() as session:
            finish_key(session, caller.name, key, OK, answer)
    return _raw(OK, answer)


@router.get("", summary="订单列表 · List orders")
def list_page(
    hub: TheHub,
    caller: Caller,
    cursor: Annotated[str, Query(pattern=r"^[0-9]{0,16}$")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    lifecycle: Lifecycle | None = None,
    external_id: Annotated[str, Query(max_length=64, pattern=PRINTABLE)] = "",
) -> OrderPage:
    """List your orders, newest first; `next` of one page is the `cursor` of the following one."""
    with hub.database.transaction() as session:
        if external_id:
            return OrderPage(orders=tuple(_by_number(session, caller, external_id)), next="")
        before = int(cursor) if cursor else None
        return list_orders(session, caller, before=before, limit=limit, lifecycle=lifecycle or "")


@router.get("/{order_id}", summary="查看订单 · Get an order")
def get_one(hub: TheHub, caller: Caller, order_id: str) -> OrderView:
    """Give an order with its lines, open holds, fulfilment orders and parcels."""
    with hub.database.transaction() as session:
        return get_order(session, _number(order_id), caller)


@router.post("/{order_id}/cancel", summary="取消订单 · Cancel an order")
def cancel_one(hub: TheHub, caller: Caller, order_id: str, body: Body) -> OrderView:
    """Cancel the order and give its stock back. Cancelling twice is not an error.

    Where a warehouse may have started, it is asked first: the order stays `in_fulfilment` with a hold
    `refund_requested` until it answers. What has left can only be returned (409 already_shipped).
    """
    wish = _wish(body)
    with hub.database.transaction() as session:
        get_order(session, _number(order_id), caller)
        cancel(session, _number(order_id), caller.name, wish.reason, hub.now())
        return get_order(session, _number(order_id), caller)


def _begin(hub: Hub, caller: Actor, key: str, call: bytes, body: bytes) -> tuple[int, bytes] | None:
    if not key:
        return None
    with hub.database.transaction() as session:
        return begin_key(session, caller.name, key, hashlib.sha256(call + body).digest(), hub.now())


def _place(request: Request, hub: Hub, caller: Actor, bodies: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """Keep the orders first, then place them; if the second part fails, the worker's sweep finds them in the inbox."""
    at = hub.now()
    with hub.database.transaction() as session:
        ids = [keep(session, caller.name, KIND, message_id_of(body), body, at, attended=True)[0] for body in bodies]
    with hub.database.transaction() as session:
        known = {inbox_id: read(session, inbox_id, lock=True) for inbox_id in sorted(set(ids))}
        results = _receive(hub, session, list(known.values()))
        return [_answer(request, session, caller, results[inbox_id]) for inbox_id in ids]


def _receive(hub: Hub, session: Session, messages: Sequence[Message]) -> dict[int, Received | int]:
    """Place what has not been placed yet; what was refused before gets another chance, for its cause may be mended.

    What a person has set aside, or replaced by an edited message, gets none.
    """
    at = hub.now()
    done = {one.id: one.order_id for one in messages if one.state == InboxState.DONE and one.order_id}
    aside = {one.id: Received(one, None, SET_ASIDE) for one in messages if _is_set_aside(one)}
    fresh = [one for one in messages if one.id not in done and one.id not in aside]
    for one in fresh:
        if one.state != InboxState.RECEIVED:
            reopen(session, one.id, at)
    placed = receive(session, fresh, _reader(hub), at, hub.zone, None) if fresh else []
    return {**done, **aside, **{one.message.id: one for one in placed}}


def _is_set_aside(message: Message) -> bool:
    """Say whether a person has; what was taken back at its channel says so by its code."""
    return message.state == InboxState.SUPERSEDED and not message.error_code


def _reader(hub: Hub) -> Any:  # noqa: ANN401 # hub.order.receive.Reader
    limit = hub.settings.limits.order_lines

    def reader(message: Message) -> ShopOrder:
        order = hub.connectors.read_order(message.connection, message.body)
        if len(order.order.lines) > limit:
            raise Malformed(f"an order has at most {limit} lines", code="too_many_lines", field="lines")
        return order

    return reader


def _answer(request: Request, session: Session, caller: Actor, result: Received | int) -> tuple[int, bytes]:
    if isinstance(result, Received) and result.placed is None:
        error = result.error or Rejected("refused")
        status = status_of(error)
        body = problem_of(error.code, error.message, status, request, error.field)
        return status, json.dumps(body, ensure_ascii=False).encode()
    placed = result.placed if isinstance(result, Received) else None
    order_id = placed.order_id if placed else cast("int", result)
    view = get_order(session, order_id, caller)
    return (CREATED if placed and not placed.existing else OK), view.model_dump_json().encode()


def _raw(status: int, answer: bytes, *, replayed: bool = False) -> Response:
    media = "application/json" if status < 400 else "application/problem+json"  # noqa: PLR2004 # HTTP
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return Response(answer, status, headers, media)


def _split(hub: Hub, body: bytes) -> list[bytes]:
    """Cut a batch into its orders.

    Raises: Malformed.
    """
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("the body is not JSON") from error
    orders = cast("dict[str, object]", document).get("orders") if isinstance(document, dict) else None
    if not isinstance(orders, list) or not orders:
        raise Malformed('a batch is {"orders": [one or more]}', field="orders")
    many = cast("list[object]", orders)
    limit = hub.settings.limits.batch_orders
    if len(many) > limit:
        raise Malformed(f"a batch has at most {limit} orders", code="too_many_orders", field="orders")
    # Escaped, because half a character cannot be encoded, and is for its own order to be refused for.
    return [json.dumps(one, separators=(",", ":")).encode() for one in many]


def _by_number(session: Session, caller: Actor, external_id: str) -> list[OrderView]:
    [shop] = caller.shops
    order_id = find_order_id(session, shop, external_id)
    return [get_order(session, order_id, caller)] if order_id else []


def _number(order_id: str) -> int:
    if not (order_id.isascii() and order_id.isdigit() and len(order_id) <= 16):  # noqa: PLR2004 # hub.ids: sixteen digits
        raise NotFound(f"there is no order {order_id[:20]}", code="unknown_order")
    return int(order_id)


def _wish(body: bytes) -> CancelWish:
    try:
        return CancelWish.model_validate_json(body or b"{}")
    except ValueError as error:
        raise Malformed('the body is empty or {"reason": "…"} of at most 200 characters', field="reason") from error
