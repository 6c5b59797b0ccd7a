"""Confirms and progress from locations: what has left, what was refused, and a case for what contradicts the order."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from connectors.registry import Registry
from hub.cases import open_cases
from hub.errors import NeedsOperator, Rejected
from hub.inbox import InboxState, Message, settle
from hub.order.progress import record_confirm, record_report
from hub.order.receive import parked_case
from hub.ports import DeliveryReports


class ReceiveShipments:
    """Takes inbox messages of the kinds confirm and report, one a transaction.

    One at a time because each locks its order first: two batches with two orders crosswise would wait in a circle.
    """

    kinds: Sequence[str] = ("report", "confirm")
    batch: int = 1

    def __init__(self, connectors: Registry) -> None:
        self._connectors = connectors

    def handle(self, session: Session, messages: Sequence[Message], at: datetime) -> None:
        """Book messages; one that contradicts the order books nothing and becomes a case."""
        for message in messages:
            try:
                with session.begin_nested():
                    order_id = self._book(session, message, at)
            except Rejected as error:
                settle(session, message, InboxState.PARKED, at, code=error.code, error=error.message)
                open_cases(
                    session, [parked_case(message, error, self._connectors.settings_of(message.connection).brand)], at
                )
            else:
                settle(session, message, InboxState.DONE, at, order_id=order_id)

    def _book(self, session: Session, message: Message, at: datetime) -> int:
        desk = self._connectors.get(message.connection)
        if not isinstance(desk, DeliveryReports):
            raise NeedsOperator(f"{message.connection} does not report deliveries", code="wrong_kind")
        if message.kind == "confirm":
            return record_confirm(session, desk.read_confirm(message.body), at)
        return record_report(session, desk.read_report(message.body), at)
