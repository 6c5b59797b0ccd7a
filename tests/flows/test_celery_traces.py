"""One trace runs through broker and processes: rows carry it to the calls, messages from the relay to the pool."""

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from commands.rabbit import Rabbit
from hub.database import Database
from hub.tracing import current_traceparent, span, trace_id_of
from sandbox.listen import serving
from tests.brokers import NEEDS_RABBIT
from tests.flows.celery_station import made, place_some, warehouse_application
from tests.spans import traced

pytestmark = NEEDS_RABBIT


@contextmanager
def collector() -> Generator[tuple[str, list[Span]]]:
    """Listen as an OpenTelemetry collector does; gives its address and the spans it has been sent."""
    heard: list[Span] = []

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent = ExportTraceServiceRequest.FromString(body)
            heard.extend(
                one for resource in sent.resource_spans for scope in resource.scope_spans for one in scope.spans
            )
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_one_trace_runs_from_placing_through_the_broker_to_the_call(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        serving(warehouse_application()) as url,
        collector() as (address, heard),
        Rabbit(tmp_path / "rabbit") as broker,
    ):
        monkeypatch.setenv("OMS_TELEMETRY__OTLP_URL", address)
        station = made(database, tmp_path, broker, {"wms-sh": f"{url}/router", "wms-bj": f"{url}/router"})
        with traced(), span("placing"):
            place_some(station, 1)
            here = current_traceparent()
        with station.worker() as worker:
            station.wait_for(lambda: station.told("select count(*) from step where state = 'done'"))
            worker.terminate()  # the last spans are sent at the end
            worker.wait(60)
    calls = [one for one in heard if one.name.startswith("call")]
    announced = {one.span_id: one for one in heard if one.name == "steps.announce"}
    woken = [one for one in heard if one.name == "steps.wake"]
    assert {one.trace_id.hex() for one in calls} == {trace_id_of(here)}  # where it is slow, one is made again
    assert woken
    assert all(one.parent_span_id in announced for one in woken)
