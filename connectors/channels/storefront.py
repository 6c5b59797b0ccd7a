"""The brand's own storefronts: orders by signed webhook; shipments, stock and alerts told back by signed webhook.

Both directions carry Standard Webhooks signatures (github.com/standard-webhooks, specification 1.0.0, read 2026-11):
`webhook-signature: v1,` + base64(HMAC-SHA256(secret, id.timestamp.body)).
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, cast, final

from connectors.partner import Partner
from connectors.reading import read_as, read_json, write_with
from connectors.transport.http import Call, HttpApi
from hub.errors import HubError, Malformed, Unauthorised
from hub.fulfilment.model import ChangeNotice, ClosureNotice, HandoverNotice, RefundNotice, ShipmentNotice
from hub.inbox import message_id_of
from hub.inventory.telling import Alarm, Telling, Told
from hub.order.model import Order
from hub.ports import Inbound, Notice, Reply
from mappings.table import Table

TOLERANCE: Final = timedelta(minutes=5)
MESSAGE_ID: Final = re.compile(r"[!-~]{1,200}")
TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
TABLE: Final = "channels/storefront"
KEY_LENGTH: Final = 32


@final
class Storefront:
    """One shop's storefront; options: tell_closed, tell_changes (yes: of what the hub changes, and of refunds)."""

    idempotent: Final = True

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._table = Table.named(TABLE)
        self._api = HttpApi(partner.http, self._sign)
        self.tells_changes = partner.connection.options.get("tell_changes") == "yes"
        self.takes_refunds = self.tells_changes

    def receive(self, inbound: Inbound) -> Notice:
        """Verify a webhook and name what it brings.

        Raises: Unauthorised; Malformed.
        """
        message_id = inbound.headers.get("webhook-id", "")
        self._verify(inbound, message_id)
        if read_json(inbound.body).get("type") != "order.paid":
            raise Malformed("the webhook's type is not one of: order.paid", code="unknown_event", field="type")
        # The same id with other bytes is another message: which one counts is for placing to say.
        return Notice(kind="order", message_id=f"{message_id}:{message_id_of(inbound.body)[:16]}")

    def reply(self, error: HubError | None) -> Reply:
        """Answer 204, or say what is wrong."""
        if error is None:
            return Reply(status=204, media_type="application/json", body=b"")
        status = 401 if isinstance(error, Unauthorised) else 400
        body = json.dumps({"code": error.code, "message": error.message}).encode()
        return Reply(status=status, media_type="application/json", body=body)

    def read_order(self, body: bytes) -> Order:
        """Read an order as posted to the API, or as wrapped in a webhook.

        Raises: Malformed.
        """
        document = read_json(body)
        if document.keys() == {"type", "data"} and isinstance(document["data"], dict):
            document = cast("dict[str, object]", document["data"])
        return read_as(Order, self._table, "order", document)

    def send_shipment(self, shipment: ShipmentNotice) -> None:
        """Tell the storefront of a shipment; it takes each key once."""
        self._tell(shipment.key, write_with(self._table, "shipment", shipment))

    def send_handover(self, handover: HandoverNotice) -> None:
        """Tell the storefront of virtual goods that were handed over; it takes each key once."""
        self._tell(handover.key, write_with(self._table, "handover", handover))

    def send_closure(self, closure: ClosureNotice) -> None:
        """Tell the storefront that an order was closed unpaid."""
        self._tell(closure.key, write_with(self._table, "closure", closure))

    def send_change(self, change: ChangeNotice) -> None:
        """Tell the storefront what was changed of an order here."""
        self._tell(change.key, write_with(self._table, "change", change))

    def send_refund(self, refund: RefundNotice) -> None:
        """Ask the storefront to give money back."""
        self._tell(refund.key, write_with(self._table, "refund", refund))

    def send_stock(self, levels: Sequence[Telling]) -> Told:
        """Tell the storefront what it may offer; the same numbers are the same message.

        Raises: as `HttpApi.send`.
        """
        told = [write_with(self._table, "level", one) for one in levels]
        self._tell_all("stock.changed", "levels", told)
        return Told(told=tuple(levels))

    def send_alerts(self, alarms: Sequence[Alarm]) -> None:
        """Tell of stock alerts that have opened or closed."""
        self._tell_all("stock.alerts", "alerts", [write_with(self._table, "alert", one) for one in alarms])

    def _tell_all(self, event: str, name: str, items: Sequence[Mapping[str, object]]) -> None:
        key = f"{event}:{message_id_of(json.dumps(items).encode())[:KEY_LENGTH]}"
        self._tell(key, {"event": event, "event_id": key, name: items})

    def _tell(self, key: str, document: Mapping[str, object]) -> None:
        body = json.dumps(document, ensure_ascii=False).encode()
        headers = {"content-type": "application/json", "webhook-id": key}
        self._api.send(Call("POST", self._partner.connection.base_url, headers=headers, body=body))

    def _sign(self, call: Call) -> Call:
        timestamp = str(int(self._partner.now().timestamp()))
        signature = signature_of(self._partner.secret, call.headers["webhook-id"], timestamp, call.body)
        return call.signed(headers={"webhook-timestamp": timestamp, "webhook-signature": signature})

    def _verify(self, inbound: Inbound, message_id: str) -> None:
        timestamp = inbound.headers.get("webhook-timestamp", "")
        if not MESSAGE_ID.fullmatch(message_id) or not TIMESTAMP.fullmatch(timestamp):
            raise Unauthorised("webhook-id and webhook-timestamp are needed", code="signature_missing")
        expected = signature_of(self._partner.secret, message_id, timestamp, inbound.body)
        offered = inbound.headers.get("webhook-signature", "").split(" ")
        if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in offered):
            raise Unauthorised("the webhook's signature is wrong", code="wrong_signature")
        if abs(inbound.at.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
            raise Unauthorised("the webhook's timestamp is more than five minutes off", code="stale_timestamp")


def signature_of(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """Sign a webhook (Standard Webhooks, scheme v1)."""
    text = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, text, hashlib.sha256)).decode()


def connect(partner: Partner) -> Storefront:
    return Storefront(partner)
