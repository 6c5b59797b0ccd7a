"""Place what storefronts post: together what comes at the same time, or as a batch; each in one transaction."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple, cast

from fastapi import Request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from api.answering import OK, REFUSED, Answer, Sent, arrivals_of, place_sent
from api.auth import Signed
from api.gather import Gather
from api.room import HubFull
from api.surroundings import Hub
from hub.clients import Claim, begin_keys, finish_keys, nonce_replayed, spend_nonces
from hub.errors import Conflict
from hub.inbox import keep_all
from hub.order.receive import ORDER

ONE: Final = b"one"
MANY: Final = b"many"
"""What a request asks for, in the hash that its Idempotency-Key stands for."""


class Wish(NamedTuple):
    """What one request posts; `key` is its Idempotency-Key, or empty."""

    request: Request
    call: Signed
    key: str


def gathered(hub: Hub) -> Gather[Wish, Answer]:
    """Make what gathers the orders of concurrent requests."""
    placing = hub.settings.placing
    shared = (OperationalError, PoolTimeout, HubFull)
    return Gather(partial(place_group, hub), placing.wait_ms / 1000, placing.group, shared)


def gather_of(request: Request) -> Gather[Wish, Answer]:
    return cast("Gather[Wish, Answer]", request.app.state.gather)


def place_group(hub: Hub, wishes: Sequence[Wish]) -> Sequence[Answer | Exception]:
    """Keep and place the orders of many requests in one transaction.

    An order that fails by a fault of ours takes its group along and is tried again alone: then it is kept all the same,
    and the worker's sweep finds it in the inbox. Raises: HubFull; OperationalError when it is the database, and then
    nothing is kept.
    """
    hub.room.require()
    at = hub.now()
    placed = False
    try:
        with hub.database.transaction() as session:
            begun = _begin(session, wishes, ONE, at)
            waiting = [no for no, one in enumerate(begun) if one is None]
            answers = place_sent(session, hub, [_sent(wishes[no], wishes[no].call.body) for no in waiting], at)
            _finish(session, [(wishes[no], answer) for no, answer in zip(waiting, answers, strict=True)])
        placed = True
    finally:
        if not placed and len(wishes) == 1:
            _keep(hub, wishes[0], ONE, [wishes[0].call.body], at)
    fresh = dict(zip(waiting, answers, strict=True))
    return [fresh[no] if one is None else one for no, one in enumerate(begun)]


def place_batch(hub: Hub, wish: Wish, bodies: Sequence[bytes]) -> Answer:
    """Keep and place the orders of one request in one transaction, and answer for each of them.

    If that fails by a fault of ours they are all kept, and the worker's sweep takes them over. Raises: Unauthorised;
    Conflict.
    """
    at = hub.now()
    begun = placed = False
    try:
        with hub.database.transaction() as session:
            [known] = _begin(session, [wish], MANY, at)
            if isinstance(known, Exception):
                raise known
            begun = True
            if known is None:
                answers = place_sent(session, hub, [_sent(wish, one) for one in bodies], at)
                known = Answer(OK, _items(answers))
                if all(one.status < REFUSED for one in answers):
                    _finish(session, [(wish, known)])
        placed = True
    finally:
        if begun and not placed:
            _keep(hub, wish, MANY, bodies, at)
    return known


def _begin(session: Session, wishes: Sequence[Wish], act: bytes, at: datetime) -> list[Answer | Exception | None]:
    """Spend the nonces and claim the keys; give what is decided by that, and None for what is to be placed."""
    begun: list[Answer | Exception | None] = [
        None if spent else nonce_replayed() for spent in spend_nonces(session, [one.call.nonce for one in wishes])
    ]
    keyed = [no for no, one in enumerate(wishes) if one.key and begun[no] is None]
    claims = [_claim(wishes[no], act) for no in keyed]
    for no, known in zip(keyed, begin_keys(session, claims, at), strict=True):
        begun[no] = known if known is None or isinstance(known, Conflict) else Answer(*known, replayed=True)
    return begun


def _finish(session: Session, answered: Sequence[tuple[Wish, Answer]]) -> None:
    """Remember what stays true under the keys that it was asked for with."""
    told = [
        (wish.call.actor.name, wish.key, answer.status, answer.body)
        for wish, answer in answered
        if wish.key and answer.status < REFUSED
    ]
    finish_keys(session, told)


def _keep(hub: Hub, wish: Wish, act: bytes, bodies: Sequence[bytes], at: datetime) -> None:
    """Keep what could not be placed, unless it was decided before."""
    with hub.database.transaction() as session:
        if _begin(session, [wish], act, at)[0] is None:
            keep_all(session, ORDER, arrivals_of([_sent(wish, one) for one in bodies]), at, attended=True)


def _sent(wish: Wish, body: bytes) -> Sent:
    return Sent(wish.request, wish.call.actor, body)


def _items(answers: Sequence[Answer]) -> bytes:
    """Lay out what became of the orders of a batch; each answer is JSON already."""
    items = [
        b'{"index":%d,"status":%d,"%s":%s}'
        % (no, one.status, b"order" if one.status < REFUSED else b"problem", one.body)
        for no, one in enumerate(answers)
    ]
    return b'{"items":[' + b",".join(items) + b"]}"


def _claim(wish: Wish, act: bytes) -> Claim:
    """Claim a request's key for what it asks and sends."""
    return Claim(wish.call.actor.name, wish.key, hashlib.sha256(act + wish.call.body).digest())
