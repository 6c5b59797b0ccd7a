"""Virtual goods at Taobao: a whole trade is sent with no parcel, a part of one is said to be impossible."""

from typing import Any

import pytest
import requests
import responses

from hub.errors import Rejected
from hub.fulfilment.model import HandoverNotice, ShippedLine
from hub.ports import HandoverSink
from sandbox.taobao_trades import trade_of
from sandbox.taobao_wire import DUMMY_SEND, READ
from tests.connectors.channels.taobao_market import CONSIGNED, Market, answered, form_of, on
from tests.connectors.exemplars import AT
from tests.connectors.feed_contracts import SHOP

LINE = ShippedLine(external_line_id="L1", channel_sku="card", quantity=2)
NOTICE = HandoverNotice(key="handover:1-v1", order_id="1", external_id="77", handed_at=AT, whole=True, lines=(LINE,))
PART = NOTICE.model_copy(update={"whole": False})
OPEN = {**CONSIGNED, "status": "WAIT_SELLER_SEND_GOODS"}


class TestTaobaoHandovers(Market):
    def send(self, partner: Any) -> object:  # noqa: ANN401 # whatever ports it serves
        assert isinstance(partner, HandoverSink)
        return partner.send_handover(NOTICE)

    def answer(self) -> None:
        self.stands()

    def stands(self, status: str = "WAIT_SELLER_SEND_GOODS", *, taken: bool = True) -> responses.BaseResponse:
        on(READ, answered(READ, trade={**OPEN, "status": status}))
        return on(DUMMY_SEND, answered(DUMMY_SEND, shipping={"is_success": taken}))

    @responses.activate
    def test_a_whole_trade_is_sent_with_no_parcel(self) -> None:
        sent = self.stands()
        self.send(self.partner())
        assert form_of(sent.calls[0].request)["tid"] == "77"

    @responses.activate
    @pytest.mark.parametrize("status", ["WAIT_BUYER_CONFIRM_GOODS", "TRADE_FINISHED"])
    def test_what_the_platform_knows_is_not_told_again(self, status: str) -> None:
        sent = self.stands(status)
        self.send(self.partner())
        assert sent.call_count == 0

    @responses.activate
    def test_a_part_of_a_trade_is_for_a_person(self) -> None:
        sent = self.stands()
        with pytest.raises(Rejected) as refused:
            self.partner().send_handover(PART)
        assert (refused.value.code, sent.call_count) == ("partly_virtual", 0)

    @responses.activate
    def test_what_is_not_taken_is_no_success(self) -> None:
        self.stands(taken=False)
        with pytest.raises(Rejected):
            self.send(self.partner())

    def test_the_stand_in_takes_a_whole_trade_once(self, market: str) -> None:
        (one,) = self.placed(market, 1)
        notice = NOTICE.model_copy(update={"external_id": str(trade_of(one)["tid"])})
        partner = self.live(market)
        for _ in range(2):
            partner.send_handover(notice)
        pages = requests.get(f"{market}/books", timeout=3).json()[SHOP]
        assert [page["status"] for page in pages.values()] == ["WAIT_BUYER_CONFIRM_GOODS"]
