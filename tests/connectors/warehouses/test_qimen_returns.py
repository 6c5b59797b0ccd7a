"""Returns over the wire: a warehouse reads what is announced, and what it says came back is read to the last piece."""

from typing import Any, ClassVar

import pytest
import responses

from hub.aftersale.model import Announced, AnnouncedLine
from hub.aftersale.status import Fault
from hub.errors import Malformed
from hub.fulfilment.model import Accepted
from hub.ports import ReturnReports, ReturnSink
from sandbox.qimen_returns import read_return
from sandbox.qimen_sites import Site
from sandbox.qimen_wire import Refused, read_request
from tests.connectors.contracts import BREAKS, Break, OutboundContract
from tests.connectors.exemplars import AT, CANARY, DELIVERY, URL, sample

SITE = Site(connection="wms-sh", app_key="k", secret="s", customer_id="c1", webhook="", warehouses=("sh",))
ANNOUNCED = Announced(
    code="2611000000000001-r1",
    warehouse_code="sh",
    owner_code="OWNER",
    delivery_code=DELIVERY.code,
    delivery_partner_id="WMS0001",
    courier_code="SF",
    tracking_no="SF0000000001",
    reason="尺码不合适",
    payer=Fault.MERCHANT,
    created_at=AT,
    shop_name="pc",
    platform_code="OTHER",
    sender=DELIVERY.receiver,
    lines=(AnnouncedLine(ref="1", source_order_code="T1", sku="apple", quantity=2),),
)
CONFIRM = "qimen/returnorder_confirm.xml"


class TestQimenReturns(OutboundContract):
    kind = "warehouses.qimen"
    fields: ClassVar = {"app_key": "k", "customer_id": "c1"}
    good_answer = b"<response><flag>success</flag><returnOrderId>WMS0002</returnOrderId></response>"

    def send(self, partner: Any) -> object:  # noqa: ANN401 # whatever ports it serves
        assert isinstance(partner, ReturnSink)
        accepted = partner.send_return(ANNOUNCED)
        assert isinstance(accepted, Accepted)
        return accepted

    def sent(self, announced: Announced) -> bytes:
        call = responses.post(URL, self.good_answer)
        assert self.partner().send_return(announced).partner_id == "WMS0002"
        body = call.calls[0].request.body
        return body if isinstance(body, bytes) else b""

    @responses.activate
    def test_a_return_holds_what_a_warehouse_reads(self) -> None:
        taken = read_return(read_request(self.sent(ANNOUNCED)), SITE)
        assert (taken.code, taken.warehouse, taken.courier) == (ANNOUNCED.code, "sh", "SF")
        assert [(one.item_code, one.quantity, one.line_no) for one in taken.lines] == [("apple", 2, "1")]

    @responses.activate
    @pytest.mark.parametrize("courier", ["", "BUYERS-OWN"])
    def test_a_courier_that_qimen_has_no_word_for_is_another_one(self, courier: str) -> None:
        told = ANNOUNCED.model_copy(update={"courier_code": courier, "payer": Fault.BUYER})
        assert read_return(read_request(self.sent(told)), SITE).courier == "OTHER"

    def test_what_came_back_is_read_by_batch_and_type(self) -> None:
        partner = self.partner()
        assert isinstance(partner, ReturnReports)
        told = partner.read_return(sample(CONFIRM))
        goods = [(one.sku, one.pieces, one.condition, one.lot, one.line_ref) for one in told.arrived.goods]
        assert (told.code, told.arrived.document, told.arrived.final) == (ANNOUNCED.code, "RK-1", False)
        assert goods == [
            ("apple", 1, "saleable", "B1", "1"),
            ("apple", 1, "damaged", "B1", "1"),
            ("apple", 1, "saleable", "", "1"),
            ("pear", 1, "damaged", "", ""),
            ("plum", 2, "damaged", "2027-02-02", ""),
        ]

    def test_batches_of_more_than_their_line_are_not_believed(self) -> None:
        with pytest.raises(Malformed) as caught:
            self.partner().read_return(sample(CONFIRM).replace(b"<actualQty>3<", b"<actualQty>1<"))
        assert caught.value.code == "batch_mismatch"

    @pytest.mark.parametrize("spoil", BREAKS.values(), ids=list(BREAKS))
    def test_what_is_spoilt_is_malformed(self, spoil: Break) -> None:
        with pytest.raises(Malformed) as caught:
            self.partner().read_return(spoil(sample(CONFIRM).replace(b"10000000001", CANARY.encode())))
        assert CANARY not in caught.value.message


@pytest.mark.parametrize("field", ["senderInfo", "preDeliveryOrderCode", "logisticsCode", "returnReason", "orderFlag"])
@responses.activate
def test_the_stand_in_refuses_what_the_schema_does(field: str) -> None:
    body = TestQimenReturns().sent(ANNOUNCED).replace(f"<{field}>".encode(), b"<x>")
    with pytest.raises(Refused):
        read_return(read_request(body.replace(f"</{field}>".encode(), b"</x>")), SITE)
