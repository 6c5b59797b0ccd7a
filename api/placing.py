"""Place what storefronts post: together what comes at the same time, or as a batch; each in one transaction."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple, cast

from fastapi import Request
from sqlalchemy.orm import Session

from api.answering import OK, REFUSED, Answer, Sent, arrivals_of, place_sent
from api.auth import Signed
from api.gather import Gather, gathering
from api.surroundings import Hub
from hub.clients import Claim, begin_keys, finish_keys, free_keys, nonce_replayed, spend_nonces
from hub.errors import Conflict
from hub.inbox import keep_all
from hub.order.receive import ORDER

ONE: Final = b"one"
MANY: Final = b"many"
"""What a request asks for, in the hash that its Idempotency-Key stands for."""


class Wish(NamedTuple):
    """What one request posts: one order, or `many`; `key` is its Idempotency-Key, or empty."""

    request: Request
    call: Signed
    key: str
    bodies: Sequence[bytes]
    many: bool = False


class Gathers(NamedTuple):
    """What gathers single orders, and what gathers batches: a single one does not wait for hundreds."""

    one: Gather[Wish, Answer]
    many: Gather[Wish, Answer]

    def close(self) -> None:
        self.one.close()
        self.many.close()


def gathered(hub: Hub) -> Gathers:
    """Make what gathers the orders of concurrent requests."""
    return Gathers(gathering(hub, place_group), gathering(hub, place_group, hub.settings.placing.batches))


async def place(wish: Wish) -> Answer:
    """Place what a request posts together with what others post at the same time, and answer it.

    Raises: Unauthorised; Conflict; HubFull.
    """
    gathers = cast("Gathers", wish.request.app.state.gathers)
    return await (gathers.many if wish.many else gathers.one).give(wish)


def place_group(hub: Hub, wishes: Sequence[Wish]) -> Sequence[Answer | Exception]:
    """Keep and place the orders of many requests in one transaction.

    An order that fails by a fault of ours takes its group along; each request is tried again alone, and then its orders
    are kept all the same, and the worker's sweep finds them in the inbox. Raises: HubFull; OperationalError when it is
    the database, and then nothing is kept.
    """
    hub.room.require()
    at = hub.now()
    placed = False
    try:
        with hub.database.transaction() as session:
            begun = _begin(session, wishes, at)
            waiting = [no for no, one in enumerate(begun) if one is None]
            sent = [_sent(wishes[no], body) for no in waiting for body in wishes[no].bodies]
            answers = iter(place_sent(session, hub, sent, at))
            fresh = {no: [next(answers) for _ in wishes[no].bodies] for no in waiting}
            told = {no: _told(wishes[no], answered) for no, answered in fresh.items()}
            _finish(session, [(wishes[no], told[no]) for no, answered in fresh.items() if _is_final(answered)])
            _free(session, [wishes[no] for no, answered in fresh.items() if _is_nothing(answered)])
        placed = True
    finally:
        if not placed and len(wishes) == 1:
            _keep(hub, wishes[0], at)
    return [told[no] if one is None else one for no, one in enumerate(begun)]


def _begin(session: Session, wishes: Sequence[Wish], at: datetime) -> list[Answer | Exception | None]:
    """Spend the nonces and claim the keys; give what is decided by that, and None for what is to be placed."""
    begun: list[Answer | Exception | None] = [
        None if spent else nonce_replayed() for spent in spend_nonces(session, [one.call.nonce for one in wishes])
    ]
    keyed = [no for no, one in enumerate(wishes) if one.key and begun[no] is None]
    claims = [_claim(wishes[no]) for no in keyed]
    for no, known in zip(keyed, begin_keys(session, claims, at), strict=True):
        begun[no] = known if known is None or isinstance(known, Conflict) else Answer(*known, replayed=True)
    return begun


def _is_final(answers: Sequence[Answer]) -> bool:
    """Say whether this stays true under the key that it was asked for with: a refusal's cause may be mended."""
    return all(one.status < REFUSED for one in answers)


def _is_nothing(answers: Sequence[Answer]) -> bool:
    """Say whether nothing came of a request: of a batch of which some were placed, another is another request."""
    return all(one.status >= REFUSED for one in answers)


def _finish(session: Session, answered: Sequence[tuple[Wish, Answer]]) -> None:
    """Remember what was answered under the keys that it was asked for with."""
    told = [(wish.call.actor.name, wish.key, answer.status, answer.body) for wish, answer in answered if wish.key]
    finish_keys(session, told)


def _free(session: Session, refused: Sequence[Wish]) -> None:
    """Let the keys go of what was refused, for it may be mended and sent under the same."""
    free_keys(session, [(wish.call.actor.name, wish.key) for wish in refused if wish.key])


def _keep(hub: Hub, wish: Wish, at: datetime) -> None:
    """Keep what could not be placed, unless it was decided before."""
    with hub.database.transaction() as session:
        if _begin(session, [wish], at)[0] is None:
            keep_all(session, ORDER, arrivals_of([_sent(wish, one) for one in wish.bodies]), at, attended=True)


def _sent(wish: Wish, body: bytes) -> Sent:
    return Sent(wish.request, wish.call.actor, body)


def _told(wish: Wish, answers: Sequence[Answer]) -> Answer:
    """Answer a request: as its order, or with what became of each of its batch; each answer is JSON already."""
    if not wish.many:
        return answers[0]
    items = [
        b'{"index":%d,"status":%d,"%s":%s}'
        % (no, one.status, b"order" if one.status < REFUSED else b"problem", one.body)
        for no, one in enumerate(answers)
    ]
    return Answer(OK, b'{"items":[' + b",".join(items) + b"]}")


def _claim(wish: Wish) -> Claim:
    """Claim a request's key for what it asks and sends."""
    asked = MANY if wish.many else ONE
    return Claim(wish.call.actor.name, wish.key, hashlib.sha256(asked + wish.call.body).digest())
