"""Place what storefronts post: kept first, then placed, with every order answered for itself."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, NamedTuple, cast

import msgspec
from fastapi import Depends, Request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from api.errors import problem_of, status_of
from api.gather import Gather
from api.surroundings import Hub
from hub.clients import Claim, Spending, begin_keys, finish_keys, nonce_replayed, spend_nonces
from hub.errors import Conflict, HubError, Malformed, Rejected
from hub.inbox import Arrival, InboxState, Message, keep_all, message_id_of, read_all, reopen
from hub.order.find import OrderView, get_orders
from hub.order.model import ShopOrder
from hub.order.receive import ORDER, Received, receive
from hub.roles import Actor

CREATED: Final = 201
OK: Final = 200
REFUSED: Final = 400
"""Statuses from here on are refusals: they are not remembered under a key, for their cause may be mended."""

SET_ASIDE: Final = Conflict(
    "a person has set this order aside, or mended it by hand: look whether it is there before sending another",
    code="message_set_aside",
)


class Wish(NamedTuple):
    """An order that one request posts, signed for by a nonce; `key` is its Idempotency-Key, or empty."""

    request: Request
    actor: Actor
    nonce: Spending
    key: str
    body: bytes


class Answer(NamedTuple):
    """Status and JSON of an answer; `replayed` says that the same request was answered before."""

    status: int
    body: bytes
    replayed: bool = False


class Kept(NamedTuple):
    """An order that is in the inbox, and who wants to hear what becomes of it."""

    request: Request
    actor: Actor
    inbox_id: int


def gathered(hub: Hub) -> Gather[Wish, Answer]:
    """Make what gathers the orders of concurrent requests."""
    placing = hub.settings.placing
    shared = (OperationalError, PoolTimeout, HubError)
    return Gather(partial(place_group, hub), placing.wait_ms / 1000, placing.group, shared)


async def gather_of(request: Request) -> Gather[Wish, Answer]:
    return cast("Gather[Wish, Answer]", request.app.state.gather)


Gathering = Annotated[Gather[Wish, Answer], Depends(gather_of)]


def place_group(hub: Hub, wishes: Sequence[Wish]) -> Sequence[Answer | Exception]:
    """Keep and place the orders of many requests in one transaction.

    An order that fails by a fault of ours takes its group along and is tried again alone: then it is kept all the same,
    and the worker's sweep finds it in the inbox. Raises: HubFull.
    """
    hub.room.require()
    at = hub.now()
    placed = False
    try:
        with hub.database.transaction() as session:
            answers = _finish(session, hub, wishes, _begin(session, wishes, at), at)
        placed = True
    finally:
        if not placed and len(wishes) == 1:
            with hub.database.transaction() as session:
                _begin(session, wishes, at)
    return answers


def place_kept(session: Session, hub: Hub, kept: Sequence[Kept], at: datetime) -> list[Answer]:
    """Place orders that are in the inbox, and answer each."""
    messages = read_all(session, [one.inbox_id for one in kept])
    results = _receive(hub, session, messages, at)
    by_actor: defaultdict[Actor, set[int]] = defaultdict(set)
    for one in kept:
        if (order_id := _order_of(results[one.inbox_id])) is not None:
            by_actor[one.actor].add(order_id)
    views = {actor: get_orders(session, sorted(ids), actor) for actor, ids in by_actor.items()}
    return [_answer(one, results[one.inbox_id], views.get(one.actor, {})) for one in kept]


def hash_of(call: bytes, body: bytes) -> bytes:
    """Name a request for its Idempotency-Key."""
    return hashlib.sha256(call + body).digest()


def _begin(session: Session, wishes: Sequence[Wish], at: datetime) -> list[int | Answer | Exception]:
    """Spend the nonces, claim the keys and keep the orders; give what is decided already, else the inbox row."""
    begun: dict[int, int | Answer | Exception] = {}
    for no, spent in enumerate(spend_nonces(session, [one.nonce for one in wishes])):
        if not spent:
            begun[no] = nonce_replayed()
    keyed = [no for no, one in enumerate(wishes) if one.key and no not in begun]
    claims = [Claim(wishes[no].actor.name, wishes[no].key, hash_of(b"one", wishes[no].body)) for no in keyed]
    for no, known in zip(keyed, begin_keys(session, claims, at), strict=True):
        if known is not None:
            begun[no] = known if isinstance(known, Conflict) else Answer(*known, replayed=True)
    rest = [no for no in range(len(wishes)) if no not in begun]
    arrivals = [Arrival(wishes[no].actor.name, message_id_of(wishes[no].body), wishes[no].body) for no in rest]
    kept = keep_all(session, ORDER, arrivals, at, attended=True) if rest else []
    begun.update({no: inbox_id for no, (inbox_id, _) in zip(rest, kept, strict=True)})
    return [begun[no] for no in range(len(wishes))]


def _finish(
    session: Session, hub: Hub, wishes: Sequence[Wish], begun: Sequence[int | Answer | Exception], at: datetime
) -> list[Answer | Exception]:
    waiting = [no for no, one in enumerate(begun) if isinstance(one, int)]
    kept = [Kept(wishes[no].request, wishes[no].actor, one) for no in waiting if isinstance(one := begun[no], int)]
    placed = dict(zip(waiting, place_kept(session, hub, kept, at) if kept else [], strict=True))
    told = [
        (wishes[no].actor.name, wishes[no].key, answer.status, answer.body)
        for no, answer in placed.items()
        if wishes[no].key and answer.status < REFUSED
    ]
    finish_keys(session, told)
    return [placed[no] if isinstance(one, int) else one for no, one in enumerate(begun)]


def _receive(hub: Hub, session: Session, messages: Sequence[Message], at: datetime) -> dict[int, Received | int]:
    """Place what has not been placed yet; what was refused before gets another chance, for its cause may be mended.

    What a person has set aside, or replaced by an edited message, gets none.
    """
    done = {one.id: one.order_id for one in messages if one.state == InboxState.DONE and one.order_id}
    aside = {one.id: Received(one, None, SET_ASIDE) for one in messages if _is_set_aside(one)}
    fresh = [one for one in messages if one.id not in done and one.id not in aside]
    for one in fresh:
        if one.state != InboxState.RECEIVED:
            reopen(session, one.id, at)
    placed: list[Received] = []
    while len(placed) < len(fresh):  # an order that is taken back ends a batch
        placed += receive(session, fresh[len(placed) :], _reader(hub), at, hub.zone, None)
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


def _order_of(result: Received | int) -> int | None:
    if isinstance(result, int):
        return result
    return result.placed.order_id if result.placed else None


def _answer(kept: Kept, result: Received | int, views: Mapping[int, OrderView]) -> Answer:
    order_id = _order_of(result)
    if order_id is None:
        error = (result.error if isinstance(result, Received) else None) or Rejected("refused")
        status = status_of(error)
        problem = problem_of(error.code, error.message, status, kept.request, error.field)
        return Answer(status, msgspec.json.encode(problem))
    created = isinstance(result, Received) and result.placed is not None and not result.placed.existing
    return Answer(CREATED if created else OK, views[order_id].model_dump_json().encode())
