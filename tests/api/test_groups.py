"""Orders that are posted at the same time, and batches in each of their forms."""

import json
from codecs import BOM_UTF8
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from api.surroundings import Hub
from hub.database import Database, row
from hub.order.model import ShopOrder
from tests.api.calling import Mall, problem
from tests.staging import encoded, order_of

MANY = 24
HEADERS = {"Content-Type": "application/x-ndjson"}


def at_once(mall: Mall, orders: list[dict[str, Any]], **headers: str) -> list[Response]:
    with ThreadPoolExecutor(len(orders)) as pool:
        calls = [pool.submit(mall.post, one, **headers) for one in orders]
        return [call.result() for call in calls]


def count(database: Database, what: str) -> int:
    with database.transaction() as session:
        found = row(session, f"select count(*) as n from {what}")
    return found.n if found else 0


def test_many_at_once_are_each_placed_and_answered(mall: Mall, database: Database) -> None:
    answers = at_once(mall, [order_of(f"T{no}", pieces={"apple": 1}) for no in range(MANY)])
    assert {answer.status_code for answer in answers} == {201}
    assert [answer.json()["external_id"] for answer in answers] == [f"T{no}" for no in range(MANY)]
    assert count(database, "sales_order where lifecycle = 'in_fulfilment'") == MANY


def test_the_same_order_many_times_at_once_is_one_order(mall: Mall, database: Database) -> None:
    answers = at_once(mall, [order_of()] * 8)
    assert max(answer.status_code for answer in answers) == 201
    assert len({answer.json()["id"] for answer in answers}) == count(database, "sales_order") == 1


def test_a_key_that_comes_twice_at_once_places_one_order(mall: Mall, database: Database) -> None:
    answers = at_once(mall, [order_of()] * 4, **{"Idempotency-Key": "k1"})
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert count(database, "sales_order") == 1


def test_a_nonce_is_spent_once_within_a_group_as_well(mall: Mall) -> None:
    body = encoded(order_of())
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(mall.call, "POST", "/v1/orders", body, nonce="n" * 20) for _ in range(4)]
        answers = [call.result() for call in calls]
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401]


def test_batches_that_come_at_once_are_each_answered_with_their_own(mall: Mall, database: Database) -> None:
    batches = [[order_of(f"T{no}-{part}", pieces={"apple": 1}) for part in range(3)] for no in range(6)]
    batches[2][1]["total"] = "1.00"
    with ThreadPoolExecutor(len(batches)) as pool:
        calls = [pool.submit(mall.batch, *one, **{"Idempotency-Key": str(no)}) for no, one in enumerate(batches)]
        answers = [call.result().json()["items"] for call in calls]
    refused = answers[2].pop(1)
    assert (refused["status"], refused["problem"]["code"]) == (422, "totals")
    sent = [one["external_id"] for batch in batches for one in batch if one is not batches[2][1]]
    assert [item["order"]["external_id"] for items in answers for item in items] == sent
    kept = "idempotency_key where status is not null"
    assert (count(database, "sales_order"), count(database, kept)) == (len(sent), len(batches) - 1)


def test_an_order_that_breaks_a_rule_of_ours_fails_alone_and_stays_kept(
    app: FastAPI, http: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub: Hub = app.state.hub
    whole = hub.connectors.read_order

    def broken(connection: str, body: bytes) -> ShopOrder:
        if b'"T3"' in body:
            raise ZeroDivisionError
        return whole(connection, body)

    monkeypatch.setattr(hub.connectors, "read_order", broken)
    answers = at_once(Mall(http), [order_of(f"T{no}", pieces={"apple": 1}) for no in range(6)])
    assert [answer.status_code for answer in answers] == [201, 201, 201, 500, 201, 201]
    assert count(database, "inbox where state = 'received'") == 1


@pytest.mark.parametrize("form", ["object", "array", "lines"])
def test_a_batch_is_taken_in_each_of_its_forms(mall: Mall, form: str) -> None:
    orders = [order_of(f"T{no}", pieces={"apple": 1}) for no in range(3)]
    body = {
        "object": encoded({"orders": orders}),
        "array": encoded(orders),
        "lines": b"\n".join(json.dumps(one).encode() for one in orders) + b"\n\n",
    }[form]
    items = mall.call("POST", "/v1/orders/batch", body, HEADERS if form == "lines" else {}).json()["items"]
    assert [(item["index"], item["status"], item["order"]["external_id"]) for item in items] == [
        (0, 201, "T0"),
        (1, 201, "T1"),
        (2, 201, "T2"),
    ]


def test_a_line_that_cannot_be_read_fails_alone(mall: Mall) -> None:
    body = b"{broken\n" + encoded(order_of())
    items = mall.call("POST", "/v1/orders/batch", body, HEADERS).json()["items"]
    assert [(item["status"], "problem" in item) for item in items] == [(422, True), (201, False)]


def test_a_mark_before_the_first_line_is_named_and_the_lines_behind_it_are_taken(mall: Mall) -> None:
    body = BOM_UTF8 + b"\r\n".join(encoded(order_of(f"T{no}", pieces={"apple": 1})) for no in range(2)) + b"\r\n"
    first, second = mall.call("POST", "/v1/orders/batch", body, HEADERS | {"Accept-Language": "en"}).json()["items"]
    assert (first["status"], second["status"]) == (422, 201)
    assert "byte order mark" in first["problem"]["detail"]


def test_lines_that_are_not_said_to_be_lines_are_told_what_says_so(stranger: Mall) -> None:
    body = encoded(order_of("T1")) + b"\n" + encoded(order_of("T2"))
    answer = stranger.call("POST", "/v1/orders/batch", body)
    assert (answer.status_code, "Content-Type application/x-ndjson" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize("body", [b"", b"\n \n", b"[]", b'{"orders": []}', b'"orders"'])
def test_a_batch_of_nothing_is_refused(stranger: Mall, body: bytes) -> None:
    headers = HEADERS if not body.strip() else {}
    assert problem(stranger.call("POST", "/v1/orders/batch", body, headers)) == (422, "malformed")
