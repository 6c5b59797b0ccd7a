import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from hub.database import Database, row
from tests.api.calling import Mall, problem
from tests.hub.making import open_causes, stock
from tests.staging import encoded, order_of


def line(**changes: object) -> dict[str, Any]:
    return {"line_id": "L1", "sku": "apple", "quantity": 2, "unit_price": "10.00", **changes}


def count(database: Database, table: str) -> int:
    with database.transaction() as session:
        found = row(session, f"select count(*) as n from {table}")
    return found.n if found else 0


def test_an_order_is_placed_sourced_and_shown(mall: Mall) -> None:
    answer = mall.post(order_of())
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["lifecycle"], shown["total"], shown["lines"][0]["allocated"]) == ("in_fulfilment", 2000, 2)
    assert mall.get(f"/v1/orders/{shown['id']}").json() == shown


def test_the_same_order_again_is_the_same_order(mall: Mall) -> None:
    order = order_of()
    first, again, respaced = (
        mall.post(order),
        mall.post(order),
        mall.call("POST", "/v1/orders", json.dumps(order, indent=3).encode()),
    )
    assert (first.status_code, again.status_code, respaced.status_code) == (201, 200, 200)
    assert first.json()["id"] == again.json()["id"] == respaced.json()["id"]


def test_the_same_number_with_other_contents_is_a_conflict(mall: Mall) -> None:
    mall.post(order_of())
    assert problem(mall.post(order_of(pieces={"apple": 3}))) == (409, "order_conflict")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lines": [line(sku="ghost")]}, "unknown_sku"),
        ({"lines": [line(quantity=-2)]}, "malformed"),
        ({"lines": [line(quantity=0)]}, "malformed"),
        ({"lines": [line(quantity=1.5)]}, "malformed"),
        ({"lines": [line(quantity="2.0000001")]}, "malformed"),
        ({"lines": [line(quantity=10**9)]}, "malformed"),
        ({"lines": [line(), line()]}, "malformed"),
        ({"lines": []}, "malformed"),
        ({"lines": [line(unit_price="-1")]}, "malformed"),
        ({"total": "19.99"}, "totals"),
        ({"total": "20.001"}, "malformed"),
        ({"total": "-20.00"}, "malformed"),
        ({"discounts": [{"source": "coupon", "amount": "30.00"}], "total": "-10.00"}, "malformed"),
        ({"discounts": [{"source": "coupon", "amount": "1.00", "line_id": "L9"}], "total": "19.00"}, "malformed"),
        ({"currency": "JPY"}, "malformed"),
        ({"external_id": ""}, "malformed"),
        ({"external_id": "a b"}, "malformed"),
        ({"external_id": "x" * 65}, "malformed"),
        ({"placed_at": "2026-11-11 10:00:00"}, "malformed"),
        ({"placed_at": "0001-01-01T00:00:00+08:00"}, "malformed"),
        ({"type": "no such type"}, "malformed"),
        ({"remark": "\u0000"}, "malformed"),
        ({"buyer": None}, "malformed"),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused(stranger: Mall, changes: dict[str, Any], code: str) -> None:
    assert problem(stranger.post(order_of(**changes))) == (422, code)
    assert stranger.get("/v1/orders").json()["orders"] == []
    assert "oms_cases_open 0.0" in stranger.http.get("/metrics").text


def test_what_was_refused_is_taken_once_its_cause_is_mended(mall: Mall, database: Database) -> None:
    order = order_of(lines=[line(sku="fresh")])
    assert problem(mall.post(order)) == (422, "unknown_sku")
    with database.transaction() as session:
        stock(session, {"sh": {"fresh": 9}}, "ASN-2")
    assert mall.post(order).status_code == 201


