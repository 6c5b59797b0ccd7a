"""One trace runs from a shop's request through placing to the partner's call, which another process makes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import responses
from opentelemetry.trace import SpanKind, StatusCode
from starlette.testclient import TestClient

from connectors.registry import Registry
from flows.engine import Clock, Engine
from flows.listing import effects
from hub.database import Database
from hub.tracing import trace_id_of
from tests.api.calling import Mall
from tests.spans import Spans, traced
from tests.staging import CANARY, CANARY_NAME, NOWHERE, order_of, settings_in

ELSEWHERE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"  # pragma: allowlist secret - an example


def call_partners(database: Database, folder: Path) -> int:
    """Run the steps that are due, as a worker would, and give how many there were."""
    settings = settings_in(folder)
    clock = Clock(lambda: datetime.now(UTC), lambda: 0.0)
    engine = Engine(database, Registry(settings), effects(settings), settings, clock)
    steps = engine.take(10)
    engine.book([engine.call(job) for job in engine.prepare(steps)])
    return len(steps)


def told(spans: Spans) -> str:
    return repr([(one.name, dict(one.attributes or {}), one.status.description) for one in spans.get_finished_spans()])


def test_one_trace_runs_from_the_request_through_placing_to_the_partners_call(
    mall: Mall, database: Database, tmp_path: Path
) -> None:
    with traced() as request:
        assert mall.post(order_of(), traceparent=ELSEWHERE).status_code == 201
    with traced() as worker:  # another process: only the row is shared
        assert call_partners(database, tmp_path) == 1
    (root,), (placing,), (call,) = request.named("POST"), request.named("orders.place"), worker.named("call")
    assert request.traces() == worker.traces() == {int(trace_id_of(ELSEWHERE), 16)}
    assert (placing.parent, call.parent and call.parent.span_id) == (
        root.context,
        placing.context and placing.context.span_id,
    )


def test_a_request_is_named_by_its_route_and_nothing_personal_stands_in_any_span(
    mall: Mall, database: Database, tmp_path: Path
) -> None:
    with traced() as spans:
        mall.post(order_of())
        mall.get(f"/v1/orders?external_id={CANARY}")
        call_partners(database, tmp_path)
    (one,) = spans.named("POST")
    assert (one.name, one.kind, one.parent) == ("POST /v1/orders", SpanKind.SERVER, None)
    assert dict(one.attributes or {}) == {"http.response.status_code": 201, "http.route": "/v1/orders"}
    assert CANARY not in told(spans)
    assert CANARY_NAME not in told(spans)


def test_a_partner_is_told_of_no_trace(mall: Mall, database: Database, tmp_path: Path) -> None:
    with traced(), responses.RequestsMock() as wire:
        wire.post(f"{NOWHERE}/router", body=b"")
        mall.post(order_of(), traceparent=ELSEWHERE)
        call_partners(database, tmp_path)
        (call,) = wire.calls
    sent = {name.lower() for name in call.request.headers}
    assert "content-length" in sent
    assert not {"traceparent", "tracestate", "baggage"} & sent


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_is_asked_all_day_is_not_traced(door: TestClient, path: str) -> None:
    with traced() as spans:
        door.get(path)
    assert spans.get_finished_spans() == ()


def test_a_request_that_leads_nowhere_has_no_route(door: TestClient) -> None:
    with traced() as spans:
        door.get("/v1/nothing/10000000042", headers={"traceparent": "junk"})
    (one,) = spans.named("GET")
    assert (one.name, one.status.status_code, one.parent) == ("GET none", StatusCode.UNSET, None)


def test_while_tracing_is_off_requests_are_answered_all_the_same(door: TestClient) -> None:
    assert door.get("/v1/orders", headers={"traceparent": ELSEWHERE}).status_code == 401
