"""What a partner can do for the hub, as small ports; a connector implements those its partner has.

Documents that cross a port are frozen values. Partners raise the errors of hub.errors and nothing else.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol, runtime_checkable

from pydantic import AwareDatetime

from hub.access import Token
from hub.aftersale.model import Announced, ReturnConfirm
from hub.document import Document
from hub.errors import HubError
from hub.fulfilment.courier import InterceptAnswer, InterceptWish, Subscription, Track
from hub.fulfilment.model import (
    Accepted,
    CancelAnswer,
    CancelWish,
    ChangeNotice,
    ClosureNotice,
    Confirm,
    Delivery,
    HandoverNotice,
    RefundNotice,
    Report,
    ShipmentNotice,
)
from hub.fulfilment.sale import GoodsIssue, Sale
from hub.inventory.counted import CountReport
from hub.inventory.telling import Alarm, Telling, Told
from hub.order.model import Order


class Inbound(Document):
    """A request as it came over HTTP: raw bytes, because signatures are over bytes. Header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: AwareDatetime


class Notice(Document):
    """What a webhook turned out to be: its kind decides the flow, its id makes it come once."""

    kind: Literal["order", "confirm", "report", "track", "stock_count", "stock_change", "return_confirm"]
    message_id: str


class Fetched(Document):
    """A message that was asked for: kept in the inbox before anything reads it, once per kind and id."""

    kind: Literal["order", "stock_count"]
    message_id: str
    body: bytes


class Hinted(Document):
    """What a channel's queue brought; its receipts are confirmed when the messages are kept."""

    messages: tuple[Fetched, ...]
    receipts: tuple[str, ...]


class Reply(Document):
    """What the partner expects to hear back."""

    status: int
    media_type: str
    body: bytes


@runtime_checkable
class WebhookDesk(Protocol):
    """Takes a partner's calls: verifies them on the raw bytes, names them, and answers as the partner expects."""

    def receive(self, inbound: Inbound) -> Notice: ...

    def reply(self, error: HubError | None) -> Reply: ...


@runtime_checkable
class OrderSource(Protocol):
    """Reads a channel's order into the canonical one; pure."""

    def read_order(self, body: bytes) -> Order: ...


@runtime_checkable
class OrderFeed(Protocol):
    """Asks a channel for the orders that have changed."""

    window: timedelta
    """The longest span of time that one question may cover."""

    lag: timedelta
    """How far behind now a question must end, because what has only just changed may not be listed yet."""

    def fetch_orders(self, since: datetime, until: datetime) -> Iterator[Sequence[Fetched]]:
        """Give what has changed, page by page; each page is kept before the next is asked for.

        Raises: TryLater; OutcomeUnknown; NeedsOperator; Rejected.
        """
        ...


@runtime_checkable
class OrderHints(Protocol):
    """Takes a channel's queue of hints, each of which is answered by reading the order it names."""

    def fetch_hinted(self) -> Hinted: ...

    def confirm_hints(self, receipts: Sequence[str]) -> None: ...


@runtime_checkable
class TokenKeeper(Protocol):
    """Exchanges a connection's token for the next one; an unanswered exchange may be repeated."""

    def refresh_token(self, token: Token) -> Token: ...


@runtime_checkable
class ShipmentSink(Protocol):
    """Tells a channel that goods have left; a partner that is not idempotent is a ShipmentProbe as well."""

    def send_shipment(self, shipment: ShipmentNotice) -> None: ...


@runtime_checkable
class HandoverSink(Protocol):
    """Tells a channel that goods were handed over with nothing sent; telling it again has no further effect."""

    def send_handover(self, handover: HandoverNotice) -> None:
        """Raises: Rejected with code partly_virtual where it can only be told of whole orders."""
        ...


@runtime_checkable
class ClosureSink(Protocol):
    """Tells a channel that an order was closed because nobody paid it; takes each key once."""

    def send_closure(self, closure: ClosureNotice) -> None: ...


@runtime_checkable
class ChangeSink(Protocol):
    """Tells a channel what the hub changed of an order that it placed; takes each key once."""

    tells_changes: bool
    """Whether this shop's is told at all."""

    def send_change(self, change: ChangeNotice) -> None: ...


