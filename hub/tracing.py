"""Traces (OpenTelemetry): what belongs together through requests, rows, messages and processes.

Off unless the settings name a collector: then no span is made, no thread started, and rows carry no traceparent. A
span carries ids and names of ours, never personal data: also an error's words and its stack stay out of it.

A traceparent (W3C) goes into step rows and broker messages, and never into a partner's request: a partner could not
continue our trace, some sign or refuse what they do not know, and our ids in their logs would tell them which of their
messages belong to one buyer.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hub.settings import Telemetry

HEADER: Final = "traceparent"

SEND_S: Final = 2
"""How long a collector that does not answer is tried for: also the end of a process waits for it."""

_WIRE: Final = TraceContextTextMapPropagator()

_on: dict[str, tuple[TracerProvider, Tracer]] = {}
"""This process's tracer, if there is one."""


def start_tracing(telemetry: Telemetry, service: str) -> None:
    """Send this process's spans to the collector that the settings name, if they do; the last ones when it ends."""
    if telemetry.otlp_url:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 # slow to load, and mostly off
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 # as above

        trace_to(BatchSpanProcessor(OTLPSpanExporter(telemetry.otlp_url, timeout=SEND_S)), service, telemetry.share)


def trace_to(processor: SpanProcessor, service: str, share: float = 1.0) -> None:
    """Give this process's spans to a processor; of the traces that begin here, only a share is kept."""
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(share), resource=Resource({"service.name": service}))
    provider.add_span_processor(processor)
    _on["tracer"] = provider, provider.get_tracer("oms")


def stop_tracing() -> None:
    """Send what has gathered, and trace no more."""
    if "tracer" in _on:
        provider, _tracer = _on.pop("tracer")
        provider.shutdown()


def is_tracing() -> bool:
    """Say whether spans are kept at all; where a thousand calls a second are made, even asking for none costs."""
    return bool(_on)


@contextmanager
def span(
    name: str, parent: str | None = None, kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int
) -> Generator[Span]:
    """Trace a piece of work: inside what is under way here, or as the continuation of a `parent` from elsewhere.

    An empty parent begins a trace of its own. While tracing is off, the span given takes everything and keeps nothing.
    """
    if "tracer" not in _on:
        yield INVALID_SPAN
        return
    _provider, tracer = _on["tracer"]
    with tracer.start_as_current_span(
        name,
        None if parent is None else _context(parent),
        kind,
        {f"oms.{key}": value for key, value in attributes.items()},
        record_exception=False,
        set_status_on_exception=False,
    ) as one:
        try:
            yield one
        except BaseException as error:
            one.set_status(StatusCode.ERROR, type(error).__name__)
            raise


@contextmanager
def continuing(traceparent: str) -> Generator[None]:
    """Let what is added within belong to a trace from elsewhere, without a span of its own."""
    if "tracer" not in _on or not traceparent:
        yield
        return
    token = attach(_context(traceparent))
    try:
        yield
    finally:
        detach(token)


def current_traceparent() -> str:
    """Name what is under way here, for a row or a message; empty while nothing is traced."""
    if "tracer" not in _on or not get_current_span().get_span_context().is_valid:
        return ""
    carrier: dict[str, str] = {}
    _WIRE.inject(carrier)
    return carrier[HEADER]


def trace_headers() -> Mapping[str, str]:
    """Give what a message carries of the trace it belongs to; nothing while nothing is traced."""
    here = current_traceparent()
    return {HEADER: here} if here else {}


def trace_id_of(traceparent: str) -> str:
    """Give the trace that a traceparent belongs to; empty when it is none."""
    context = get_current_span(_context(traceparent)).get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def _context(traceparent: str) -> Context:
    carrier: Mapping[str, str] = {HEADER: traceparent}
    return _WIRE.extract(carrier, Context())
