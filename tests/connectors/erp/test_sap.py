import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime
from typing import Any, ClassVar

import pytest
import responses

from connectors.erp.sap import connect
from connectors.partner import Partner
from connectors.sap_drafts import ODATA, Delivered, draft_order
from connectors.sap_options import read_options
from connectors.sap_stock import StockAnswer
from connectors.sap_values import read_odata_date
from connectors.transport.deadline import Deadline
from hub.errors import Conflict, HubError, Misconfigured, NeedsOperator, OutcomeUnknown, Rejected, TryLater
from hub.fulfilment.model import Accepted
from hub.settings import Connection, Http
from sandbox.sap_books import empty_books
from tests.connectors.erp.running import MockSap, running
from tests.connectors.exemplars import CANARY, told
from tests.connectors.sale_contracts import SaleBookContract, issue_of, make_sale

URL = "http://sap.test"
FILLS = {"delivered": Delivered, "created": Delivered, "stored": Delivered, "stock": StockAnswer}

ORDERS = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"
DELIVERIES = "/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV"
OPTIONS = {
    "sales_org": "1710",
    "sold_to": "1000001",
    "plant_field": "Plant",
    "net_amount": "item",
    "delivery_path": DELIVERIES,
}


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    with running("sandbox.sap") as url:
        yield url


@pytest.fixture
def far(address: str) -> MockSap:
    return MockSap(address)


