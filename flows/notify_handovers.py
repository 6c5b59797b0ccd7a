"""Virtual goods that were handed over, to their channels: each is told once, with no parcel."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from flows.effect import Claimed, OfFulfilment
from hub.audit import record
from hub.errors import HubError, NeedsOperator
from hub.fulfilment.model import HandoverNotice
from hub.order.posting.handover import NOTIFY, read_handover
from hub.ports import HandoverSink


class NotifyHandover:
    """Tells one channel of one handover."""

    flow: str = NOTIFY
    subject: type = OfFulfilment
    alone: bool = False

    def prepare(self, session: Session, step: Claimed, at: datetime) -> HandoverNotice:  # noqa: ARG002 # the port's shape
        return read_handover(session, step.subject["order_id"], step.subject["no"])

    def call(self, partner: object, request: HandoverNotice) -> bool:
        """Tell it.

        Raises: NeedsOperator for a channel that knows only of parcels.
        """
        if not isinstance(partner, HandoverSink):
            text = f"{type(partner).__name__} is told of parcels only: mark the order as sent there by hand"
            raise NeedsOperator(text, code="wrong_kind")
        partner.send_handover(request)
        return True

    def ask(self, partner: object, request: HandoverNotice) -> Any | None:  # noqa: ANN401, ARG002 # the port's answer
        """Telling it again has no further effect, so nobody is asked."""
        return None

    def settle(self, session: Session, step: Claimed, answer: bool, at: datetime) -> None:  # noqa: ARG002, FBT001 # as above
        record(session, at, step.connection, "channel.told", f"order:{step.order_id}", key=step.idempotency_key)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; the goods were handed over all the same."""
