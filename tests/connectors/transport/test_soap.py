from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from connectors.transport.deadline import Deadline
from connectors.transport.http import Answer, Call
from connectors.transport.soap import SoapApi, rfc_name
from connectors.transport.xml import read_xml
from hub.errors import HubError, Malformed, Misconfigured, OutcomeUnknown, Rejected, TryLater
from hub.settings import Http
from tests.connectors.exemplars import CANARY, told

URL = "http://sap.test/soap"
WSDL = resources.files("connectors.erp").joinpath("sap_delivery.wsdl")
SPACE = "urn:sap-com:document:sap:soap:functions:mc-style"
DELIVER = "BAPI_OUTB_DELIVERY_CREATE_SLS"
COMMIT = "BAPI_TRANSACTION_COMMIT"
GIVEN = {"DUE_DATE": "2026-11-11", "SALES_ORDER_ITEMS": [{"REF_DOC": "4711", "REF_ITEM": "000010", "DLV_QTY": "1"}]}


class Wire:
    """Answers every call alike, and keeps the last."""

    def __init__(self, body: str | bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.body, self.status, self.headers = body, status, headers or {}
        self.last = Call("", "")

    def send(self, call: Call, _deadline: Deadline) -> Answer:
        self.last = call
        body = self.body.encode() if isinstance(self.body, str) else self.body
        return Answer(self.status, self.headers, body)

    def call(
        self, function: str = DELIVER, parameters: Mapping[str, object] = GIVEN, wsdl: Path | None = None
    ) -> dict[str, Any]:
        return SoapApi(self.send, URL, wsdl or WSDL).call(function, parameters, Deadline(Http()))


def envelope(body: str) -> str:
    return f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header/><e:Body>{body}</e:Body></e:Envelope>'


def response(name: str, contents: str) -> str:
    return envelope(f'<n0:{name}Response xmlns:n0="{SPACE}">{contents}</n0:{name}Response>')


def fault(code: str, name: str) -> str:
    detail = (
        f"<detail><n0:SystemFault xmlns:n0='{SPACE}'><Name>{name}</Name><Text>{CANARY}</Text></n0:SystemFault></detail>"
    )
    return envelope(f"<e:Fault><faultcode>{code}</faultcode><faultstring>{CANARY}</faultstring>{detail}</e:Fault>")


@pytest.mark.parametrize("name", ["RefDoc", "REF_DOC", "refDoc", "ref_doc", "Ref_Doc"])
def test_a_field_has_one_name_however_a_wsdl_writes_it(name: str) -> None:
    assert rfc_name(name) == "REF_DOC"


def test_a_call_carries_its_table_as_items() -> None:
    wire = Wire(response("OutbDeliveryCreateSls", ""))
    wire.call()
    _, sent = read_xml(wire.last.body)
    body = sent["{http://schemas.xmlsoap.org/soap/envelope/}Body"]
    assert body == {
        f"{{{SPACE}}}OutbDeliveryCreateSls": {
            "DUE_DATE": "2026-11-11",
            "SALES_ORDER_ITEMS": {"item": {"REF_DOC": "4711", "REF_ITEM": "000010", "DLV_QTY": "1"}},
        }
    }
    assert (wire.last.method, wire.last.url) == ("POST", URL)


def test_an_answer_is_read_into_rows_and_empty_ones_are_empty() -> None:
    rows = "<RETURN><item><TYPE>S</TYPE></item><item><TYPE>W</TYPE></item></RETURN>"
    answer = Wire(response("OutbDeliveryCreateSls", f"<DELIVERY>80</DELIVERY>{rows}<CREATED_ITEMS/>")).call()
    assert answer["DELIVERY"] == "80"
    assert [row["TYPE"] for row in answer["RETURN"]] == ["S", "W"]
    assert not answer["CREATED_ITEMS"]


@pytest.mark.parametrize("kind", ["S", "E"])
def test_a_lone_structure_keeps_its_name(kind: str) -> None:
    answer = Wire(response("TransactionCommit", f"<RETURN><TYPE>{kind}</TYPE></RETURN>")).call(COMMIT, {"WAIT": "X"})
    assert answer["RETURN"]["TYPE"] == kind


def test_an_answer_without_anything_is_empty() -> None:
    assert Wire(response("TransactionCommit", "")).call(COMMIT, {}) == {"RETURN": ""}


def test_a_system_may_have_a_wsdl_with_other_names(tmp_path: Path) -> None:
    names = {"SALES_ORDER_ITEMS": "SalesOrderItems", "REF_DOC": "RefDoc", "REF_ITEM": "RefItem", "DLV_QTY": "DlvQty"}
    text = WSDL.read_text("utf-8").replace("OutbDeliveryCreateSls", "BapiOutbDeliveryCreateSls")
    for ours, theirs in {**names, "DUE_DATE": "DueDate", "DELIVERY": "Delivery"}.items():
        text = text.replace(f'name="{ours}"', f'name="{theirs}"')
    own = tmp_path / "own.wsdl"
    own.write_text(text, "utf-8")
    wire = Wire(response("BapiOutbDeliveryCreateSls", "<Delivery>80</Delivery>"))
    answer = wire.call(wsdl=own)
    assert answer["DELIVERY"] == "80"
    assert b"<RefDoc>4711</RefDoc>" in wire.last.body


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b"{}", b"\xff\xfe", b"<a/>"),
        *(envelope(""), envelope("<other/>"), response("Other", ""), response("OutbDeliveryCreateSls", "<SURPRISE/>")),
        envelope("").replace("Body", "Torso"),
        '<!DOCTYPE e [<!ENTITY x "y">]>' + response("OutbDeliveryCreateSls", "<DELIVERY>&x;</DELIVERY>"),
        response("OutbDeliveryCreateSls", f"<DELIVERY>{CANARY}</DELIVERY>")[:-30],
    ],
)
def test_what_is_no_answer_leaves_the_outcome_unknown(body: str | bytes) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        Wire(body).call()
    assert CANARY not in told(caught.value)


