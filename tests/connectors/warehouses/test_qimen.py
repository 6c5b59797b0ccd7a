from datetime import datetime
from typing import ClassVar

import pytest
import responses

from connectors.transport.xml import read_xml
from connectors.warehouses.qimen import signature_of
from hub.errors import Malformed, NeedsOperator, OutcomeUnknown, Rejected, TryLater, Unauthorised
from hub.fulfilment.model import Confirm, ConfirmLine
from hub.ports import Inbound
from sandbox.qimen_order import read_delivery_order
from sandbox.qimen_sites import Site
from sandbox.qimen_wire import is_signed, read_request, signed_query
from tests.connectors.contracts import DeliveryReportsContract, DeliverySinkContract, WebhookDeskContract
from tests.connectors.exemplars import AT, CANARY, DELIVERY, SECRET, URL, WISH, real_sample, sample

CONFIRM = "taobao.qimen.deliveryorder.confirm"
SITE = Site(connection="wms-sh", app_key="k", secret="s", customer_id="c1", webhook="", warehouses=("sh",))


def refusal(code: str) -> bytes:
    return f"<response><flag>failure</flag><code>{code}</code><message>no</message></response>".encode()


class TestQimen(WebhookDeskContract, DeliverySinkContract, DeliveryReportsContract):
    kind = "warehouses.qimen"
    fields: ClassVar = {"app_key": "k", "customer_id": "c1"}
    webhook_sample = confirm_sample = "qimen/deliveryorder_confirm_final.xml"
    report_sample = "qimen/orderprocess_report_accept.xml"
    webhook_kind = "confirm"
    good_answer = b"<response><flag>success</flag><deliveryOrderId>WMS0001</deliveryOrderId></response>"

    def inbound(self, body: bytes, sent: datetime = AT, secret: bytes = SECRET) -> Inbound:
        query = signed_query(CONFIRM, app_key="k", customer_id="c1", secret=secret.decode(), body=body, now=sent)
        return Inbound(method="POST", path="/", query=query, headers={}, body=body, at=AT)

    def changed(self, **query: str) -> Inbound:
        """Change a good push's query and sign it again."""
        good = self.good()
        bare = {key: value for key, value in {**good.query, **query}.items() if key != "sign"}
        signed = {**bare, "sign": signature_of(SECRET, bare, good.body)}
        return good.model_copy(update={"query": signed})

    def confirm(self, old: str = "", new: str = "") -> Confirm:
        return self.partner().read_confirm(sample(self.confirm_sample).replace(old.encode(), new.encode()))

    @responses.activate
    def test_a_delivery_is_signed_and_holds_what_a_warehouse_reads(self) -> None:
        call = responses.post(URL, self.good_answer)
        assert self.partner().send_delivery(DELIVERY).partner_id == "WMS0001"
        request = call.calls[0].request
        body = request.body if isinstance(request.body, bytes) else b""
        assert is_signed(SECRET.decode(), getattr(request, "params", {}), body)
        taken = read_delivery_order(read_request(body), SITE)
        assert (taken.code, taken.warehouse, taken.attempt, taken.lines[0].quantity) == (DELIVERY.code, "sh", 1, 2)

    @pytest.mark.parametrize("name", ["deliveryorder_confirm_final", "orderprocess_report_accept"])
    def test_what_a_real_router_pushed_is_read(self, name: str) -> None:
        body = real_sample(f"qimen/{name}.xml")
        read = self.partner().read_confirm if "confirm" in name else self.partner().read_report
        assert read(body).code in body.decode()

    def test_a_confirm_names_parcels_lines_and_batches(self) -> None:
        confirm = self.confirm()
        assert (confirm.confirm_key, confirm.final) == ("WMS0001-1", True)
        assert (confirm.parcels[0].tracking_no, confirm.parcels[0].lines[0].quantity) == ("SB00011", 2)
        assert confirm.lines[0].batches[0].quantity == 2

    def test_a_confirm_without_a_number_is_named_by_its_bytes(self) -> None:
        first, again = (self.confirm("WMS0001-1", "") for _ in range(2))
        assert first.confirm_key == again.confirm_key
        assert len(first.confirm_key) == 64

    def test_more_to_come_is_not_final(self) -> None:
        assert not self.confirm("<confirmType>0<", "<confirmType>1<").final

    def test_a_confirm_of_nothing_has_no_lines(self) -> None:
        assert self.confirm("<actualQty>2<", "<actualQty>0<").lines[0] == ConfirmLine.model_validate(
            {"line_ref": "apple", "sku": "apple", "quantity": 0, "batches": [{"quantity": 0}]}
        )

    @pytest.mark.parametrize("quantity", ["-1", "1.5", "二", "9" * 30, "1e3000", ""])
    def test_a_quantity_that_is_none_is_malformed(self, quantity: str) -> None:
        with pytest.raises(Malformed, match="quantity"):
            self.confirm("<actualQty>2<", f"<actualQty>{quantity}<")

    @pytest.mark.parametrize("time", ["1999-01-01 00:00:00", "2999-01-01 00:00:00", "2026-02-30 00:00:00", "now"])
    def test_a_time_that_cannot_be_meant_is_malformed(self, time: str) -> None:
        with pytest.raises(Malformed, match="confirmed_at"):
            self.confirm("2026-11-11 12:00:00", time)

    @pytest.mark.parametrize(
        ("status", "meaning"), [("ACCEPT", "accepted"), ("reject", "rejected"), ("PACKAGE", "progress")]
    )
    def test_a_state_is_brought_to_our_words(self, status: str, meaning: str) -> None:
        body = sample(self.report_sample).replace(b"ACCEPT", status.encode())
        assert self.partner().read_report(body).status == meaning

    @pytest.mark.parametrize("query", [{"customerId": "c2"}, {"timestamp": "yesterday"}, {"timestamp": ""}])
    def test_another_customer_or_no_time_is_unauthorised(self, query: dict[str, str]) -> None:
        with pytest.raises(Unauthorised):
            self.partner().receive(self.changed(**query))

    @pytest.mark.parametrize("method", ["", "taobao.qimen.nothing", "a\x01<b>"])
    def test_an_unknown_method_is_malformed_and_answered_in_xml(self, method: str) -> None:
        with pytest.raises(Malformed) as caught:
            self.partner().receive(self.changed(method=method))
        root, answer = read_xml(self.partner().reply(caught.value).body)
        assert (root, answer["flag"], answer["code"]) == ("response", "failure", "unknown_method")

    def test_a_wrong_signature_is_answered_as_qimen_does(self) -> None:
        reply = self.partner().reply(Unauthorised("anything"))
        assert (reply.status, read_xml(reply.body)[1]["code"]) == (200, "sign-check-failure")

    @responses.activate
    @pytest.mark.parametrize(
        ("code", "kind"),
        [("sign-check-failure", NeedsOperator), ("isp.busy", TryLater), ("system-busy", TryLater), ("X1", Rejected)],
    )
    def test_the_flag_decides_whatever_http_says(self, code: str, kind: type[Exception]) -> None:
        responses.post(URL, refusal(code))
        with pytest.raises(kind) as caught:
            self.send(self.partner())
        assert CANARY not in str(caught.value)

    @responses.activate
    @pytest.mark.parametrize("number", ["<a>1</a>", "9" * 65, "1</deliveryOrderId><deliveryOrderId>2"])
    def test_a_number_that_is_none_leaves_it_unknown_what_was_taken(self, number: str) -> None:
        responses.post(URL, self.good_answer.replace(b"WMS0001", number.encode()))
        with pytest.raises(OutcomeUnknown):
            self.send(self.partner())

    @responses.activate
    def test_a_warehouse_that_will_not_stop_gives_its_reason(self) -> None:
        responses.post(URL, refusal("cancel-refused"))
        answer = self.partner().send_cancel(WISH)
        assert (answer.stopped, answer.reason) == (False, "the warehouse answered cancel-refused")
