import threading
from datetime import datetime

import pytest
from opentelemetry.trace import StatusCode
from sqlalchemy.orm import Session

from hub.database import rows
from hub.settings import Telemetry
from hub.steps import NewStep, add
from hub.tracing import continuing, current_traceparent, span, start_tracing, stop_tracing, trace_id_of
from tests.spans import traced

ELSEWHERE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"  # pragma: allowlist secret - an example


def kept(session: Session) -> list[str]:
    return [one.traceparent for one in rows(session, "select traceparent from step order by id")]


def step(no: int) -> NewStep:
    return NewStep("release", f"fo:{no}:wms", "wms", f"fo:{no}", no, {})


def test_while_tracing_is_off_a_row_carries_nothing_and_no_thread_starts(session: Session, at: datetime) -> None:
    before = threading.active_count()
    start_tracing(Telemetry(), "tests")
    with span("work", parent=ELSEWHERE, no=1) as one, continuing(ELSEWHERE):
        add(session, [step(1)], at)
    assert (kept(session), one.is_recording(), threading.active_count()) == ([""], False, before)


def test_a_step_belongs_to_the_trace_that_added_it(session: Session, at: datetime) -> None:
    with traced() as spans, span("work"):
        add(session, [step(1)], at)
        here = current_traceparent()
    assert kept(session) == [here]
    assert {int(trace_id_of(here), 16)} == spans.traces()


def test_a_step_that_names_its_trace_keeps_it(session: Session, at: datetime) -> None:
    with traced(), span("work"):
        add(session, [NewStep("release", "a", "wms", "a", 1, {}, ELSEWHERE), step(2)], at)
    first, second = kept(session)
    assert first == ELSEWHERE
    assert trace_id_of(second) not in {"", trace_id_of(ELSEWHERE)}


def test_what_is_added_while_continuing_belongs_to_the_trace_from_elsewhere(session: Session, at: datetime) -> None:
    with traced() as spans, continuing(ELSEWHERE):
        add(session, [step(1)], at)
    assert (kept(session), spans.get_finished_spans()) == ([ELSEWHERE], ())


def test_a_span_goes_on_with_its_parent_and_without_one_begins_a_trace() -> None:
    with traced() as spans, span("outer"), span("on", parent=ELSEWHERE), span("new", parent=""):
        pass
    (on,), (new,), (outer,) = spans.named("on"), spans.named("new"), spans.named("outer")
    assert on.parent
    assert f"{on.parent.trace_id:032x}" == trace_id_of(ELSEWHERE)
    assert (new.parent, outer.parent) == (None, None)
    assert len(spans.traces()) == 3


def test_a_traceparent_that_is_none_begins_a_trace_and_names_none() -> None:
    with traced() as spans, span("work", parent="00-zz"):
        pass
    assert spans.named("work")[0].parent is None
    assert (trace_id_of(""), trace_id_of("junk"), trace_id_of(ELSEWHERE)) == ("", "", ELSEWHERE.split("-")[1])


def test_of_an_error_a_span_tells_its_kind_and_never_its_words() -> None:
    with traced() as spans, pytest.raises(ValueError, match="10000000042"), span("work"):
        raise ValueError("10000000042")
    (one,) = spans.named("work")
    assert (one.status.status_code, one.status.description, one.events) == (StatusCode.ERROR, "ValueError", ())


def test_a_trace_that_is_not_kept_is_not_kept_behind_the_row_either() -> None:
    with traced(share=0) as spans:
        with span("first"):
            here = current_traceparent()
        with span("second", parent=here):
            pass
    assert int(here.rpartition("-")[2]) % 2 == 0
    assert spans.get_finished_spans() == ()


def test_a_collector_that_is_away_holds_nobody_up() -> None:
    start_tracing(Telemetry(otlp_url="http://127.0.0.1:9/v1/traces"), "tests")
    with span("work") as one:
        assert one.is_recording()
    stop_tracing()
    assert current_traceparent() == ""
