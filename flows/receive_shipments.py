"""Confirms and progress from locations: what has left, what was refused, and a case for what contradicts the order."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from connectors.registry import Registry
from hub.cases import open_cases
from hub.errors import NeedsOperator, Rejected
from hub.fulfilment.model import Confirm, Report
from hub.fulfilment.release import check_connection, parse_code
from hub.inbox import InboxState, Message, settle
from hub.order.receive import parked_case
from hub.order.rules.policy import POLICY, Policy
from hub.order.ship.together import book_confirm, book_report
from hub.ports import DeliveryReports


class ReceiveShipments:
    """Takes inbox messages of the kinds confirm and report, one a transaction and one process at a time.

    One a transaction because each locks its order first: two batches with two orders crosswise would wait in a circle.
    One process because a document's confirms must be booked in the order they came: a final one that overtook
    another would look short.
    """

    kinds: Sequence[str] = ("report", "confirm")
    batch: int = 1
    alone: bool = True

    def __init__(self, connectors: Registry, zone: ZoneInfo, policy: Policy = POLICY) -> None:
        self._connectors = connectors
        self._zone = zone
        self._policy = policy

    def handle(self, session: Session, messages: Sequence[Message], at: datetime) -> None:
        """Book messages; one that contradicts the order books nothing and becomes a case."""
        here = at.astimezone(self._zone)  # the day is its own by which lots of a new source expire
        for message in messages:
            order_id: int | None = None
            try:
                with session.begin_nested():
                    news = self._read(message)
                    check_connection(session, news.code, message.connection)
                    order_id, _ = parse_code(news.code)
                    if isinstance(news, Confirm):
                        book_confirm(session, news, here, self._policy, message.id)
                    else:
                        book_report(session, news, here, self._policy)
            except Rejected as error:
                state, code = InboxState.PARKED, error.code
                settle(session, message, state, at, order_id=order_id, code=code, error=error.message)
                brand = self._connectors.brand_of(message.connection)
                open_cases(session, [parked_case(message, error, brand)], at)
            else:
                settle(session, message, InboxState.DONE, at, order_id=order_id)

    def _read(self, message: Message) -> Confirm | Report:
        desk = self._connectors.get(message.connection)
        if not isinstance(desk, DeliveryReports):
            raise NeedsOperator(f"{message.connection} does not report deliveries", code="wrong_kind")
        if message.kind == "report":
            return desk.read_report(message.body)
        told = desk.read_confirm(message.body)
        # What does not say when goods left left before it came, however long it has waited here since.
        return told.model_copy(update={"confirmed_at": told.confirmed_at or message.received_at})
