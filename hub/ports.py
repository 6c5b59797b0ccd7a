"""What a partner can do for the hub, as small ports; a connector implements those its partner has.

Documents that cross a port are frozen values. Partners raise the errors of hub.errors and nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from pydantic import AwareDatetime

from hub.document import Document
from hub.errors import HubError
from hub.fulfilment.model import Accepted, CancelAnswer, CancelWish, Confirm, Delivery, Report, ShipmentNotice
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

    kind: Literal["order", "confirm", "report"]
    message_id: str


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
class ShipmentSink(Protocol):
    """Tells a channel that goods have left; repeating a key has no further effect."""

    def send_shipment(self, shipment: ShipmentNotice) -> None: ...


@runtime_checkable
class DeliverySink(Protocol):
    """Has a location ship; repeating a document's code has no further effect."""

    def send_delivery(self, delivery: Delivery) -> Accepted: ...

    def send_cancel(self, wish: CancelWish) -> CancelAnswer: ...


@runtime_checkable
class DeliveryReports(Protocol):
    """Reads what a location says of its documents; pure."""

    def read_confirm(self, body: bytes) -> Confirm: ...

    def read_report(self, body: bytes) -> Report: ...


class Connectors(Protocol):
    """The configured partners by connection name."""

    def get(self, connection: str) -> object:
        """Give the partner of a connection.

        Raises: NotFound.
        """
        ...

    def names(self) -> Sequence[str]: ...