def test_an_impossible_address_is_accepted_and_waits_for_a_person(mall: Mall, database: Database) -> None:
    receiver = {**order_of()["receiver"], "province": "月球", "city": "静海", "district": "一号坑", "street": "无"}
    shown = mall.post(order_of(receiver=receiver)).json()
    assert [hold["type"] for hold in shown["holds"]] == ["address"]
    with database.transaction() as session:
        assert open_causes(session) == ["address"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "malformed"),
        (b"{", 422, "malformed"),
        (b"[]", 422, "malformed"),
        (b'{"total": NaN}', 422, "malformed"),
        (b'{"a":' * 50_000, 422, "malformed"),
        ('{"external_id": "中文"}'.encode("gbk"), 400, "wrong_encoding"),
        ('{"external_id": "T1"}'.encode("utf-16"), 400, "wrong_encoding"),
        (b'{"external_id": "\xe4\xb8', 400, "wrong_encoding"),
        (b" " * 5_000_000, 413, "body_too_large"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(stranger: Mall, body: bytes, status: int, code: str) -> None:
    assert problem(stranger.call("POST", "/v1/orders", body)) == (status, code)


def test_a_body_without_a_length_is_cut_off_at_the_limit(door: TestClient) -> None:
    answer = door.post("/v1/orders", content=(b" " * 100_000 for _ in range(50)))
    assert problem(answer) == (413, "body_too_large")


def test_a_body_that_ends_early_is_told_so(stranger: Mall) -> None:
    body = encoded(order_of())
    assert problem(stranger.call("POST", "/v1/orders", body, {"Content-Length": str(len(body) + 10)})) == (
        400,
        "body_cut",
    )


def test_more_lines_than_allowed_are_refused(stranger: Mall) -> None:
    pieces = {f"sku-{no}": 1 for no in range(201)}
    assert problem(stranger.post(order_of(pieces=pieces))) == (422, "too_many_lines")


def test_a_key_replays_its_answer_and_is_no_good_for_another_request(mall: Mall) -> None:
    order, key = order_of(), {"Idempotency-Key": "k1"}
    first, again = mall.post(order, **key), mall.post(order, **key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert (first.headers.get("Idempotent-Replayed"), again.headers.get("Idempotent-Replayed")) == (None, "true")
    assert problem(mall.post(order_of("T2"), **key)) == (409, "idempotency_key_reused")


def test_a_key_belongs_to_its_client(mall: Mall, http: TestClient) -> None:
    other = Mall(http, "mall-h5")
    assert mall.post(order_of(), **{"Idempotency-Key": "k1"}).status_code == 201
    assert other.post(order_of("T2"), **{"Idempotency-Key": "k1"}).status_code == 201


def test_a_refusal_is_replayed_as_the_problem_it_was(mall: Mall) -> None:
    key = {"Idempotency-Key": "k1"}
    first, again = (mall.post(order_of(total="1.00"), **key) for _ in range(2))
    assert problem(first) == problem(again) == (422, "totals")
    assert mall.post(order_of(total="1.00"), **{"Idempotency-Key": "x" * 201}).status_code == 422


def test_a_refusal_binds_no_key(mall: Mall) -> None:
    key = {"Idempotency-Key": "k1"}
    assert problem(mall.post(order_of(total="1.00"), **key)) == (422, "totals")
    assert mall.post(order_of(), **key).status_code == 201
    assert problem(mall.post(order_of(total="1.00"), **key)) == (409, "idempotency_key_reused")


def test_a_batch_binds_its_key_once_an_order_of_it_is_placed(mall: Mall) -> None:
    key, wrong = {"Idempotency-Key": "b1"}, order_of("B", total="1.00")
    answers = [mall.batch(*orders, **key).json() for orders in ([wrong], [order_of("A"), wrong])]
    assert [[item["status"] for item in answer["items"]] for answer in answers] == [[422], [201, 422]]
    assert problem(mall.batch(order_of("A"), order_of("B"), **key)) == (409, "idempotency_key_reused")
    assert [item["status"] for item in mall.batch(order_of("A"), wrong, **key).json()["items"]] == [200, 422]


def test_each_order_of_a_batch_succeeds_or_fails_alone(mall: Mall, database: Database) -> None:
    orders = [
        order_of("A"),
        order_of("B", total="1.00"),
        "rubbish",
        order_of("C", {"ghost": 1}),
        order_of("D"),
        order_of("A"),
    ]
    answer = mall.batch(*orders)
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [201, 422, 422, 422, 201, 200]
    assert [item["index"] for item in items] == list(range(6))
    assert items[5]["order"]["id"] == items[0]["order"]["id"]
    assert items[1]["problem"]["code"] == "totals"
    assert count(database, "sales_order") == 2


def test_a_batch_with_a_key_is_replayed_whole(mall: Mall) -> None:
    orders, key = [order_of("A"), order_of("B")], {"Idempotency-Key": "b1"}
    first, again = mall.batch(*orders, **key), mall.batch(*orders, **key)
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/orders/batch"])
def test_a_body_in_another_encoding_or_with_its_mark_is_told_so_alone_and_in_a_batch(mall: Mall, path: str) -> None:
    batched = {"orders": [order_of()]} if path.endswith("batch") else order_of()
    text = json.dumps(batched, ensure_ascii=False)
    marked = mall.call("POST", path, text.encode("utf-8-sig"), {"Accept-Language": "en"})
    assert (problem(marked), "byte order mark" in marked.json()["detail"]) == ((422, "malformed"), True)
    assert "字节序标记" in mall.call("POST", path, text.encode("utf-8-sig")).json()["detail"]
    assert problem(mall.call("POST", path, text.encode("utf-16"))) == (400, "wrong_encoding")


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"orders": []}', b'{"orders": {}}', b"{", b""])
def test_a_batch_that_is_none_is_refused(stranger: Mall, body: bytes) -> None:
    assert problem(stranger.call("POST", "/v1/orders/batch", body)) == (422, "malformed")


def test_half_a_character_fails_its_order_alone(mall: Mall) -> None:
    body = b'{"orders": [%s, {"external_id": "\\ud800"}]}' % encoded(order_of())
    items = mall.call("POST", "/v1/orders/batch", body).json()["items"]
    assert [item["status"] for item in items] == [201, 422]


def test_too_large_a_batch_is_refused_whole(stranger: Mall) -> None:
    assert problem(stranger.batch(*range(101))) == (422, "too_many_orders")


def test_pages_have_no_gap_and_no_double(mall: Mall) -> None:
    placed = [mall.post(order_of(f"T{no}")).json()["id"] for no in range(7)]
    seen: list[str] = []
    cursor = ""
    while not seen or cursor:
        page = mall.get(f"/v1/orders?limit=3&cursor={cursor}").json()
        seen += [order["id"] for order in page["orders"]]
        cursor = page["next"]
    assert seen == placed[::-1]


def test_a_page_has_heads_without_lists_that_nobody_looked_up(mall: Mall) -> None:
    mall.post(order_of())
    [head] = mall.get("/v1/orders").json()["orders"]
    [whole] = mall.get("/v1/orders?external_id=T1").json()["orders"]
    assert (head["total"], head.keys() & {"lines", "holds"}) == (whole["total"], set())
    assert (len(whole["lines"]), whole["holds"]) == (1, [])


def test_an_order_is_found_by_its_number_and_by_its_state(mall: Mall) -> None:
    order_id = mall.post(order_of()).json()["id"]
    assert [one["id"] for one in mall.get("/v1/orders?external_id=T1").json()["orders"]] == [order_id]
    assert mall.get("/v1/orders?external_id=T2").json()["orders"] == []
    assert mall.get("/v1/orders?lifecycle=cancelled").json()["orders"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=-1",
        "cursor=%00",
        "external_id=%00",
        "lifecycle=A",
        "external_id=" + "x" * 65,
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(stranger: Mall, query: str) -> None:
    assert problem(stranger.get(f"/v1/orders?{query}")) == (422, "malformed")


@pytest.mark.parametrize("number", ["9" * 16, "0", "x", "9" * 30, "%00", "%ff", "%D9%A3", "-1"])
def test_an_order_that_is_not_there_is_not_found(stranger: Mall, number: str) -> None:
    assert problem(stranger.get(f"/v1/orders/{number}")) == (404, "unknown_order")


def test_another_shops_order_is_not_there(mall: Mall, http: TestClient) -> None:
    order_id = mall.post(order_of()).json()["id"]
    other = Mall(http, "mall-h5")
    assert problem(other.get(f"/v1/orders/{order_id}")) == (404, "unknown_order")
    assert problem(other.cancel(order_id)) == (404, "unknown_order")
    assert other.get("/v1/orders").json()["orders"] == []


def test_two_shops_may_use_the_same_number(mall: Mall, http: TestClient) -> None:
    first, second = mall.post(order_of()), Mall(http, "mall-h5").post(order_of())
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


def test_cancelling_twice_is_no_error(mall: Mall) -> None:
    order_id = mall.post(order_of()).json()["id"]
    first, again = mall.cancel(order_id, '{"reason": "买错了"}'.encode()), mall.cancel(order_id)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["lifecycle"] == again.json()["lifecycle"] == "cancelled"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"why": "x"}',
        b'{"reason": "\\u0000"}',
        b'{"reason": "\\ud800"}',
        b'{"reason": "' + b"x" * 201 + b'"}',
    ],
)
def test_a_reason_that_cannot_be_kept_is_refused(mall: Mall, body: bytes) -> None:
    order_id = mall.post(order_of()).json()["id"]
    assert problem(mall.cancel(order_id, body)) == (422, "malformed")


def test_eight_at_once_give_one_order(mall: Mall, database: Database) -> None:
    order = order_of()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(mall.post, [order] * 8))
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert (count(database, "sales_order"), count(database, "inbox"), count(database, "step")) == (1, 1, 1)
