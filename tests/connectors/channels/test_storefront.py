import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import responses

from connectors.channels.storefront import signature_of
from hub.errors import Malformed, Unauthorised
from hub.fulfilment.model import ClosureNotice, HandoverNotice, ShippedLine
from hub.inventory.telling import Telling
from hub.ports import AlertSink, ClosureSink, HandoverSink, Inbound, StockSink
from sandbox.standard_webhooks import is_genuine, signature
from sandbox.storefront import Ledger, receive
from tests.connectors.contracts import OrderSourceContract, OutboundContract, ShipmentSinkContract, WebhookDeskContract
from tests.connectors.exemplars import ALARM, AT, NOTICE, SECRET, URL, sample

CLOSURE = ClosureNotice(key="closed:2611000000000042", order_id="2611000000000042", external_id="T1", closed_at=AT)
HANDOVER = HandoverNotice(
    key="handover:2611000000000042-v1",
    order_id="2611000000000042",
    external_id="T1",
    handed_at=AT,
    whole=False,
    lines=(ShippedLine(external_line_id="L1", channel_sku="card", quantity=2),),
)
LEVELS = (
    Telling(sku="apple", channel_sku="A-1", pieces=3, version=2),
    Telling(sku="pear", channel_sku="pear", pieces=0, version=7),
)


def accepted(call: responses.BaseResponse) -> tuple[int, Ledger]:
    """Have the stand-in take what was sent; give its answer and its books."""
    sent, ledger = call.calls[0].request, Ledger(SECRET.decode())
    body = sent.body if isinstance(sent.body, bytes) else b""
    status, _ = receive(ledger, {name.lower(): value for name, value in sent.headers.items()}, body, AT.timestamp())
    return status, ledger


class TestStorefrontStock(OutboundContract):
    kind = "channels.storefront"

    def send(self, partner: Any) -> object:  # noqa: ANN401 # whatever ports it serves
        assert isinstance(partner, StockSink)
        return partner.send_stock(LEVELS)

    @responses.activate
    def test_the_storefront_believes_what_it_is_told(self) -> None:
        call = responses.post(URL)
        assert self.partner().send_stock(LEVELS).told == LEVELS
        status, ledger = accepted(call)
        assert (status, {sku: one.pieces for sku, one in ledger.shelf.items()}) == (200, {"A-1": 3, "pear": 0})

    @responses.activate
    def test_other_numbers_are_another_message(self) -> None:
        call = responses.post(URL)
        for levels in (LEVELS, LEVELS[:1], LEVELS):
            self.partner().send_stock(levels)
        keys = [one.request.headers["webhook-id"] for one in call.calls]
        assert (keys[0] == keys[2], keys[0] == keys[1]) == (True, False)


class TestStorefrontAlerts(OutboundContract):
    kind = "channels.storefront"

    def send(self, partner: Any) -> object:  # noqa: ANN401 # as above
        assert isinstance(partner, AlertSink)
        return partner.send_alerts([ALARM])

    @responses.activate
    def test_an_alert_is_told_as_the_storefront_reads_it(self) -> None:
        call = responses.post(URL)
        self.partner().send_alerts([ALARM])
        status, ledger = accepted(call)
        assert (status, ledger.alerts) == (200, {ALARM.key: "low_cover open apple"})


class TestStorefrontClosures(OutboundContract):
    kind = "channels.storefront"

    def send(self, partner: Any) -> object:  # noqa: ANN401 # as above
        assert isinstance(partner, ClosureSink)
        return partner.send_closure(CLOSURE)

    @responses.activate
    def test_a_closed_order_is_told_as_the_storefront_reads_it(self) -> None:
        call = responses.post(URL)
        self.partner().send_closure(CLOSURE)
        status, ledger = accepted(call)
        assert (status, list(ledger.events)) == (200, [CLOSURE.key])


class TestStorefrontHandovers(OutboundContract):
    kind = "channels.storefront"

    def send(self, partner: Any) -> object:  # noqa: ANN401 # as above
        assert isinstance(partner, HandoverSink)
        return partner.send_handover(HANDOVER)

    @responses.activate
    def test_goods_that_nobody_sends_are_told_with_no_parcel(self) -> None:
        call = responses.post(URL)
        self.partner().send_handover(HANDOVER)
        status, ledger = accepted(call)
        assert (status, list(ledger.events)) == (200, [HANDOVER.key])


class TestStorefront(OrderSourceContract, WebhookDeskContract, ShipmentSinkContract):
    kind = "channels.storefront"
    order_sample = "storefront/order.json"
    webhook_sample = "storefront/webhook.json"
    webhook_kind = "order"

    def inbound(self, body: bytes, sent: datetime = AT, secret: bytes = SECRET) -> Inbound:
        second = int(sent.timestamp())
        return self.offered(body, "m1", str(second), signature(secret.decode(), "m1", second, body))

    def offered(self, body: bytes, message_id: str, timestamp: str, signatures: str) -> Inbound:
        headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}
        return Inbound(method="POST", path="/", query={}, headers=headers, body=body, at=AT)

    def test_an_order_reads_the_same_with_and_without_its_envelope(self) -> None:
        bare, wrapped = (self.partner().read_order(sample(name)) for name in (self.order_sample, self.webhook_sample))
        assert bare == wrapped
        assert (bare.total, bare.lines[1].unit_price) == (3790, Decimal("9.9"))

    def test_one_of_several_signatures_suffices(self) -> None:
        good = self.good()
        both = f"v1,b2xk v2,xyz {good.headers['webhook-signature']}"
        offered = self.offered(good.body, "m1", good.headers["webhook-timestamp"], both)
        assert self.partner().receive(offered).kind == "order"

    @pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "٣", "9" * 13, "9" * 5000])
    def test_a_timestamp_that_is_none_is_unauthorised(self, timestamp: str) -> None:
        body = sample(self.webhook_sample)
        offered = self.offered(body, "m1", timestamp, signature_of(SECRET, "m1", timestamp, body))
        with pytest.raises(Unauthorised):
            self.partner().receive(offered)

    @pytest.mark.parametrize("message_id", ["", "x" * 201, "a\x01b"])
    def test_a_message_id_that_cannot_be_kept_is_unauthorised(self, message_id: str) -> None:
        body, second = sample(self.webhook_sample), int(AT.timestamp())
        offered = self.offered(body, message_id, str(second), signature(SECRET.decode(), message_id, second, body))
        with pytest.raises(Unauthorised):
            self.partner().receive(offered)

    def test_an_unknown_event_is_malformed(self) -> None:
        with pytest.raises(Malformed, match=r"order\.paid"):
            self.partner().receive(self.inbound(b'{"type": "order.vanished", "data": {}}'))

    @responses.activate
    def test_our_own_webhooks_verify_at_the_storefront(self) -> None:
        call = responses.post(URL)
        self.partner().send_shipment(NOTICE)
        sent = call.calls[0].request
        body = sent.body if isinstance(sent.body, bytes) else b""
        second, proof = sent.headers["webhook-timestamp"], sent.headers["webhook-signature"]
        assert is_genuine(SECRET.decode(), sent.headers["webhook-id"], second, proof, body, AT.timestamp())
        assert json.loads(body)["event_id"] == NOTICE.key
