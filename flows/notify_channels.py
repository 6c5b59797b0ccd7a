"""Shipments to their channels: every channel is told of each of its shipments once."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from flows.effect import Claimed
from hub.audit import record
from hub.document import Document
from hub.errors import HubError, NeedsOperator
from hub.fulfilment.model import ShipmentNotice
from hub.order.ship.outbound import read_shipment
from hub.order.ship.progress import NOTIFY
from hub.ports import ShipmentProbe, ShipmentSink


class OfShipment(Document):
    """The subject of a step about one shipment."""

    order_id: int
    shipment_no: int


class NotifyShipment:
    """Tells one channel of one shipment."""

    flow: str = NOTIFY
    subject: type = OfShipment
    alone: bool = False

    def prepare(self, session: Session, step: Claimed, at: datetime) -> ShipmentNotice:  # noqa: ARG002 # the port's shape
        return read_shipment(session, step.subject["order_id"], step.subject["shipment_no"])

    def call(self, partner: object, request: ShipmentNotice) -> bool:
        if not isinstance(partner, ShipmentSink):
            raise NeedsOperator(f"{type(partner).__name__} is not told of shipments", code="wrong_kind")
        partner.send_shipment(request)
        return True

    def ask(self, partner: object, request: ShipmentNotice) -> Any | None:  # noqa: ANN401 # the port's answer
        """Ask whether the channel knows of the shipment already.

        Raises: NeedsOperator for a channel that neither takes a key once nor can be asked.
        """
        if not isinstance(partner, ShipmentProbe):
            raise NeedsOperator(f"{type(partner).__name__} cannot be asked for {request.key}", code="cannot_ask")
        return True if partner.find_shipment(request) else None

    def settle(self, session: Session, step: Claimed, answer: bool, at: datetime) -> None:  # noqa: ARG002, FBT001 # as above
        record(session, at, step.connection, "channel.told", f"order:{step.order_id}", key=step.idempotency_key)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; the goods have left all the same."""