class TestSap(SaleBookContract):
    kind = "erp.sap"
    fields: ClassVar = {"app_key": "OMS", "options": OPTIONS}

    def test_a_sale_has_partners_prices_and_freight(self, far: MockSap) -> None:
        number = self.book(far.url).send_sale(make_sale()).partner_id
        order = far.read(
            f"{ORDERS}/A_SalesOrder('{number}')?$expand=to_Partner,to_PricingElement,to_Item/to_PricingElement"
        )
        assert [(one["PartnerFunction"], one["Customer"]) for one in rows(order, "to_Partner")] == [("SH", "1000001")]
        assert [one["ConditionRateValue"] for one in rows(order, "to_PricingElement")] == ["8.000"]
        prices = [price for item in rows(order, "to_Item") for price in rows(item, "to_PricingElement")]
        assert [(one["ConditionRateValue"], one["ConditionQuantity"]) for one in prices] == [
            ("10.000", "3.000"),
            ("0.050", "1.000"),
        ]

    def test_dates_are_those_of_the_business_calendar(self, far: MockSap) -> None:
        late = datetime(2026, 11, 10, 16, 30, tzinfo=UTC)  # half past midnight in Shanghai
        number = self.book(far.url).send_sale(make_sale(placed_at=late)).partner_id
        order = far.read(f"{ORDERS}/A_SalesOrder('{number}')")
        assert read_odata_date(order["CustomerPurchaseOrderDate"]) == date(2026, 11, 11)

    def test_a_token_that_has_run_out_is_fetched_once_more(self, far: MockSap) -> None:
        book, sale = self.book(far.url), make_sale()
        book.send_sale(make_sale())
        empty_books(far.url)
        book.send_sale(sale)
        assert far.orders(sale.code) == 1

    @pytest.mark.parametrize(
        ("scenario", "kind"),
        [("csrf", TryLater), ("auth", Misconfigured), ("forbidden", Misconfigured), ("notfound", Misconfigured)],
    )
    def test_a_scenario_of_the_peer_says_what_to_do(self, far: MockSap, scenario: str, kind: type[HubError]) -> None:
        book, sale = self.book(far.url), make_sale()
        book.probe()
        far.rule(match="^/sap/", method="POST", scenario=scenario)
        with pytest.raises(kind):
            book.send_sale(sale)

    def test_a_failure_before_the_create_is_tried_later_and_one_of_it_is_unknown(self, far: MockSap) -> None:
        book = self.book(far.url)
        far.rule(match="^/sap/", scenario="error")
        with pytest.raises(TryLater):
            book.send_sale(make_sale())
        far.recover()
        book.probe()
        far.rule(match="^/sap/", scenario="error")
        with pytest.raises(OutcomeUnknown):
            book.send_sale(make_sale())

    def test_tracking_numbers_stand_on_the_delivery(self, far: MockSap) -> None:
        book, sale = self.book(far.url), make_sale()
        number = book.send_goods_issue(issue_of(sale, book.send_sale(sale).partner_id)).partner_id
        assert far.read(f"{DELIVERIES}/A_OutbDeliveryHeader('{number}')")["BillOfLading"] == "SF100,SF101"

    def test_asking_makes_up_for_what_an_interrupted_goods_issue_left_undone(self, far: MockSap) -> None:
        book, sale = self.book(far.url), make_sale()
        issue = issue_of(sale, book.send_sale(sale).partner_id)
        far.rule(match="A_OutbDeliveryHeader", scenario="error")
        with pytest.raises(OutcomeUnknown):
            book.send_goods_issue(issue)
        far.recover()
        found = book.find_goods_issue(issue)
        header = far.read(f"{DELIVERIES}/A_OutbDeliveryHeader('{found.partner_id}')")
        assert (header["BillOfLading"], far.deliveries(sale.code)) == ("SF100,SF101", 1)

    @pytest.mark.parametrize(("times", "kind"), [(1, None), (2, OutcomeUnknown)])
    def test_a_delivery_changed_in_between_is_read_again_once(
        self, far: MockSap, times: int, kind: type[HubError] | None
    ) -> None:
        book, sale = self.book(far.url), make_sale()
        issue = issue_of(sale, book.send_sale(sale).partner_id)
        far.rule(match="A_OutbDeliveryHeader", method="PATCH", scenario="precondition", count=times)
        with pytest.raises(kind) if kind else nullcontext():
            book.send_goods_issue(issue)
        assert book.find_goods_issue(issue) is not None

    def test_a_change_carries_the_etag_that_was_read(self, far: MockSap) -> None:
        book, sale = self.book(far.url), make_sale()
        path = f"{ORDERS}/A_SalesOrder('{book.send_sale(sale).partner_id}')"
        deadline = Deadline(Http())
        _, etag = book._gateway.read(path, deadline)
        far.change(path, ShippingCondition="02")
        with pytest.raises(Conflict):
            book._gateway.change(path, {"ShippingCondition": "01"}, etag, deadline)

    @responses.activate
    def test_a_delivery_that_is_only_created_is_posted_with_its_etag(self) -> None:
        book, sale = self.book(URL), make_sale()
        self.stage_delivery("A")
        posting = responses.post(re.compile(f"{re.escape(URL + DELIVERIES)}/PostGoodsIssue"), b'{"d": {}}')
        assert book.find_goods_issue(issue_of(sale, "4711")) == Accepted(partner_id="80000001")
        request = posting.calls[0].request
        assert request.headers["If-Match"] == "W/1"
        assert str(request.url).endswith("PostGoodsIssue?DeliveryDocument='80000001'")

    @responses.activate
    def test_posting_is_left_to_whom_the_options_leave_it(self) -> None:
        book, sale = self.book(URL, post_goods_issue="no"), make_sale()
        self.stage_delivery("A")
        assert book.find_goods_issue(issue_of(sale, "4711")) is not None

    @responses.activate
    @pytest.mark.parametrize("answer", [b"", b"<html>", b"{}", b'{"d": []}', b'{"d": {}}', b"\xff\xfe"])
    def test_only_a_clear_answer_is_believed(self, answer: bytes) -> None:
        stage_token()
        responses.post(f"{URL}{ORDERS}/A_SalesOrder", answer, status=201)
        with pytest.raises(OutcomeUnknown):
            self.book(URL).send_sale(make_sale())

    @responses.activate
    @pytest.mark.parametrize("answer", [b"", b'{"d": {}}', b'{"d": {"results": [1]}}', b'{"d": {"results": [{}]}}'])
    def test_an_answer_that_cannot_be_read_does_not_say_that_nothing_is_there(self, answer: bytes) -> None:
        responses.get(f"{URL}{ORDERS}/A_SalesOrder", answer)
        with pytest.raises(OutcomeUnknown):
            self.book(URL).find_sale(make_sale())

    @responses.activate
    @pytest.mark.parametrize(
        ("error", "kind", "code"),
        [
            ({"code": "V1/555"}, Rejected, "V1/555"),
            ({"code": "SY/530", "innererror": {"errordetails": [{"code": "V1/042"}]}}, TryLater, "V1/042"),
            ({"code": f"{CANARY} 你好"}, Rejected, "http_400"),
            ({"code": None, "innererror": []}, Rejected, "http_400"),
        ],
    )
    def test_the_code_of_an_error_decides_and_its_words_stay_private(
        self, error: dict[str, object], kind: type[HubError], code: str
    ) -> None:
        stage_token()
        body = {"error": {**error, "message": {"value": f"held by {CANARY}"}}}
        responses.post(f"{URL}{ORDERS}/A_SalesOrder", json=body, status=400)
        with pytest.raises(kind) as caught:
            self.book(URL).send_sale(make_sale())
        assert caught.value.code == code
        assert CANARY not in told(caught.value)

    @responses.activate
    def test_a_delivery_that_sap_would_split_is_rolled_back(self) -> None:
        stage_token()
        rows = "".join(
            f"<item><DELIV_NUMB>008000000{index}</DELIV_NUMB><REF_ITEM>0000{index}0</REF_ITEM><DLV_QTY>1</DLV_QTY></item>"
            for index in (1, 2)
        )
        made = f"<DELIVERY>0080000001</DELIVERY><CREATED_ITEMS>{rows}</CREATED_ITEMS>"
        soap = [
            responses.post(re.compile(f"{URL}/sap/bc/srt/"), envelope("OutbDeliveryCreateSls", made)),
            responses.post(re.compile(f"{URL}/sap/bc/srt/"), envelope("TransactionRollback", "")),
        ]
        with pytest.raises(NeedsOperator) as caught:
            self.book(URL).send_goods_issue(issue_of(make_sale(), "4711", (1, 1)))
        assert caught.value.code == "delivery_split"
        assert "TransactionRollback" in str(soap[1].calls[0].request.body)

    def stage_delivery(self, status: str) -> None:
        """Answer as S/4HANA does for a delivery of a sale of three and one pieces."""
        stage_token()
        items = [
            {"DeliveryDocument": "80000001", "ReferenceSDDocumentItem": item, "ActualDeliveryQuantity": quantity}
            for item, quantity in (("10", "3"), ("20", "1"))
        ]
        responses.get(f"{URL}{DELIVERIES}/A_OutbDeliveryItem", json={"d": {"results": items}})
        header = {"OverallGoodsMovementStatus": status, "BillOfLading": "SF100,SF101", "__metadata": {"etag": "W/1"}}
        responses.get(f"{URL}{DELIVERIES}/A_OutbDeliveryHeader('80000001')", json={"d": header})


