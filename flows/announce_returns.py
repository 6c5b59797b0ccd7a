"""Returns to the location that is to receive them; one whose partner takes none waits for a person to say what came."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from flows.effect import Claimed
from hub.aftersale.announce import ANNOUNCE, mark_announced, read_announced
from hub.aftersale.model import Announced
from hub.document import Document
from hub.errors import HubError, NeedsOperator
from hub.ports import ReturnSink


class OfReturn(Document):
    """The subject of a step about one return."""

    order_id: int
    no: int


class AnnounceReturn:
    """Tells a location of one return, and keeps its number for it."""

    flow: str = ANNOUNCE
    subject: type = OfReturn
    alone: bool = False

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Announced | None:  # noqa: ARG002 # the port's shape
        return read_announced(session, step.subject["order_id"], step.subject["no"])

    def call(self, partner: object, request: Announced) -> str:
        """Give the partner's number, and none where it takes no returns."""
        return partner.send_return(request).partner_id if isinstance(partner, ReturnSink) else ""

    def ask(self, partner: object, request: Announced) -> Any | None:  # noqa: ANN401 # the port's answer
        """Raises: NeedsOperator: a location that does not take a code once cannot be asked."""
        raise NeedsOperator(f"{type(partner).__name__} cannot be asked for {request.code}", code="cannot_ask")

    def settle(self, session: Session, step: Claimed, answer: str, at: datetime) -> None:
        mark_announced(session, step.subject["order_id"], step.subject["no"], step.connection, answer, at)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; the goods are awaited all the same, and a person can say what came."""
