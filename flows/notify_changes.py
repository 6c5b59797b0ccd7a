"""What the hub changed of an order, to the channel that placed it, and refunds to who holds the money.

A partner that cannot be told is not called: the step ends as not tellable, which the order's trace shows.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from flows.effect import Claimed
from hub.audit import record
from hub.document import Document
from hub.errors import HubError, NeedsOperator
from hub.fulfilment.model import ChangeNotice, RefundNotice
from hub.order.change.notice import read_change, read_refund
from hub.order.change.refund import mark_asked
from hub.order.change.tell import CHANGE, REFUND
from hub.ports import ChangeSink, RefundSink

TOLD: Final = {True: "channel.told", False: "channel.not_tellable"}


class OfChange(Document):
    """The subject of a step about a revision of an order, or about its cancellation (0)."""

    order_id: int
    revision_no: int


class OfRefund(Document):
    """The subject of a step about what of one refund goes back to one payment; None: all of it."""

    order_id: int
    no: int
    payment: int | None = None


class NotifyChange:
    """Tells one channel of one change, or of a cancellation."""

    flow: str = CHANGE
    subject: type = OfChange
    alone: bool = False

    def prepare(self, session: Session, step: Claimed, at: datetime) -> ChangeNotice:  # noqa: ARG002 # the port's shape
        return read_change(session, step.subject["order_id"], step.subject["revision_no"], step.idempotency_key)

    def call(self, partner: object, request: ChangeNotice) -> bool:
        if not isinstance(partner, ChangeSink) or not partner.tells_changes:
            return False
        partner.send_change(request)
        return True

    def ask(self, partner: object, request: ChangeNotice) -> Any | None:  # noqa: ANN401 # the port's answer
        """Raises: NeedsOperator: a channel that does not take a key once cannot be asked."""
        raise NeedsOperator(f"{type(partner).__name__} cannot be asked for {request.key}", code="cannot_ask")

    def settle(self, session: Session, step: Claimed, answer: bool, at: datetime) -> None:  # noqa: FBT001 # as above
        record(session, at, step.connection, TOLD[answer], f"order:{step.order_id}", key=step.idempotency_key)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; the change stands all the same."""


class AskRefund:
    """Asks who holds the money to give some of it back."""

    flow: str = REFUND
    subject: type = OfRefund
    alone: bool = False

    def prepare(self, session: Session, step: Claimed, at: datetime) -> RefundNotice | None:  # noqa: ARG002 # the port's shape
        told = OfRefund.model_validate(step.subject)
        return read_refund(session, told.order_id, told.no, step.idempotency_key, told.payment)

    def call(self, partner: object, request: RefundNotice) -> bool:
        if not isinstance(partner, RefundSink) or not partner.takes_refunds:
            return False
        partner.send_refund(request)
        return True

    def ask(self, partner: object, request: RefundNotice) -> Any | None:  # noqa: ANN401 # the port's answer
        """Raises: NeedsOperator: who does not take a key once cannot be asked."""
        raise NeedsOperator(f"{type(partner).__name__} cannot be asked for {request.key}", code="cannot_ask")

    def settle(self, session: Session, step: Claimed, answer: bool, at: datetime) -> None:  # noqa: FBT001 # as above
        if answer:
            mark_asked(session, step.subject["order_id"], step.subject["no"], at)
        record(session, at, step.connection, TOLD[answer], f"order:{step.order_id}", key=step.idempotency_key)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; the money is due all the same."""