def stage_token() -> None:
    responses.get(f"{URL}{ORDERS}/", headers={"X-CSRF-Token": "t"})


def envelope(name: str, contents: str) -> str:
    space = "urn:sap-com:document:sap:soap:functions:mc-style"
    body = f'<n0:{name}Response xmlns:n0="{space}">{contents}</n0:{name}Response>'
    return f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{body}</e:Body></e:Envelope>'


def rows(entity: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    return entity[name]["results"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"sold_to": "1"}, "sales_org"),
        ({"sales_org": "1710"}, "sold_to"),
        ({**OPTIONS, "sales_org": "17100"}, "sales_org"),
        ({**OPTIONS, "colour": "red"}, "colour"),
        ({**OPTIONS, "zone": "Mars/Base"}, "zone"),
        ({**OPTIONS, "plant.SH01": "12345"}, "plant_of"),
        ({**OPTIONS, "net_amount": "perhaps"}, "net_amount"),
        ({**OPTIONS, "ask_stock": "perhaps"}, "ask_stock"),
        ({**OPTIONS, "stock_at.SH01": "1710"}, "stock_at_of"),
        ({**OPTIONS, "stock_page": "1"}, "stock_page"),
        ({**OPTIONS, "moon.SH01": "1"}, "moon_of"),
    ],
)
def test_options_that_cannot_be_meant_name_the_option(options: dict[str, str], word: str) -> None:
    settings = Connection(kind="erp.sap", brand="demo", base_url=URL, options=options)
    with pytest.raises(Misconfigured, match=word):
        connect(Partner("test", settings, b"s"))


def test_a_shop_a_location_and_a_type_may_have_values_of_their_own() -> None:
    own = {"sold_to.app": "7", "plant.SH01": "1710", "order_type.gift": "ZGFT"}
    options = read_options(Partner("test", Connection(kind="erp.sap", brand="demo", options=OPTIONS | own), b"s"))
    draft = draft_order(make_sale(shop="app", order_type="gift"), options, ODATA)
    assert (draft.sold_to, draft.order_type, draft.items[0].plant) == ("7", "ZGFT", "1710")


def test_the_unchanged_mock_sap_takes_a_sale_and_its_delivery() -> None:
    with running("mocksap") as url:
        book, sale = TestSap().book(url, tracking_field=""), make_sale()
        issue = issue_of(sale, book.send_sale(sale).partner_id)
        assert book.send_goods_issue(issue) == book.find_goods_issue(issue)
