"""Storefronts' orders: place one or many, look at them."""

import json
from typing import Annotated, Any, Final, cast

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api.answering import CREATED, REFUSED, Answer
from api.auth import Caller, Signer
from api.examples import BATCH, ORDER
from api.order_changes import number_of
from api.placing import Wish, place
from api.surroundings import TheHub
from connectors.reading import text_of
from hub.document import PRINTABLE, Document
from hub.errors import Malformed
from hub.order.find import find_order_id, get_order, list_orders
from hub.order.status import Lifecycle
from hub.order.view import OrderPage, OrderView
from hub.roles import Actor

router = APIRouter(prefix="/v1/orders", tags=["orders · 订单"])

Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200)]
NDJSON: Final = "application/x-ndjson"
NO_BATCH: Final = (
    f'a batch is {{"orders": [one or more]}}, an array of orders, or with Content-Type {NDJSON} one order in each line'
)


class BatchItem(Document):
    """What became of one order of a batch: its status, and the order or the problem."""

    index: int
    status: int
    order: OrderView | None = None
    problem: dict[str, Any] | None = None


class BatchResult(Document):
    items: tuple[BatchItem, ...]


class Orders(msgspec.Struct):
    """A batch as an object; of its orders only where each begins and ends is read."""

    orders: list[msgspec.Raw]


_BATCH: Final[msgspec.json.Decoder[list[msgspec.Raw] | Orders]] = msgspec.json.Decoder(list[msgspec.Raw] | Orders)


@router.post("", status_code=CREATED, response_model=OrderView, openapi_extra=ORDER, summary="下单 · Place an order")
async def create_order(request: Request, call: Signer, key: Key = "") -> Response:
    """Place an order: kept, checked, sourced and reserved before the answer.

    The same order again answers 200 with the first result; the same number with other contents 409. Under an
    Idempotency-Key a placed order is answered the same again, and another body is 409 idempotency_key_reused; a refusal
    binds no key: mend the order and send it with the same. While the hub is full it takes no orders: 429 says when to
    come back. Orders that come at the same time are placed together.
    """
    return _raw(await place(Wish(request, call, key, [call.body])))


@router.post("/batch", response_model=BatchResult, openapi_extra=BATCH, summary="批量下单 · Place many orders")
async def create_orders(
    request: Request,
    hub: TheHub,
    call: Signer,
    key: Key = "",
    media: Annotated[str, Header(alias="Content-Type", max_length=200)] = "",
) -> Response:
    """Place many orders at once; each succeeds or fails alone, and the items answer in the order sent.

    The body is {"orders": […]}, an array, or with Content-Type application/x-ndjson one order in each line. An
    Idempotency-Key is bound to its body once an order of it was placed; the answer is kept once all were, so what was
    refused is tried again when the same body comes. Batches that come at the same time are placed together.
    """
    lines = media.partition(";")[0].strip().lower() == NDJSON
    # Off the loop: a large body that is no JSON to the letter takes long to read.
    bodies = await run_in_threadpool(_split, hub.settings.limits.batch_orders, call.body, lines=lines)
    return _raw(await place(Wish(request, call, key, bodies, many=True)))


@router.get("", response_model_exclude_unset=True, summary="订单列表 · List orders")
def list_page(
    hub: TheHub,
    caller: Caller,
    cursor: Annotated[str, Query(pattern=r"^[0-9]{0,16}$")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    lifecycle: Lifecycle | None = None,
    external_id: Annotated[str, Query(max_length=64, pattern=PRINTABLE)] = "",
) -> OrderPage:
    """List your orders, newest first; `next` of one page is the `cursor` of the following one.

    A page has the heads of orders: one order's lines, holds and parcels come with its own address, or by `external_id`.
    """
    with hub.database.transaction() as session:
        if external_id:
            return OrderPage(orders=tuple(_by_number(session, caller, external_id)), next="")
        before = int(cursor) if cursor else None
        return list_orders(session, caller, before=before, limit=limit, lifecycle=lifecycle or "")


@router.get("/{order_id}", summary="查看订单 · Get an order")
def get_one(hub: TheHub, caller: Caller, order_id: str) -> OrderView:
    """Give an order with its lines, open holds, fulfilment orders and parcels."""
    with hub.database.transaction() as session:
        return get_order(session, number_of(order_id), caller)


def _raw(answer: Answer) -> Response:
    media = "application/json" if answer.status < REFUSED else "application/problem+json"
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else None
    return Response(answer.body, answer.status, headers, media)


def _split(limit: int, body: bytes, *, lines: bool) -> list[bytes]:
    """Cut a batch into its orders; the lines of NDJSON stay as they are.

    Raises: Malformed.
    """
    many = [one for one in body.splitlines() if one.strip()] if lines else _parsed(body)
    if not many:
        raise Malformed("a batch has one order or more", field="orders")
    if len(many) > limit:
        raise Malformed(f"a batch has at most {limit} orders", code="too_many_orders", field="orders")
    return many


def _parsed(body: bytes) -> list[bytes]:
    """Give each order's own bytes, which are what is kept and read: one that is wrong within fails alone."""
    try:
        document = _BATCH.decode(body)
    except msgspec.ValidationError as error:
        raise Malformed(NO_BATCH, field="orders") from error
    except (ValueError, RecursionError):
        return _rewritten(body)
    return [bytes(one) for one in (document if isinstance(document, list) else document.orders)]


def _rewritten(body: bytes) -> list[bytes]:
    """Give orders of which one is no JSON to the letter, half a character or NaN, for it to be refused alone."""
    try:
        document: object = json.loads(text_of(body))
    except (ValueError, RecursionError) as error:
        raise Malformed("the body is not JSON") from error
    orders = cast("dict[str, object]", document).get("orders") if isinstance(document, dict) else document
    if not isinstance(orders, list):
        raise Malformed(NO_BATCH, field="orders")
    return [json.dumps(one, separators=(",", ":")).encode() for one in cast("list[object]", orders)]


def _by_number(session: Session, caller: Actor, external_id: str) -> list[OrderView]:
    [shop] = caller.shops
    order_id = find_order_id(session, shop, external_id)
    return [get_order(session, order_id, caller)] if order_id else []