@pytest.mark.parametrize(
    ("code", "name", "status", "kind"),
    [
        ("e:Client", "FIELD_NOT_VALID", 500, Rejected),
        ("e:Client", "FIELD_NOT_VALID", 200, Rejected),
        ("e:Server", "SYSTEM_FAILURE", 500, OutcomeUnknown),
        ("", "", 500, OutcomeUnknown),
        ("e:Server", f"{CANARY} was here", 500, OutcomeUnknown),
        ("e:Client", "RFC_ERROR_FUNCTION_NOT_FOUND", 500, Misconfigured),
    ],
)
def test_a_fault_is_sorted_by_whom_it_blames(code: str, name: str, status: int, kind: type[HubError]) -> None:
    with pytest.raises(kind) as caught:
        Wire(fault(code, name), status).call()
    assert CANARY not in told(caught.value) + caught.value.code


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (503, {}, TryLater),
        (403, {"X-CSRF-Token": "Required"}, TryLater),
        (403, {}, Misconfigured),
        (401, {}, Misconfigured),
        (500, {}, OutcomeUnknown),
        (404, {}, Rejected),
    ],
)
def test_a_status_without_an_envelope_is_sorted_as_http(
    status: int, headers: Mapping[str, str], kind: type[HubError]
) -> None:
    with pytest.raises(kind):
        Wire("<html>", status, headers).call()


@pytest.mark.parametrize(
    ("function", "parameters"),
    [("BAPI_MOON_LAND", {}), (DELIVER, {"COLOUR": "red"}), (DELIVER, {"SALES_ORDER_ITEMS": [{"COLOUR": "red"}]})],
)
def test_what_the_wsdl_does_not_know_is_a_matter_of_configuration(
    function: str, parameters: Mapping[str, object]
) -> None:
    with pytest.raises(Misconfigured):
        Wire("").call(function, parameters)


def test_what_the_wsdl_wants_and_does_not_get_is_malformed(tmp_path: Path) -> None:
    strict = tmp_path / "strict.wsdl"
    strict.write_text(WSDL.read_text("utf-8").replace('minOccurs="0" name="REF_DOC"', 'name="REF_DOC"'), "utf-8")
    with pytest.raises(Malformed) as caught:
        Wire("").call(parameters={"SALES_ORDER_ITEMS": [{"REF_ITEM": "000010"}]}, wsdl=strict)
    assert "REF_DOC" in caught.value.field or "item" in caught.value.field


@pytest.mark.parametrize("text", [None, "", "<wsdl", "<other/>"])
def test_a_wsdl_that_cannot_be_read_is_a_matter_of_configuration(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "broken.wsdl"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(Misconfigured):
        Wire("").call(wsdl=path)


@pytest.mark.parametrize("place", ["http://elsewhere.test/types.xsd", "/etc/hostname", "types.xsd"])
def test_nothing_that_a_wsdl_refers_to_is_fetched(tmp_path: Path, place: str) -> None:
    imported = f'<wsdl:types><xsd:schema><xsd:import namespace="urn:x" schemaLocation="{place}"/></xsd:schema>'
    path = tmp_path / "reaching.wsdl"
    path.write_text(WSDL.read_text("utf-8").replace("<wsdl:types>", imported, 1), "utf-8")
    with pytest.raises(Misconfigured):
        Wire("").call(wsdl=path)
