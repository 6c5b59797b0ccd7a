"""Stock alerts to the partner of their brand, or of all: opened and closed, each once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from flows.effect import Claimed
from hub.document import Document
from hub.errors import HubError, NeedsOperator
from hub.inventory.alarm import FLOW, book_alarms, read_alarms
from hub.inventory.telling import Alarm
from hub.ports import AlertSink
from hub.stock_told import Stock


class OfAlerts(Document):
    """The subject of a step about alerts: whichever are to be told when it is sent."""


class AlertStock:
    """Tells of the alerts that have opened or closed."""

    flow: str = FLOW
    subject: type = OfAlerts
    alone: bool = True

    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Sequence[Alarm] | None:  # noqa: ARG002 # the port's shape
        return read_alarms(session, self._stock.heard_by(step.connection)) or None

    def call(self, partner: object, request: Sequence[Alarm]) -> Sequence[Alarm]:
        if not isinstance(partner, AlertSink):
            raise NeedsOperator(f"{type(partner).__name__} takes no stock alerts", code="wrong_kind")
        partner.send_alerts(request)
        return request

    def ask(self, partner: object, request: Sequence[Alarm]) -> None:
        """Telling again is harmless: a receiver takes each alert's key once."""

    def settle(self, session: Session, step: Claimed, answer: Sequence[Alarm], at: datetime) -> None:  # noqa: ARG002 # as above
        book_alarms(session, answer)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; what was to be told waits for the step to be tried again."""
