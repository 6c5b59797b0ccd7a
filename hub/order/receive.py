"""Turn inbox messages into orders: read, place or take back, and say of each message what became of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.causes.known import CAUSES
from hub.database import attempt, rows
from hub.errors import Conflict, Rejected
from hub.inbox import InboxState, Message, Verdict, settle_all
from hub.order.change.cancel import cancel
from hub.order.change.channel import Precedence, revise
from hub.order.model import ShopOrder
from hub.order.number import WITHDRAWN, withhold_number
from hub.order.place.batch import Placed, place
from hub.order.place.record import payload_hash, place_of
from hub.subject import open_keys
from hub.tracing import span

ORDER: Final = "order"

SAME_CAUSE: Final = {"unknown_order": "unknown_document"}
"""A document of an order that we do not have is a document that we do not have."""

Reader = Callable[[Message], ShopOrder]
Brander = Callable[[Message], str]


class Received(msgspec.Struct, frozen=True):
    """What became of one message: an order, or the reason why not."""

    message: Message
    placed: Placed | None
    error: Rejected | None = None


def receive(
    session: Session,
    messages: Sequence[Message],
    read: Reader,
    at: datetime,
    zone: ZoneInfo,
    brand_of: Brander | None,
    precedence: Mapping[str, Precedence] | None = None,
    *,
    keep_deposit: bool = False,
) -> list[Received]:
    """Place the orders of a batch of messages and settle each message, in the caller's transaction.

    With `brand_of` a case tells a person of the message's brand; without it the sender is waiting and hears the error.
    An order that is taken back or changed has a transaction of its own, for that locks the order before its stock and
    placing locks stock alone: the batch ends before it, and what is behind comes with the next one. `precedence` says
    by connection whose word counts where the hub has changed the same; without it no revision is taken. With
    `keep_deposit` the deposit of what is taken back stays with the merchant.
    """
    readings = [_read(message, read) for message in messages]
    later = find_later(session, readings) if precedence is not None else {}
    apart = [no for no, reading in enumerate(readings) if no in later or _is_withdrawn(reading)]
    part = min(apart, default=len(readings)) or 1
    orders = [reading for reading in readings[:part] if isinstance(reading, ShopOrder)]
    if orders and _is_withdrawn(readings[0]):
        answers = iter([take_back(session, orders[0], at, keep_deposit=keep_deposit)])
    elif orders and 0 in later and precedence is not None:
        here = at.astimezone(zone)
        answers = iter([_revise(session, later[0], orders[0], precedence, here, keep_deposit=keep_deposit)])
    else:
        with span("orders.place", orders=len(orders)):
            answers = iter(place(session, orders, at, zone) if orders else [])
    results: list[Received] = []
    verdicts: list[Verdict] = []
    for message, reading in zip(messages[:part], readings[:part], strict=True):
        result = next(answers) if isinstance(reading, ShopOrder) else reading
        if result is None or (isinstance(result, Conflict) and result.code == WITHDRAWN):
            verdicts.append(Verdict(message, InboxState.SUPERSEDED, code=WITHDRAWN))
            results.append(Received(message, None))
        elif isinstance(result, Placed):
            verdicts.append(Verdict(message, InboxState.DONE, result.order_id))
            results.append(Received(message, result))
        else:
            state = InboxState.PARKED if brand_of else InboxState.REFUSED
            verdicts.append(Verdict(message, state, code=result.code, error=result.message))
            results.append(Received(message, None, result))
    settle_all(session, verdicts, at)
    if brand_of:
        failed = [(one.message, one.error) for one in results if one.error]
        open_cases(session, [parked_case(message, error, brand_of(message)) for message, error in failed], at)
    return results


def take_back(session: Session, one: ShopOrder, at: datetime, *, keep_deposit: bool = False) -> Placed | None:
    """Cancel an order that its channel says the buyer has taken back; None when we never had it, and never shall.

    What has left already cannot be cancelled: then a person is called.
    """
    order_id = withhold_number(session, one, at)
    if order_id is None:
        return None
    try:
        cancel(session, order_id, one.channel, "taken back at the channel", at, keep_deposit=keep_deposit)
    except Conflict as error:
        text = f"{one.channel}: {error.message}"
        open_cases(session, [NewCase("withdrawn_late", f"order:{order_id}", one.brand, text, order_id)], at)
    return Placed(order_id, existing=True)


def find_later(session: Session, readings: Sequence[ShopOrder | Rejected]) -> dict[int, int]:
    """Find which of a batch are later revisions of orders that are there: order ids by place.

    Those are of other contents, or have another note of the seller's, which is no part of them.
    """
    orders = {no: one for no, one in enumerate(readings) if isinstance(one, ShopOrder)}
    found = rows(
        session,
        """select k.shop, k.external_id, k.order_id, k.payload_hash, o.source_revision, o.subject_id, o.seller_note
           from order_key k join sales_order o on o.id = k.order_id
           where (k.shop, k.external_id) in (select * from unnest(cast(:shops as text[]), cast(:numbers as text[])))""",
        shops=[one.shop for one in orders.values()],
        numbers=[one.order.external_id for one in orders.values()],
    )
    there = {(one.shop, one.external_id): one for one in found}
    newer: dict[int, Row[Any]] = {}
    for no, one in orders.items():
        known = there.get((one.shop, one.order.external_id))
        if known is not None and one.order.source_revision > known.source_revision:
            newer[no] = known
    other = {no for no, known in newer.items() if payload_hash(orders[no]) != bytes(known.payload_hash)}
    other |= _noted(session, {no: (orders[no].order.seller_note, one) for no, one in newer.items() if no not in other})
    return {no: known.order_id for no, known in newer.items() if no in other}


def _noted(session: Session, said: Mapping[int, tuple[str, Row[Any]]]) -> set[int]:
    """Say of which orders the seller has noted something else; of a buyer who was erased nothing is followed."""
    noted = {no: (note, one) for no, (note, one) in said.items() if note or one.seller_note is not None}
    keys = open_keys(session, {one.subject_id for _, one in noted.values()}) if noted else {}
    others = set[int]()
    for no, (note, one) in noted.items():
        if key := keys.get(one.subject_id):
            sealed = one.seller_note
            was = key.open(bytes(sealed), place_of("seller_note", one.order_id)) if sealed is not None else ""
            others |= {no} if note != was else set()
    return others


def _revise(
    session: Session,
    order_id: int,
    one: ShopOrder,
    precedence: Mapping[str, Precedence],
    at: datetime,
    *,
    keep_deposit: bool,
) -> Placed | Rejected:
    whose = precedence.get(one.channel, "platform_wins")
    try:
        with attempt(session):
            revise(session, order_id, one, whose, at, keep_deposit=keep_deposit)
    except Rejected as error:
        return error
    return Placed(order_id, existing=True)


def _is_withdrawn(reading: ShopOrder | Rejected) -> bool:
    return isinstance(reading, ShopOrder) and reading.order.withdrawn


def parked_case(message: Message, error: Rejected, brand: str) -> NewCase:
    """Call a person of a brand to a message that could not be used."""
    code = SAME_CAUSE.get(error.code, error.code)
    cause = code if code in CAUSES else "rejected"
    text = f"{message.connection}: {error.message}"
    return NewCase(cause, f"inbox:{message.id}", brand, text, message.order_id, {"inbox": message.id})


def _read(message: Message, read: Reader) -> ShopOrder | Rejected:
    try:
        return read(message)
    except Rejected as error:
        return error
