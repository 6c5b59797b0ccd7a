"""Place orders that storefronts send, in the caller's transaction, and answer each as GET would show it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from fastapi import Request
from sqlalchemy.orm import Session

from api.errors import problem_of, status_of
from api.surroundings import Hub
from hub.cases import resolve_all
from hub.errors import Conflict, Malformed, Rejected
from hub.inbox import Arrival, InboxState, Message, message_id_of, reopen, take_in
from hub.language import preferred
from hub.order.find import get_orders
from hub.order.model import ShopOrder
from hub.order.place.view import placed_views
from hub.order.receive import ORDER, Reader, Received, receive
from hub.roles import Actor

CREATED: Final = 201
OK: Final = 200
REFUSED: Final = 400
"""Statuses from here on are refusals: they are not remembered under a key, for their cause may be mended."""

SET_ASIDE: Final = Conflict(
    "a person has set this order aside, or mended it by hand: look whether it is there before sending another",
    code="message_set_aside",
)


class Sent(NamedTuple):
    """An order as it was sent, and who wants to hear what becomes of it."""

    request: Request
    actor: Actor
    body: bytes


class Answer(NamedTuple):
    """Status and JSON of an answer; `replayed` says that the same request was answered before."""

    status: int
    body: bytes
    replayed: bool = False


class Outcome(NamedTuple):
    """What became of a message: a new order or not, its id, or the reason why not."""

    order_id: int | None
    created: bool = False
    error: Rejected | None = None


def arrivals_of(sent: Sequence[Sent]) -> list[Arrival]:
    return [Arrival(one.actor.name, message_id_of(one.body), one.body) for one in sent]


def place_sent(session: Session, hub: Hub, sent: Sequence[Sent], at: datetime) -> list[Answer]:
    """Take orders in, place what has not been placed yet, and answer each."""
    if not sent:
        return []
    messages = take_in(session, ORDER, arrivals_of(sent), at)
    outcomes, views = _receive(hub, session, {one.id: one for one in messages}, at)
    found: list[tuple[Sent, Outcome]] = []
    for one, message in zip(sent, messages, strict=True):
        found.append((one, outcomes[message.id]))
        outcomes[message.id] = outcomes[message.id]._replace(created=False)  # the same bytes again made nothing
    views = _with_known(session, found, views)
    return [_answer(one, outcome, views) for one, outcome in found]


def _receive(
    hub: Hub, session: Session, messages: Mapping[int, Message], at: datetime
) -> tuple[dict[int, Outcome], dict[int, bytes]]:
    """Place what is not placed; what was refused before gets another chance, for its cause may be mended.

    What a person has set aside, or replaced by an edited message, gets none. Gives what became of each message, and
    the views of orders that nothing has touched since they were written.
    """
    outcomes: dict[int, Outcome] = {}
    fresh: list[Message] = []
    for one in messages.values():
        if one.state == InboxState.DONE and one.order_id:
            outcomes[one.id] = Outcome(one.order_id)
        elif one.state == InboxState.SUPERSEDED and not one.error_code:  # what was taken back at its channel has one
            outcomes[one.id] = Outcome(None, error=SET_ASIDE)
        else:
            fresh.append(one)
            if one.state != InboxState.RECEIVED:
                reopen(session, one.id, at)
    read, views, done = _reader(hub), dict[int, bytes](), 0
    while done < len(fresh):  # an order that is taken back ends a batch, and may be one of those before it
        received = receive(session, fresh[done:], read, at, hub.zone, None)
        outcomes |= {one.message.id: _outcome(one) for one in received}
        done += len(received)
        booked = (one.placed.booked for one in received if one.placed and one.placed.booked)
        views = next((placed_views(one) for one in booked), dict[int, bytes]())
    mended = [one.id for one in fresh if one.state == InboxState.PARKED and outcomes[one.id].order_id]
    if mended:  # a person was called to what the sender has settled by sending it again
        resolve_all(session, [f"inbox:{one}" for one in mended], at, "system", "sent again and placed")
    return outcomes, views


def _reader(hub: Hub) -> Reader:
    limit = hub.settings.limits.order_lines

    def read(message: Message) -> ShopOrder:
        order = hub.connectors.read_order(message.connection, message.body)
        if len(order.order.lines) > limit:
            raise Malformed(f"an order has at most {limit} lines", code="too_many_lines", field="lines")
        return order

    return read


def _outcome(one: Received) -> Outcome:
    if one.placed is None:
        return Outcome(None, error=one.error or Rejected("refused"))
    return Outcome(one.placed.order_id, created=not one.placed.existing)


def _with_known(
    session: Session, found: Sequence[tuple[Sent, Outcome]], views: Mapping[int, bytes]
) -> Mapping[int, bytes]:
    """Add the views of orders that were there before, each as far as its caller may see it."""
    by_actor: defaultdict[Actor, set[int]] = defaultdict(set)
    for one, outcome in found:
        if outcome.order_id is not None and outcome.order_id not in views:
            by_actor[one.actor].add(outcome.order_id)
    known = {
        order_id: view.model_dump_json().encode()
        for actor, ids in by_actor.items()
        for order_id, view in get_orders(session, sorted(ids), actor).items()
    }
    return {**views, **known}


def _answer(one: Sent, outcome: Outcome, views: Mapping[int, bytes]) -> Answer:
    if outcome.error is not None or outcome.order_id is None:
        error = outcome.error or Rejected("refused")
        status = status_of(error)
        detail = error.say(preferred(one.request.headers.get("accept-language", "")))
        problem = problem_of(error.code, detail, status, one.request, error.field)
        return Answer(status, msgspec.json.encode(problem))
    return Answer(CREATED if outcome.created else OK, views[outcome.order_id])
