"""Answers of SAP's that are not what they say they are, and what must not come of them."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import responses

from connectors.erp.sap import connect
from connectors.partner import Partner
from hub.errors import OutcomeUnknown, Rejected, TryLater
from hub.settings import Connection
from tests.connectors.exemplars import SECRET
from tests.connectors.sale_contracts import issue_of, make_sale

URL = "http://sap.test"
ORDERS = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"
DELIVERIES = "/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV"
OPTIONS = {"sales_org": "1710", "sold_to": "1000001", "delivery_path": DELIVERIES}


def book() -> Any:  # noqa: ANN401 # as the contract's
    settings = {"kind": "erp.sap", "brand": "demo", "base_url": URL, "app_key": "OMS", "options": OPTIONS}
    return connect(Partner("test", Connection.model_validate(settings), SECRET))


def stage_token(more: Mapping[str, str] | None = None) -> None:
    responses.get(f"{URL}{ORDERS}/", b'{"d": {}}', headers={"X-CSRF-Token": "t", **(more or {})})


@responses.activate
@pytest.mark.parametrize("number", ['"\\ud800"', '"1\\u0000"', '["1"]', f'"{"1" * 65}"'])
def test_a_number_that_is_none_leaves_it_unknown_what_was_booked(number: str) -> None:
    stage_token()
    responses.post(f"{URL}{ORDERS}/A_SalesOrder", f'{{"d": {{"SalesOrder": {number}}}}}', status=201)
    with pytest.raises(OutcomeUnknown):
        book().send_sale(make_sale())


@responses.activate
@pytest.mark.parametrize(
    "row",
    [
        {"SalesOrder": "\ud800"},
        {"SalesOrder": "1", "PurchaseOrderByCustomer": "somebody else's"},
        {"SalesOrder": "1", "SoldToParty": "1000002"},
    ],
)
def test_a_row_that_was_not_asked_for_is_not_taken_for_ours(row: dict[str, str]) -> None:
    responses.get(f"{URL}{ORDERS}/A_SalesOrder", json={"d": {"results": [row]}})
    with pytest.raises(OutcomeUnknown):
        book().find_sale(make_sale())


@responses.activate
@pytest.mark.parametrize("error", ["no", ["V1/555"], None, 7, {"innererror": {"errordetails": ["V1/042"]}}])
def test_an_error_that_is_none_of_saps_is_told_by_its_status(error: object) -> None:
    stage_token()
    responses.post(f"{URL}{ORDERS}/A_SalesOrder", json={"error": error}, status=400)
    with pytest.raises(Rejected) as caught:
        book().send_sale(make_sale())
    assert caught.value.code == "http_400"


@responses.activate
@pytest.mark.parametrize(
    "changes",
    [
        {"DeliveryDocument": ""},
        {"ReferenceSDDocumentItem": "ten"},
        {"ActualDeliveryQuantity": "many"},
        {"ReferenceSDDocument": "4712"},
    ],
)
def test_deliveries_that_cannot_be_read_leave_it_unknown_whether_there_is_one(changes: dict[str, str]) -> None:
    row = {"DeliveryDocument": "8", "ReferenceSDDocumentItem": "10", "ActualDeliveryQuantity": "3", **changes}
    responses.get(f"{URL}{DELIVERIES}/A_OutbDeliveryItem", json={"d": {"results": [row]}})
    with pytest.raises(OutcomeUnknown):
        book().find_goods_issue(issue_of(make_sale(), "4711"))


@responses.activate
@pytest.mark.parametrize("answer", [b"<html>", b"", b"{}"])
def test_a_page_of_somebody_elses_is_no_sign_of_life(answer: bytes) -> None:
    responses.get(f"{URL}{ORDERS}/", answer)
    with pytest.raises(TryLater):
        book().probe()


@responses.activate
@pytest.mark.parametrize("answer", [b"<html>", b"", b"\xff\xfe"])
def test_a_delivery_that_was_made_unheard_is_not_committed_with_the_next(answer: bytes) -> None:
    stage_token({"Set-Cookie": "sap-contextid=1"})
    delivery = responses.post(re.compile(f"{URL}/sap/bc/srt/"), answer)
    sap = book()
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            sap.send_goods_issue(issue_of(make_sale(), "4711"))
    asked = [call.request.headers for call in responses.calls if call.request.headers.get("X-CSRF-Token") == "Fetch"]
    assert [headers.get("Cookie") for headers in asked] == [None, None]
    assert delivery.call_count == 2
