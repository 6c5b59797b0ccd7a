"""What is wrong with a step itself: it ends dead with its cause, stops no other step, and is never tried for ever."""

from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from flows.effect import Claimed, OfFulfilment
from hub.database import rows, run
from hub.fulfilment.release import RELEASE
from hub.steps import NewStep, StepState, add
from tests.flows.acting import PARTNER, Play
from tests.hub.making import open_causes

LIMIT = 4


def also(play: Play, *lanes: str) -> None:
    """Add good steps beside the first one."""
    with play.database.transaction() as session:
        add(session, [NewStep(RELEASE, lane, PARTNER, lane, None, {}) for lane in lanes], play.now)


def told(play: Play) -> list[tuple[str, str]]:
    with play.database.transaction() as session:
        return [(one.state, one.last_error) for one in rows(session, "select state, last_error from step order by id")]


@pytest.mark.parametrize(
    "subject", ['{"order_id": "x", "no": 1}', '{"order_id": 1}', '{"order_id": 1, "no": 1, "w": 2}']
)
def test_a_subject_of_another_release_is_dead_with_what_does_not_fit(play: Play, subject: str) -> None:
    play.effect.subject = OfFulfilment
    play.renew()
    with play.database.transaction() as session:
        run(session, "update step set subject = cast(:subject as jsonb)", subject=subject)
    assert play.run() is StepState.DEAD
    assert play.step().last_error.startswith(f"its subject does not fit {RELEASE}: ")
    assert play.partner.calls == []


def test_a_bug_in_preparing_is_tried_while_an_attempt_is_left(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play.effect, "prepare", None)
    states: list[StepState | None] = []
    with capture_logs():
        for _ in range(LIMIT):
            states.append(play.run())
            play.wait(600)
    assert states == [*[StepState.PENDING] * (LIMIT - 1), StepState.DEAD]
    assert play.step().last_error == "the hub failed (TypeError)"
    with play.database.transaction() as session:
        assert open_causes(session) == ["step_dead"]


def test_a_bug_in_one_step_stops_none_of_its_batch(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    also(play, "a", "b")
    good = play.effect.prepare

    def breaks_the_transaction(session: Session, step: Claimed, at: datetime) -> str:
        if step.lane == "a":
            session.execute(text("select 1 / 0"))
        return good(session, step, at)

    monkeypatch.setattr(play.effect, "prepare", breaks_the_transaction)
    with capture_logs():
        jobs = play.engine.prepare(play.engine.take(9))
        states = play.engine.book([play.engine.call(job) for job in jobs])
    assert sorted(states.values()) == ["done", "done", "pending"]


def test_a_bug_in_calling_may_have_been_heard(play: Play) -> None:
    with capture_logs():
        assert play.run(KeyError("a bug")) is StepState.UNKNOWN
    assert play.step().doubt


def test_a_bug_in_booking_one_answer_loses_none_of_its_neighbours(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    also(play, "a", "b")
    good = play.effect.settle

    def refuses(session: Session, step: Claimed, answer: object, at: datetime) -> None:
        if step.lane == "b":
            raise LookupError
        good(session, step, answer, at)

    monkeypatch.setattr(play.effect, "settle", refuses)
    with capture_logs():
        results = [play.engine.call(job) for job in play.engine.prepare(play.engine.take(9))]
        play.engine.book(results)
    assert [state for state, _ in told(play)] == ["done", "done", "unknown"]


def test_a_flow_that_cannot_even_give_up_is_buried_all_the_same(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play.effect, "give_up", None)
    with play.database.transaction() as session:
        run(session, "update step set connection = 'stranger'")
    with capture_logs():
        assert play.run() is StepState.DEAD
    with play.database.transaction() as session:
        assert open_causes(session) == ["step_dead"]


def test_an_answer_that_can_never_be_booked_is_dead_when_its_attempts_are_spent(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play.effect, "settle", None)
    states: list[StepState | None] = []
    with capture_logs():
        for _ in range(LIMIT):
            states.append(play.run())
            play.wait(600)
    assert states == [*[StepState.UNKNOWN] * (LIMIT - 1), StepState.DEAD]
