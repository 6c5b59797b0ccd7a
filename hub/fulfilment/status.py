"""The two axes of a fulfilment order: how far the work is, and what hub and location have agreed."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from hub.errors import Conflict


class Execution(StrEnum):
    OPEN = "open"
    SCHEDULED = "scheduled"
    ON_HOLD = "on_hold"
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"
    INCOMPLETE = "incomplete"
    CANCELLED = "cancelled"


class Negotiation(StrEnum):
    UNSUBMITTED = "unsubmitted"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCEL_REQUESTED = "cancel_requested"
    CANCEL_ACCEPTED = "cancel_accepted"
    CANCEL_REJECTED = "cancel_rejected"


ENDED: Final = frozenset({Execution.CLOSED, Execution.INCOMPLETE, Execution.CANCELLED})
"""Nothing is reserved any more for a fulfilment order that has ended."""

_N = Negotiation
MOVES: Final[Mapping[Negotiation, frozenset[Negotiation]]] = {
    _N.UNSUBMITTED: frozenset({_N.SUBMITTED, _N.ACCEPTED, _N.REJECTED, _N.CANCEL_ACCEPTED, _N.CANCEL_REQUESTED}),
    _N.SUBMITTED: frozenset({_N.ACCEPTED, _N.REJECTED, _N.CANCEL_REQUESTED}),
    _N.ACCEPTED: frozenset({_N.REJECTED, _N.CANCEL_REQUESTED}),
    _N.CANCEL_REQUESTED: frozenset({_N.CANCEL_ACCEPTED, _N.CANCEL_REJECTED, _N.REJECTED}),
    _N.CANCEL_REJECTED: frozenset({_N.CANCEL_REQUESTED, _N.CANCEL_ACCEPTED, _N.REJECTED}),
    _N.REJECTED: frozenset(),
    _N.CANCEL_ACCEPTED: frozenset(),
}
"""A report may overtake the answer to our own call, so an unsubmitted document can be accepted or rejected.

A first parcel refuses a cancellation, and the rest may still be stopped.
"""


def negotiate(state: Negotiation, wish: Negotiation) -> Negotiation:
    """Move to a state; one that is reached already stays.

    Raises: Conflict when the axis does not allow it.
    """
    if wish != state and wish not in MOVES[state]:
        raise Conflict(f"a fulfilment order that is {state} cannot become {wish}", code="fulfilment_state")
    return wish
