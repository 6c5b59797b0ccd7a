from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from httpx2 import Response
from starlette.testclient import TestClient
from structlog.typing import EventDict

from connectors.transport.xml import read_xml
from hub.database import Database, rows
from sandbox.qimen_wire import signed_query
from sandbox.standard_webhooks import signature
from tests.api.calling import problem
from tests.connectors.exemplars import sample
from tests.staging import CANARY, CANARY_NAME, encoded, order_of, secret_of

CONFIRM = sample("qimen/deliveryorder_confirm_final.xml")


def push(http: TestClient, body: bytes, method: str = "deliveryorder.confirm", proof: str = "") -> Response:
    """Push as a warehouse would."""
    values = {"app_key": "wms-sh", "customer_id": "wms-sh", "secret": proof or secret_of("wms-sh")}
    query = signed_query(method, **values, body=body, now=datetime.now(UTC))
    return http.post(f"/v1/webhooks/wms-sh?{urlencode(query)}", content=body)


def send(http: TestClient, body: bytes, message_id: str = "m1", connection: str = "mall-pc") -> Response:
    """Push as a storefront would."""
    now = int(datetime.now(UTC).timestamp())
    proof = signature(secret_of(connection), message_id, now, body)
    headers = {"webhook-id": message_id, "webhook-timestamp": str(now), "webhook-signature": proof}
    return http.post(f"/v1/webhooks/{connection}", content=body, headers=headers)


def kept(database: Database) -> list[tuple[str, str]]:
    with database.transaction() as session:
        return [(one.connection, one.kind) for one in rows(session, "select connection, kind from inbox order by id")]


@pytest.mark.parametrize("connection", ["stranger", "%00", "..", "keyring"])
def test_an_unknown_connection_is_not_found(door: TestClient, connection: str) -> None:
    answer = door.post(f"/v1/webhooks/{connection}", content=CONFIRM)
    assert answer.status_code in {404, 405}
    assert "oms_inbox_waiting 0.0" in door.get("/metrics").text


def test_a_good_push_is_kept_and_thanked_in_qimens_form(http: TestClient, database: Database) -> None:
    answer = push(http, CONFIRM)
    root, contents = read_xml(answer.content)
    assert (answer.status_code, root, contents["flag"]) == (200, "response", "success")
    assert answer.headers["content-type"].startswith("text/xml")
    assert kept(database) == [("wms-sh", "confirm")]


def test_a_repeated_push_is_kept_once(http: TestClient, database: Database) -> None:
    answers = [push(http, CONFIRM) for _ in range(3)]
    assert {answer.content for answer in answers} == {answers[0].content}
    assert kept(database) == [("wms-sh", "confirm")]


@pytest.mark.parametrize(
    ("body", "proof", "code"),
    [
        (CONFIRM, "another", "sign-check-failure"),
        (CONFIRM[:100], "", "broken_xml"),
        (b"", "", "broken_xml"),
        (b'<!DOCTYPE r [<!ENTITY a "a">]><request>&a;</request>', "", "dtd_forbidden"),
        ("<request>中文</request>".encode("gbk"), "", "broken_xml"),
        (b'{"json": true}', "", "broken_xml"),
    ],
)
def test_a_bad_push_is_refused_in_qimens_form(
    http: TestClient, database: Database, body: bytes, proof: str, code: str
) -> None:
    answer = push(http, body, proof=proof)
    root, contents = read_xml(answer.content)
    assert (answer.status_code, root, contents["flag"], contents["code"]) == (200, "response", "failure", code)
    assert kept(database) == []


def test_a_method_that_is_not_served_is_refused_in_qimens_form(door: TestClient) -> None:
    assert read_xml(push(door, CONFIRM, "sn.report").content)[1]["code"] == "unknown_method"


def test_too_large_a_push_is_refused(door: TestClient) -> None:
    assert problem(push(door, b"<r>" + b" " * 5_000_000 + b"</r>")) == (413, "body_too_large")


def test_an_order_by_webhook_is_kept_for_the_worker(http: TestClient, database: Database) -> None:
    body = encoded({"type": "order.paid", "data": order_of()})
    assert [send(http, body).status_code, send(http, body).status_code] == [204, 204]
    assert kept(database) == [("mall-pc", "order")]


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b'{"type": "x"}', 400), (b"\xff", 400)])
def test_a_bad_webhook_is_refused_as_json(door: TestClient, body: bytes, status: int) -> None:
    answer = send(door, body)
    assert (answer.status_code, answer.json().keys()) == (status, {"code", "message"})


def test_a_webhook_for_another_connection_is_not_let_in(http: TestClient, database: Database) -> None:
    body = encoded({"type": "order.paid", "data": order_of()})
    now = int(datetime.now(UTC).timestamp())
    proof = signature(secret_of("mall-h5"), "m1", now, body)
    headers = {"webhook-id": "m1", "webhook-timestamp": str(now), "webhook-signature": proof}
    assert http.post("/v1/webhooks/mall-pc", content=body, headers=headers).status_code == 401
    assert kept(database) == []


def test_nothing_personal_is_logged_or_answered(http: TestClient, logs: list[EventDict]) -> None:
    body = encoded({"type": "order.paid", "data": order_of()})
    answers = [send(http, body), send(http, body[:-3], "m2"), push(http, f"<r><name>{CANARY_NAME} {CANARY}".encode())]
    said = "".join(answer.text for answer in answers) + repr(logs)
    assert CANARY not in said
    assert CANARY_NAME not in said
