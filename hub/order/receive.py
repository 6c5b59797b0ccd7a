"""Turn inbox messages into orders: read, place or take back, and say of each message what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.causes import CAUSES
from hub.errors import Conflict, Rejected
from hub.inbox import InboxState, Message, settle
from hub.order.cancel import cancel
from hub.order.find import find_order_id
from hub.order.model import ShopOrder
from hub.order.place import Placed, place

ORDER: Final = "order"

SAME_CAUSE: Final = {"unknown_order": "unknown_document"}
"""A document of an order that we do not have is a document that we do not have."""

WITHDRAWN: Final = "withdrawn"
"""Why a message became no order: it was taken back before we heard of it."""

Reader = Callable[[Message], ShopOrder]
Brander = Callable[[Message], str]


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one message: an order, or the reason why not."""

    message: Message
    placed: Placed | None
    error: Rejected | None = None


def receive(
    session: Session, messages: Sequence[Message], read: Reader, at: datetime, zone: ZoneInfo, brand_of: Brander | None
) -> list[Received]:
    """Place the orders of a batch of messages and settle each message, in the caller's transaction.

    With `brand_of` a case tells a person of the message's brand; without it the sender is waiting and hears the error.
    """
    readings = [_read(message, read) for message in messages]
    orders = [reading for reading in readings if isinstance(reading, ShopOrder) and not reading.order.withdrawn]
    placed = iter(place(session, orders, at, zone) if orders else [])
    results: list[Received] = []
    for message, reading in zip(messages, readings, strict=True):
        if isinstance(reading, ShopOrder):
            result = take_back(session, reading, at) if reading.order.withdrawn else next(placed)
        else:
            result = reading
        if result is None:
            settle(session, message, InboxState.SUPERSEDED, at, code=WITHDRAWN)
            results.append(Received(message, None))
        elif isinstance(result, Placed):
            settle(session, message, InboxState.DONE, at, order_id=result.order_id)
            results.append(Received(message, result))
        else:
            state = InboxState.PARKED if brand_of else InboxState.REFUSED
            settle(session, message, state, at, code=result.code, error=result.message)
            results.append(Received(message, None, result))
    if brand_of:
        failed = [(one.message, one.error) for one in results if one.error]
        open_cases(session, [parked_case(message, error, brand_of(message)) for message, error in failed], at)
    return results


def take_back(session: Session, one: ShopOrder, at: datetime) -> Placed | None:
    """Cancel an order that its channel says the buyer has taken back; None when we never had it.

    What has left already cannot be cancelled: then a person is called.
    """
    order_id = find_order_id(session, one.shop, one.order.external_id)
    if order_id is None:
        return None
    try:
        cancel(session, order_id, one.channel, "taken back at the channel", at)
    except Conflict as error:
        text = f"{one.channel}: {error.message}"
        open_cases(session, [NewCase("withdrawn_late", f"order:{order_id}", one.brand, text, order_id)], at)
    return Placed(order_id, existing=True)


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
