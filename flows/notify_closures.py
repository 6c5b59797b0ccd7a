"""Orders that were closed unpaid, to the channels that are told: after how long, and the call."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from flows.effect import Claimed
from hub.audit import record
from hub.document import Document
from hub.errors import HubError, NeedsOperator
from hub.fulfilment.model import ClosureNotice
from hub.order.change.expire import TELL, Terms
from hub.order.holds.unended import unpaid_limit
from hub.order.ship.outbound import read_closure
from hub.ports import ClosureSink
from hub.settings import Settings


class OfOrder(Document):
    """The subject of a step about one order."""

    order_id: int


def unpaid_terms(settings: Settings) -> Mapping[str, Terms]:
    """Say on which terms the unpaid orders of each channel are closed."""
    keep = settings.orders.deposit == "keep"
    return {
        name: Terms(unpaid_limit(settings, name), one.options.get("tell_closed") == "yes", keep)
        for name, one in settings.connections.items()
    }


class NotifyClosure:
    """Tells one channel that an order was closed."""

    flow: str = TELL
    subject: type = OfOrder
    alone: bool = False

    def prepare(self, session: Session, step: Claimed, at: datetime) -> ClosureNotice:  # noqa: ARG002 # the port's shape
        return read_closure(session, step.subject["order_id"])

    def call(self, partner: object, request: ClosureNotice) -> bool:
        if not isinstance(partner, ClosureSink):
            raise NeedsOperator(f"{type(partner).__name__} is not told of closed orders", code="wrong_kind")
        partner.send_closure(request)
        return True

    def ask(self, partner: object, request: ClosureNotice) -> Any | None:  # noqa: ANN401 # the port's answer
        """Raises: NeedsOperator: a channel that does not take a key once cannot be asked."""
        raise NeedsOperator(f"{type(partner).__name__} cannot be asked for {request.key}", code="cannot_ask")

    def settle(self, session: Session, step: Claimed, answer: bool, at: datetime) -> None:  # noqa: ARG002, FBT001 # as above
        record(session, at, step.connection, "channel.told", f"order:{step.order_id}", key=step.idempotency_key)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; the order is closed all the same."""
