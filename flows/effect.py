"""What a flow gives the engine: how to prepare one outbound call, make it, and book what came of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy.orm import Session

from hub.document import Document
from hub.errors import HubError


class Claimed(NamedTuple):
    """A step that belongs to this worker until its lease ends.

    `order_id` is the order it is for, if it is for one. `was` is the state it was claimed from; `doubt` says that an
    earlier call may have been executed unheard; `unheard` counts such calls. `traceparent` continues a trace (W3C).
    `claimed_s` is this worker's monotonic clock at the claim.
    """

    id: int
    flow: str
    lane: str
    connection: str
    idempotency_key: str
    order_id: int | None
    subject: Mapping[str, Any]
    attempts: int
    unheard: int
    token: int
    was: str
    doubt: bool
    traceparent: str
    claimed_s: float


class OfFulfilment(Document):
    """The subject of a step about one fulfilment order, or about the group that it heads."""

    order_id: int
    no: int
    group: int | None = None


class Effect(Protocol):
    """One kind of step. Only `call` and `ask` touch the network, and they touch nothing else.

    `subject` is the shape that a step's own subject must have: what an older or newer release wrote differently is
    told to a person instead of being guessed at. `alone` says that booking locks what many orders share (stock), so
    that it is done in a transaction of its own.
    """

    flow: str
    subject: type
    alone: bool

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Any:  # noqa: ANN401 # the flow's own request
        """Gather what is sent; None when there is nothing to send any more, and the step is done without a call."""
        ...

    def call(self, partner: object, request: Any) -> Any:  # noqa: ANN401 # the flow's own answer
        """Make the call.

        Raises: the errors of hub.errors.
        """
        ...

    def ask(self, partner: object, request: Any) -> Any | None:  # noqa: ANN401 # as above
        """Ask a partner that has no idempotency keys whether an earlier call was executed; None when it was not."""
        ...

    def settle(self, session: Session, step: Claimed, answer: Any, at: datetime) -> None:  # noqa: ANN401 # as above
        """Book the answer, in the transaction that finishes the step; the order's row is locked."""
        ...

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """Book that the step is dead, in the transaction that says so."""
        ...


def is_idempotent(partner: object) -> bool:
    """Say whether a partner takes a repeated key once; who does not declare it is asked before anything is repeated."""
    return bool(getattr(partner, "idempotent", False))
