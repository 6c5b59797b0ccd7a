"""Parcels that have left are brought back: their courier is asked, and its answer opens a return or calls a person."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from flows.effect import Claimed
from flows.follow_parcels import OfParcel
from hub.aftersale.intercepted import book_intercept, lose_intercept
from hub.aftersale.wish import Terms
from hub.errors import HubError, NeedsOperator, OutcomeUnknown
from hub.fulfilment.courier import InterceptAnswer, InterceptWish
from hub.order.ship.intercept import INTERCEPT, read_intercept
from hub.order.ship.track import Parcel
from hub.ports import InterceptDesk
from hub.settings import Settings


class InterceptParcel:
    """Asks a courier to bring one parcel back."""

    flow: str = INTERCEPT
    subject: type = OfParcel
    alone: bool = False

    def __init__(self, settings: Settings) -> None:
        self._terms = Terms.of(settings.orders)

    def prepare(self, session: Session, step: Claimed, at: datetime) -> InterceptWish:  # noqa: ARG002 # the port's shape
        return read_intercept(session, Parcel(**step.subject))

    def call(self, partner: object, request: InterceptWish) -> InterceptAnswer:
        if not isinstance(partner, InterceptDesk):
            raise NeedsOperator(f"{type(partner).__name__} stops no parcels", code="wrong_kind")
        return partner.send_intercept(request)

    def ask(self, partner: object, request: InterceptWish) -> Any | None:  # noqa: ANN401 # the port's answer
        """Raises: NeedsOperator: the way back costs money, and no courier says whether it was asked for before."""
        raise NeedsOperator(f"{type(partner).__name__} cannot be asked for {request.key}", code="cannot_ask")

    def settle(self, session: Session, step: Claimed, answer: InterceptAnswer, at: datetime) -> None:
        book_intercept(session, Parcel(**step.subject), step.connection, answer, self._terms, at)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; the parcel shows that its courier has not agreed."""
        doubt = step.doubt or isinstance(error, OutcomeUnknown)
        lose_intercept(session, Parcel(**step.subject), step.connection, error.code, at, doubt=doubt)
