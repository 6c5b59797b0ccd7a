"""The axes of an order's state, and the moves that each axis allows."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from hub.errors import Conflict


class Lifecycle(StrEnum):
    """Where an order stands as a whole."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    IN_FULFILMENT = "in_fulfilment"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    CLOSED = "closed"


class Payment(StrEnum):
    UNPAID = "unpaid"
    DEPOSIT_PAID = "deposit_paid"
    AUTHORISED = "authorised"
    PARTIAL = "partial"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


class Fulfilment(StrEnum):
    """How much of an order has left and arrived; derived from its lines' counters, never moved by hand."""

    NONE = "none"
    PARTIAL = "partial"
    SHIPPED = "shipped"
    DELIVERED = "delivered"


class Event(StrEnum):
    ACCEPT = "accept"
    SOURCE = "source"
    UNSOURCE = "unsource"
    COMPLETE = "complete"
    CANCEL = "cancel"
    CLOSE = "close"
    EXPIRE = "expire"


MOVES: Final[Mapping[tuple[Lifecycle, Event], Lifecycle]] = {
    (Lifecycle.RECEIVED, Event.ACCEPT): Lifecycle.ACCEPTED,
    (Lifecycle.RECEIVED, Event.CANCEL): Lifecycle.CANCELLED,
    (Lifecycle.ACCEPTED, Event.SOURCE): Lifecycle.IN_FULFILMENT,
    (Lifecycle.ACCEPTED, Event.CANCEL): Lifecycle.CANCELLED,
    (Lifecycle.IN_FULFILMENT, Event.SOURCE): Lifecycle.IN_FULFILMENT,
    (Lifecycle.IN_FULFILMENT, Event.UNSOURCE): Lifecycle.ACCEPTED,
    (Lifecycle.IN_FULFILMENT, Event.COMPLETE): Lifecycle.COMPLETED,
    (Lifecycle.IN_FULFILMENT, Event.CANCEL): Lifecycle.CANCELLED,
    (Lifecycle.COMPLETED, Event.CLOSE): Lifecycle.CLOSED,
    (Lifecycle.RECEIVED, Event.EXPIRE): Lifecycle.CLOSED,
    (Lifecycle.ACCEPTED, Event.EXPIRE): Lifecycle.CLOSED,
    (Lifecycle.IN_FULFILMENT, Event.EXPIRE): Lifecycle.CLOSED,
}
"""Everything that is not here is refused: cancelled and closed are final, and nothing leaves completed but closing."""


def move(state: Lifecycle, event: Event) -> Lifecycle:
    """Give the state that an event leads to.

    Raises: Conflict when the axis does not allow it.
    """
    after = MOVES.get((state, event))
    if after is None:
        raise Conflict(f"an order that is {state} cannot {event}", code="order_state")
    return after


def derive_fulfilment(ordered: int, shipped: int, cancelled: int, delivered: int = 0) -> Fulfilment:
    """Say how much of an order has left and arrived, from the sums of its shippable lines' counters."""
    if not shipped:
        return Fulfilment.NONE
    if shipped + cancelled < ordered:
        return Fulfilment.PARTIAL
    return Fulfilment.DELIVERED if delivered >= shipped else Fulfilment.SHIPPED
