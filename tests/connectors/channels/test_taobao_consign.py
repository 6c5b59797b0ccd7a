import json
import time

import pytest
import responses

from hub.errors import OutcomeUnknown, Rejected, TryLater
from hub.fulfilment.model import ShipmentNotice, ShippedLine, ShippedParcel
from sandbox.taobao_wire import READ, SEND
from tests.connectors.channels.taobao_market import CONSIGNED, Market, answered, asks, form_of, on, refusal
from tests.connectors.contracts import ShipmentSinkContract
from tests.connectors.exemplars import NOTICE, URL
from tests.connectors.feed_contracts import ShipmentProbeContract


def read_slowly(_request: object) -> tuple[int, dict[str, str], bytes]:
    """Answer when the time of the whole call is over: connect_s + 2 x read_s of the contracts."""
    time.sleep(1.1)
    return 200, {}, answered(READ, trade=CONSIGNED)


class TestTaobaoProbe(Market, ShipmentProbeContract):
    good_answer = answered(READ, trade=CONSIGNED)
    send_method = SEND


class TestTaobaoShipments(Market, ShipmentSinkContract):
    words = ("SB1", "L1", "T1")

    def answer(self) -> None:
        on(READ, answered(READ, trade=CONSIGNED))
        on(SEND, answered(SEND, result={"success": True}))

    @responses.activate
    def test_a_shipment_says_what_completes_a_sub_order(self) -> None:
        self.answer()
        lines = (shipped("L1", 1), shipped("L2", 1))
        self.partner().send_shipment(told_as(ShippedParcel(courier="SF", tracking_no="SB9", lines=lines)))
        form = form_of(responses.calls[-1].request)
        statuses = {one["sub_tid"]: one["is_part_consign"] for one in json.loads(form["consign_status"])}
        assert statuses == {"L1": True, "L2": False}
        assert json.loads(form["consign_pkgs"]) == [
            {
                "out_sid": "SB9",
                "company_code": "SF",
                "goods": [{"sub_tid": "L1", "num": 1}, {"sub_tid": "L2", "num": 1}],
            }
        ]

    @responses.activate
    def test_pieces_sent_before_count_towards_completion(self) -> None:
        goods = {"send_goods_detail": [{"amount": 1}]}
        sent = {"sub_order_id": "L1", "invoice_no": "SB0", "send_goods_details": goods}
        details = {"combine_logistics_detail": [sent]}
        on(READ, answered(READ, trade={**CONSIGNED, "combine_logistics_details": details}))
        send = on(SEND, answered(SEND, result={"success": True}))
        self.partner().send_shipment(told_as(ShippedParcel(courier="SF", tracking_no="SB9", lines=(shipped("L1", 1),))))
        assert '"is_part_consign":false' in form_of(send.calls[0].request)["consign_status"]

    @responses.activate
    def test_a_trade_that_was_read_too_slowly_is_told_another_time(self) -> None:
        responses.add_callback(responses.POST, URL, read_slowly, match=[asks(READ)])
        send = on(SEND, answered(SEND, result={"success": True}))
        with pytest.raises(TryLater, match="used up"):
            self.partner().send_shipment(NOTICE)
        assert send.call_count == 0

    @responses.activate
    def test_a_parcel_that_the_trade_names_is_not_told_again(self) -> None:
        orders = [{"oid": "L1", "num": 2, "invoice_no": "SB0,SB1"}]
        on(READ, answered(READ, trade={"orders": {"order": orders}}))
        self.partner().send_shipment(NOTICE)
        assert len(responses.calls) == 1

    @responses.activate
    def test_a_parcel_without_a_tracking_number_is_rejected_unsent(self) -> None:
        on(READ, answered(READ, trade=CONSIGNED))
        with pytest.raises(Rejected) as caught:
            self.partner().send_shipment(
                told_as(ShippedParcel(courier="SF", tracking_no="", lines=(shipped("L1", 1),)))
            )
        assert caught.value.code == "tracking_no_missing"

    @responses.activate
    def test_shipped_already_is_believed_if_the_trade_names_the_parcel(self) -> None:
        known = {"orders": {"order": [{"oid": "L1", "num": 2, "invoice_no": "SB1"}]}}
        on(READ, answered(READ, trade=CONSIGNED))
        on(SEND, refusal("isv.logistics-offline-service-error:B04"))
        on(READ, answered(READ, trade=known))
        self.partner().send_shipment(NOTICE)

    @responses.activate
    def test_shipped_already_in_another_parcel_is_rejected(self) -> None:
        on(READ, answered(READ, trade=CONSIGNED))
        on(SEND, refusal("isv.logistics-offline-service-error:B04"))
        with pytest.raises(Rejected):
            self.partner().send_shipment(NOTICE)

    @responses.activate
    @pytest.mark.parametrize(
        ("inner", "kind"),
        [
            ({"result": {"success": False}}, Rejected),
            ({}, OutcomeUnknown),
            ({"result": {"success": []}}, OutcomeUnknown),
        ],
    )
    def test_only_a_clear_success_is_one(self, inner: dict[str, object], kind: type[Exception]) -> None:
        on(READ, answered(READ, trade=CONSIGNED))
        on(SEND, answered(SEND, **inner))
        with pytest.raises(kind):
            self.partner().send_shipment(NOTICE)


def shipped(oid: str, quantity: int) -> ShippedLine:
    return ShippedLine(external_line_id=oid, channel_sku="apple", quantity=quantity)


def told_as(*parcels: ShippedParcel) -> ShipmentNotice:
    return NOTICE.model_copy(update={"parcels": parcels})
