"""Parcels on their way: have the courier's news sent, take them in, and ask where nothing was heard."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from connectors.registry import Registry
from flows.effect import Claimed
from hub.aftersale.intercepted import take_tracks
from hub.aftersale.wish import Terms
from hub.cases import open_cases
from hub.document import Document
from hub.errors import HubError, NeedsOperator, NotFound, Rejected
from hub.fulfilment.courier import Subscription, Track
from hub.inbox import InboxState, Message, settle
from hub.order.receive import parked_case
from hub.order.ship.track import ASK, SUBSCRIBE, Parcel, mark_subscribed, read_subscription
from hub.ports import ParcelTracker
from hub.settings import Settings


class OfParcel(Document):
    """The subject of a step about one parcel."""

    order_id: int
    shipment_no: int
    no: int


class SubscribeParcel:
    """Asks a courier to send us one parcel's news."""

    flow: str = SUBSCRIBE
    subject: type = OfParcel
    alone: bool = False

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Subscription:  # noqa: ARG002 # the port's shape
        return read_subscription(session, Parcel(**step.subject))

    def call(self, partner: object, request: Subscription) -> bool:
        _tracker(partner).send_subscription(request)
        return True

    def ask(self, partner: object, request: Subscription) -> Any | None:  # noqa: ANN401 # the port's answer
        """Subscribing again is harmless with every courier of ours; one where it is not must bring its own question."""
        raise NeedsOperator(f"{type(partner).__name__} cannot be asked for {request.key}", code="cannot_ask")

    def settle(self, session: Session, step: Claimed, answer: bool, at: datetime) -> None:  # noqa: ARG002, FBT001 # as above
        mark_subscribed(session, Parcel(**step.subject), at)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; the parcel is asked for once a day all the same."""


class AskParcel:
    """Asks a courier for the log of one parcel that nothing was heard of."""

    flow: str = ASK
    subject: type = OfParcel
    alone: bool = False

    def __init__(self, settings: Settings) -> None:
        self._terms = Terms.of(settings.orders)

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Subscription:  # noqa: ARG002 # the port's shape
        return read_subscription(session, Parcel(**step.subject))

    def call(self, partner: object, request: Subscription) -> Track | None:
        return _tracker(partner).fetch_track(request)

    def ask(self, partner: object, request: Subscription) -> Track | None:
        """Asking is harmless: ask again."""
        return self.call(partner, request)

    def settle(self, session: Session, step: Claimed, answer: Track, at: datetime) -> None:
        take_tracks(session, step.connection, [answer], self._terms, at)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; tomorrow the parcel is asked for again."""


class ReceiveTracks:
    """Takes inbox messages of kind track, a batch a transaction: the newest log of each parcel is what counts."""

    kinds: Sequence[str] = ("track",)
    alone: bool = False

    def __init__(self, connectors: Registry, settings: Settings) -> None:
        self._connectors = connectors
        self._terms = Terms.of(settings.orders)
        self.batch = settings.worker.inbox_batch

    def handle(self, session: Session, messages: Sequence[Message], at: datetime) -> None:
        """Keep what couriers say; a push that cannot be read, or names no parcel of ours, becomes a case."""
        read: dict[int, Sequence[Track]] = {}
        for message in messages:
            try:
                read[message.id] = self._read(message)
            except Rejected as error:
                self._park(session, message, error, at)
        for connection in sorted({message.connection for message in messages}):
            mine = [one for one in messages if one.connection == connection and one.id in read]
            told = [track for one in mine for track in read[one.id]]
            known = take_tracks(session, connection, told, self._terms, at)
            for message in mine:
                orders = [known[track.tracking_no] for track in read[message.id] if track.tracking_no in known]
                if orders or not read[message.id]:
                    settle(session, message, InboxState.DONE, at, order_id=orders[0] if orders else None)
                else:
                    error = NotFound("no parcel of ours has this tracking number", code="unknown_document")
                    self._park(session, message, error, at)

    def _read(self, message: Message) -> Sequence[Track]:
        return _tracker(self._connectors.get(message.connection)).read_tracks(message.body)

    def _park(self, session: Session, message: Message, error: Rejected, at: datetime) -> None:
        settle(session, message, InboxState.PARKED, at, code=error.code, error=error.message)
        open_cases(session, [parked_case(message, error, self._connectors.brand_of(message.connection))], at)


def _tracker(partner: object) -> ParcelTracker:
    if not isinstance(partner, ParcelTracker):
        raise NeedsOperator(f"{type(partner).__name__} follows no parcels", code="wrong_kind")
    return partner
