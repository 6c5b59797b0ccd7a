"""What holds for every endpoint: problems, languages, request ids, health, figures, documentation."""

import asyncio
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from structlog.typing import EventDict

from api.app import build
from api.examples import EXAMPLE
from api.titles import TITLES
from connectors.registry import Registry
from hub.database import Database
from hub.keyring import Keyring
from tests.api.calling import Mall, problem
from tests.hub.making import stock
from tests.staging import CANARY, CANARY_NAME, encoded, order_of, settings_in

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("accepted", "title"),
    [
        ("", "zh"),
        ("zh-CN", "zh"),
        ("en", "en"),
        ("fr, en;q=0.5", "en"),
        ("en;q=0.1, zh;q=0.9", "zh"),
        (";;q=x,,\x7f", "zh"),
    ],
)
def test_a_problem_speaks_the_callers_language(door: TestClient, accepted: str, title: str) -> None:
    answer = door.get("/nowhere", headers={"Accept-Language": accepted})
    assert problem(answer) == (404, "not_found")
    assert answer.json()["title"] == TITLES["not_found"].say(title)


def test_a_request_id_is_kept_or_made(door: TestClient) -> None:
    given = door.get("/nowhere", headers={"X-Request-Id": "abc-1"})
    assert (given.headers["X-Request-Id"], given.json()["request_id"]) == ("abc-1", "abc-1")
    made = door.get("/nowhere", headers={"X-Request-Id": "bad id\t" + "x" * 100})
    assert re.fullmatch(r"[0-9a-f]{32}", made.headers["X-Request-Id"])


def test_a_method_that_is_not_served_is_a_problem(door: TestClient) -> None:
    assert problem(door.delete("/v1/orders")) == (405, "method_not_allowed")


def test_every_code_of_a_problem_has_words_in_both_languages() -> None:
    assert all(words.zh and words.en for words in TITLES.values())


def test_it_is_alive_and_ready(door: TestClient) -> None:
    assert door.get("/healthz").json() == {"status": "alive"}
    assert door.get("/readyz").json()["status"] == "ready"


def test_it_is_not_ready_without_a_schema(http: TestClient, database: Database) -> None:
    with database.transaction() as session:
        session.connection().exec_driver_sql("delete from alembic_version")
    assert (http.get("/readyz").status_code, http.get("/healthz").status_code) == (503, 200)


def test_a_database_that_is_away_is_a_503_to_be_repeated(tmp_path: Path, keyring: Keyring) -> None:
    settings, nowhere = settings_in(tmp_path), Database("postgresql://nobody@127.0.0.1:9/none", keyring)
    with TestClient(build(settings, nowhere, Registry(settings))) as http:
        answer = Mall(http).get("/v1/orders")
        assert problem(answer) == (503, "database_away")
        assert answer.headers["Retry-After"]
        assert http.get("/readyz").status_code == 503


def test_figures_tell_requests_and_depths(mall: Mall) -> None:
    mall.post(order_of())
    text = mall.http.get("/metrics").text
    assert 'oms_http_requests_total{method="POST",route="/v1/orders",status="201"}' in text
    assert 'oms_steps_due{connection="wms-sh"} 1.0' in text
    assert "oms_inbox_waiting 0.0" in text


def test_a_failure_of_ours_is_told_as_one_and_counted(app: FastAPI, http: TestClient) -> None:
    def fail() -> None:
        raise RuntimeError(CANARY)

    app.add_api_route("/fail", fail)
    answer = http.get("/fail", headers={"X-Request-Id": "r1"})
    assert problem(answer) == (500, "our_fault")
    assert (answer.json()["request_id"], CANARY in answer.text) == ("r1", False)
    assert 'oms_http_requests_total{method="GET",route="/fail",status="500"}' in http.get("/metrics").text


def test_nothing_personal_is_logged_or_answered(mall: Mall, logs: list[EventDict]) -> None:
    answers = [
        mall.post(order_of()),
        mall.post(order_of(total="1.00")),
        mall.post(order_of(receiver={**order_of()["receiver"], "phone": f"{CANARY}x"})),
        mall.post(order_of(receiver=CANARY_NAME)),
        mall.post(order_of(pieces={"apple": 3})),
        mall.get("/v1/orders?external_id=T1"),
    ]
    said = "".join(answer.text for answer in answers) + repr(logs)
    assert len(logs) == len(answers)
    assert CANARY not in said
    assert CANARY_NAME not in said


def test_a_caller_who_hangs_up_halfway_is_no_failure_of_ours(app: FastAPI) -> None:
    sent: list[Json] = []
    asyncio.run(_hang_up(app, sent))
    assert [one["status"] for one in sent if one["type"] == "http.response.start"] in ([], [400])


async def _hang_up(app: FastAPI, sent: list[Json]) -> None:
    """Send half a body over ASGI, then disconnect."""
    coming = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    headers = [(b"content-length", b"100")]
    scope: Json = {
        "type": "http",
        "method": "POST",
        "path": "/v1/orders",
        "raw_path": b"/v1/orders",
        "query_string": b"",
        "headers": headers,
    }

    async def receive() -> Json:
        return next(coming, {"type": "http.disconnect"})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    scope |= {"http_version": "1.1", "scheme": "http", "server": ("a", 80), "client": ("b", 1)}
    await app(scope, receive, send)


def test_the_document_describes_every_endpoint_with_examples(door: TestClient) -> None:
    document = door.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    body = document["paths"]["/v1/orders"]["post"]["requestBody"]["content"]["application/json"]
    assert body["example"] == EXAMPLE
    for path, operations in document["paths"].items():
        assert all(one["summary"] and one["tags"] for one in operations.values()), path
    assert not list(_dangling(document, document))


def test_the_example_is_an_order_that_is_taken(mall: Mall) -> None:
    order = {**EXAMPLE, "lines": [{**EXAMPLE["lines"][0], "sku": "apple"}]}
    assert mall.post(order).status_code == 201


def test_each_form_of_a_batch_is_described_by_an_example_that_is_taken(mall: Mall, database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"P1000": 2}}, "ASN-P")
    described = mall.http.get("/openapi.json").json()["paths"]["/v1/orders/batch"]["post"]["requestBody"]["content"]
    for media, form in described.items():
        body = form["example"].encode() if isinstance(form["example"], str) else encoded(form["example"])
        [item] = mall.call("POST", "/v1/orders/batch", body, {"Content-Type": media}).json()["items"]
        assert item["status"] in {200, 201}
    assert set(described) == {"application/json", "application/x-ndjson"}


def _dangling(part: object, document: Json) -> list[str]:
    """Find references that lead nowhere."""
    if isinstance(part, list):
        return [path for one in cast("list[object]", part) for path in _dangling(one, document)]
    if not isinstance(part, dict):
        return []
    part = cast("Json", part)
    found = [path for one in part.values() for path in _dangling(one, document)]
    target: Any = document
    for word in str(part.get("$ref", "#")).split("/")[1:]:
        target = target.get(word, {})
    return found if target else [*found, str(part["$ref"])]


def test_the_documentation_comes_from_this_machine_alone(door: TestClient) -> None:
    page = door.get("/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!doctype html>", "")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assets = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(assets) == 4
    assert all(door.get(asset).status_code == 200 for asset in assets)


@pytest.mark.parametrize("name", ["other.js", "..%2F..%2Fapp.py", "%00"])
def test_no_other_file_is_served(door: TestClient, name: str) -> None:
    assert door.get(f"/docs/{name}").status_code == 404
