"""What one sees of each call from outside: its span in the trace of its step, and its place in the figures.

The figures are this process's own: Prometheus adds up those of all.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import Counter, Histogram

from flows.effect import Claimed
from flows.settle import Claim, Result, claim_of
from hub.steps import StepState
from hub.tracing import is_tracing, span

_log = structlog.get_logger()

BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)
"""Seconds: from a partner on the same machine to one that answers just within the time limit."""

CALLS: Final = Counter(
    "oms_step_calls_total", "Calls to partners by what became of the step", ["connection", "flow", "outcome"]
)
SECONDS: Final = Histogram(
    "oms_step_call_seconds", "Time partners took to answer", ["connection", "flow"], buckets=BUCKETS
)


def watched(step: Claimed, call: Callable[[], Result]) -> Result:
    """Make a call inside a span of its step's trace, and count it if the partner was called at all.

    Its outcome is the state that its step is left in: done, pending (tried again), unknown or dead.
    """
    if not is_tracing():
        return _counted(step, call())
    told: dict[str, str | int] = {"flow": step.flow, "connection": step.connection, "attempt": step.attempts}
    with span(f"call {step.flow}", step.traceparent, SpanKind.CLIENT, step=step.id, **told) as one:
        result = call()
        one.set_attribute("oms.outcome", result.outcome.state)
        if result.outcome.error is not None:
            one.set_attribute("error.type", result.outcome.error.code)
            one.set_status(StatusCode.ERROR)
    return _counted(step, result)


def _counted(step: Claimed, result: Result) -> Result:
    if result.heard:
        CALLS.labels(step.connection, step.flow, result.outcome.state).inc()
        SECONDS.labels(step.connection, step.flow).observe(sum(said.seconds for said in result.heard))
    return result


def tell(results: Sequence[Result], booked: Mapping[Claim, StepState]) -> None:
    """Log what became of claims of steps: those that are done in one line, every other by itself."""
    done = [one.step for one in results if booked.get(claim_of(one)) is StepState.DONE]
    if done:
        _log.info("steps.done", steps=[one.id for one in done], orders=[one.order_id for one in done])
    for one in results:
        step, outcome = one.step, one.outcome
        told = {"step": step.id, "flow": step.flow, "order": step.order_id}
        if claim_of(one) not in booked:
            _log.warning("step.fenced", **told)
        elif outcome.state is not StepState.DONE:
            code = outcome.error.code if outcome.error else ""
            _log.info("step", state=outcome.state, attempt=step.attempts, code=code, **told)
