"""What locations say has come back: taken in as it is, and a case for what is no return of theirs."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from connectors.registry import Registry
from hub.aftersale.announce import at_known_place, check_return
from hub.aftersale.model import ReturnConfirm
from hub.aftersale.receive import receive_return
from hub.cases import open_cases
from hub.errors import NeedsOperator, Rejected
from hub.inbox import InboxState, Message, settle
from hub.order.receive import parked_case
from hub.ports import ReturnReports


class ReceiveReturns:
    """Takes inbox messages of the kind return_confirm, one a transaction, for each locks its order first.

    In whichever order they come: each is a document of its own, and none takes pieces from another.
    """

    kinds: Sequence[str] = ("return_confirm",)
    batch: int = 1
    alone: bool = False

    def __init__(self, connectors: Registry, zone: ZoneInfo) -> None:
        self._connectors = connectors
        self._zone = zone

    def handle(self, session: Session, messages: Sequence[Message], at: datetime) -> None:
        """Take messages in; one that cannot be meant takes in nothing and becomes a case."""
        for message in messages:
            order_id: int | None = None
            try:
                with session.begin_nested():
                    told = self._read(message)
                    order_id, no = check_return(session, told.code, message.connection)
                    arrived = at_known_place(session, told.arrived, message.connection)
                    receive_return(session, order_id, no, arrived, message.connection, at.astimezone(self._zone))
            except Rejected as error:
                settle(session, message, InboxState.PARKED, at, order_id=order_id, code=error.code, error=error.message)
                open_cases(session, [parked_case(message, error, self._connectors.brand_of(message.connection))], at)
            else:
                settle(session, message, InboxState.DONE, at, order_id=order_id)

    def _read(self, message: Message) -> ReturnConfirm:
        desk = self._connectors.get(message.connection)
        if not isinstance(desk, ReturnReports):
            raise NeedsOperator(f"{message.connection} does not report returns", code="wrong_kind")
        return desk.read_return(message.body)