@runtime_checkable
class RefundSink(Protocol):
    """Asks who holds an order's money to give some of it back; takes each key once."""

    takes_refunds: bool
    """Whether this partner is asked at all."""

    def send_refund(self, refund: RefundNotice) -> None: ...


@runtime_checkable
class ShipmentProbe(Protocol):
    """Says whether a channel knows of a shipment already, for one that does not take a repeated key once."""

    def find_shipment(self, shipment: ShipmentNotice) -> bool: ...


@runtime_checkable
class StockSink(Protocol):
    """Tells a channel how many pieces of SKUs it may offer: absolute numbers, which may be repeated."""

    def send_stock(self, levels: Sequence[Telling]) -> Told:
        """Give what the channel took and refused; it may be less than what was told, and the rest is told later.

        Raises: Rejected when it refuses them all; the errors of hub.errors.
        """
        ...


@runtime_checkable
class AlertSink(Protocol):
    """Is told of stock alerts as they open and close; takes each key once."""

    def send_alerts(self, alarms: Sequence[Alarm]) -> None: ...


@runtime_checkable
class DeliverySink(Protocol):
    """Has a location ship; repeating a document's code has no further effect."""

    def send_delivery(self, delivery: Delivery) -> Accepted: ...

    def send_cancel(self, wish: CancelWish) -> CancelAnswer: ...


@runtime_checkable
class ReturnSink(Protocol):
    """Has a location await a return; repeating its code has no further effect."""

    def send_return(self, announced: Announced) -> Accepted: ...


@runtime_checkable
class ReturnReports(Protocol):
    """Reads what a location says has come back; pure."""

    def read_return(self, body: bytes) -> ReturnConfirm: ...


@runtime_checkable
class DeliveryReports(Protocol):
    """Reads what a location says of its documents; pure."""

    def read_confirm(self, body: bytes) -> Confirm: ...

    def read_report(self, body: bytes) -> Report: ...


@runtime_checkable
class StockReports(Protocol):
    """Reads what a location says of its stock; pure. A report without a time of its own is of when it was received."""

    def read_counts(self, body: bytes, received_at: datetime) -> Sequence[CountReport]: ...

    def read_changes(self, body: bytes, received_at: datetime) -> Sequence[CountReport]: ...


@runtime_checkable
class StockAsk(Protocol):
    """Asks a location for its stock; each answer is a message that its `StockReports` reads as counts."""

    def fetch_stock(self, location: str, owner: str, skus: Sequence[str], fresh: Sequence[str]) -> Iterator[Fetched]:
        """Give answers of when asking began, each to be kept before the next; who lists all tells of `fresh` SKUs, too.

        Raises: TryLater; OutcomeUnknown; NeedsOperator; Rejected.
        """
        ...


@runtime_checkable
class SaleBook(Protocol):
    """Books in an ERP what a fulfilment order has shipped; `find_` asks by our own key after an unheard answer."""

    def send_sale(self, sale: Sale) -> Accepted: ...

    def find_sale(self, sale: Sale) -> Accepted | None:
        """Raises: NeedsOperator with code duplicate_document when there is more than one; of goods issues likewise."""
        ...

    def send_goods_issue(self, issue: GoodsIssue) -> Accepted: ...

    def find_goods_issue(self, issue: GoodsIssue) -> Accepted | None: ...


@runtime_checkable
class ParcelTracker(Protocol):
    """Has a courier's news of a parcel pushed to us, or asks for them; reading is pure."""

    def send_subscription(self, subscription: Subscription) -> None: ...

    def fetch_track(self, subscription: Subscription) -> Track | None: ...

    def read_tracks(self, body: bytes) -> Sequence[Track]: ...


@runtime_checkable
class InterceptDesk(Protocol):
    """Has parcels that have left brought back: those of the couriers in `stops`, by our codes."""

    stops: Collection[str]

    def send_intercept(self, wish: InterceptWish) -> InterceptAnswer: ...


@runtime_checkable
class Probe(Protocol):
    """Makes a harmless call, so that a person sees whether address and credentials are right."""

    def probe(self) -> None:
        """Raises: the errors of hub.errors."""
        ...


class Connectors(Protocol):
    """The configured partners by connection name."""

    def get(self, connection: str) -> object:
        """Give the partner of a connection. Raises: NotFound."""
        ...

    def names(self) -> Sequence[str]: ...
