"""Spans kept in memory while a test looks."""

from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from hub.tracing import stop_tracing, trace_to


class Spans(InMemorySpanExporter):
    """Gives the spans that have ended by their names."""

    def named(self, start: str) -> list[ReadableSpan]:
        return [one for one in self.get_finished_spans() if one.name.startswith(start)]

    def traces(self) -> set[int]:
        return {one.context.trace_id for one in self.get_finished_spans() if one.context}


@contextmanager
def traced(share: float = 1.0) -> Generator[Spans]:
    """Trace within the block."""
    spans = Spans()
    trace_to(SimpleSpanProcessor(spans), "tests", share)
    try:
        yield spans
    finally:
        stop_tracing()
