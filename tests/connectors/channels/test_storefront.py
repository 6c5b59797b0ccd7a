import json
from datetime import datetime
from decimal import Decimal

import pytest
import responses

from connectors.channels.storefront import signature_of
from hub.errors import Malformed, Unauthorised
from hub.ports import Inbound
from sandbox.standard_webhooks import is_genuine, signature
from tests.connectors.contracts import OrderSourceContract, ShipmentSinkContract, WebhookDeskContract
from tests.connectors.exemplars import AT, NOTICE, SECRET, URL, sample


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
