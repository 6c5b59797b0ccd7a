from datetime import datetime

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import REGISTRY
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from flows.effect import Claimed
from hub.database import Database, rows
from hub.errors import HubError, OutcomeUnknown, Rejected, TryLater
from hub.fulfilment.release import RELEASE
from hub.steps import NewStep, add
from hub.tracing import current_traceparent, span, trace_id_of
from tests.flows.acting import PARTNER, Play
from tests.spans import traced


def counted(outcome: str) -> float:
    labels = {"connection": PARTNER, "flow": RELEASE, "outcome": outcome}
    return REGISTRY.get_sample_value("oms_step_calls_total", labels) or 0


def timed() -> float:
    return REGISTRY.get_sample_value("oms_step_call_seconds_count", {"connection": PARTNER, "flow": RELEASE}) or 0


def add_traced(play: Play) -> str:
    """Add a step of its own lane inside a span, as another process would have, and give what it was part of."""
    with span("placing"), play.database.transaction() as session:
        add(session, [NewStep(RELEASE, "a", PARTNER, "a:1", None, {"order_id": 1, "no": 1})], play.now)
        return current_traceparent()


def run_all(play: Play) -> None:
    play.engine.book([play.engine.call(job) for job in play.engine.prepare(play.engine.take(10))])


def test_a_call_goes_on_with_the_trace_that_its_row_carries(play: Play) -> None:
    with traced():
        elsewhere = add_traced(play)
    with traced() as spans:  # another process: nothing but the row is shared
        run_all(play)
    own = [one for one in spans.named("call") if one.parent]
    assert [f"{one.parent.trace_id:032x}" for one in own if one.parent] == [trace_id_of(elsewhere)]
    assert own[0].kind is SpanKind.CLIENT


def test_a_step_without_a_trace_begins_one(play: Play) -> None:
    with traced() as spans:
        play.run()
    assert [one.parent for one in spans.named("call")] == [None]


@pytest.mark.parametrize(
    ("error", "outcome", "status"),
    [
        (None, "done", StatusCode.UNSET),
        (TryLater("busy 10000000042"), "pending", StatusCode.ERROR),
        (OutcomeUnknown("no answer 10000000042"), "unknown", StatusCode.ERROR),
        (Rejected("no 10000000042"), "dead", StatusCode.ERROR),
    ],
)
def test_a_call_tells_whose_it_was_and_what_became_of_it_and_nothing_else(
    play: Play, error: HubError | None, outcome: str, status: StatusCode
) -> None:
    with traced() as spans:
        play.run(*([error] if error else []))
    (one,) = spans.named("call")
    told = {
        "oms.step": play.step().id,
        "oms.flow": RELEASE,
        "oms.connection": PARTNER,
        "oms.attempt": 1,
        "oms.outcome": outcome,
    }
    assert dict(one.attributes or {}) == told | ({"error.type": error.code} if error else {})
    assert (one.status.status_code, one.status.description, one.events) == (status, None, ())


def test_what_follows_from_an_answer_belongs_to_its_trace(play: Play) -> None:
    def follow(session: Session, step: Claimed, answer: object, at: datetime) -> None:  # noqa: ARG001 # the port's shape
        add(session, [NewStep("next", f"b:{step.id}", PARTNER, f"b:{step.id}", None, {})], at)

    with traced():
        play.effect.settle = follow
        elsewhere = add_traced(play)
        run_all(play)
    with play.database.transaction() as session:
        found = rows(session, "select traceparent from step where flow = 'next' order by id")
    assert [one.traceparent for one in found] == ["", elsewhere]


def test_every_call_is_counted_by_what_became_of_it(play: Play) -> None:
    before = counted("pending"), counted("done"), timed()
    play.run(TryLater("busy"))
    play.wait(60)
    play.run()
    assert (counted("pending"), counted("done"), timed()) == (before[0] + 1, before[1] + 1, before[2] + 2)


def test_what_called_nobody_is_not_counted(play: Play) -> None:
    before = counted("dead")
    play.effect.unprepared = Rejected("nothing to send")
    play.run()
    assert counted("dead") == before


def test_while_tracing_is_off_the_call_is_made_all_the_same(play: Play, database: Database) -> None:
    play.run()
    with database.transaction() as session:
        assert [(one.state, one.traceparent) for one in rows(session, "select * from step")] == [("done", "")]


def test_of_two_claims_of_one_step_the_one_that_was_lost_is_told_as_lost(play: Play) -> None:
    jobs = play.engine.prepare([play.claim()])
    play.wait(60)  # its lease is over
    jobs += play.engine.prepare([play.claim()])
    with capture_logs() as told:
        play.engine.book([play.engine.call(job) for job in jobs])
    assert [one["event"] for one in told if one["event"].startswith("step")] == ["steps.done", "step.fenced"]
    assert [one["steps"] for one in told if one["event"] == "steps.done"] == [[play.step().id]]
