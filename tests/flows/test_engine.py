import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from flows.effect import is_idempotent
from flows.verdict import PATIENCE, backoff_s
from hub.connections import pause, paused, resume
from hub.database import Database, rows, run
from hub.errors import (
    Conflict,
    HubError,
    Malformed,
    Misconfigured,
    NeedsOperator,
    NotFound,
    OutcomeUnknown,
    Rejected,
    TryLater,
)
from hub.fulfilment.release import RELEASE
from hub.steps import NewStep, StepState, add
from tests.flows.acting import PARTNER, Play
from tests.hub.making import open_causes

LOST = OutcomeUnknown("no answer")
KEY_CALLS = 2


def causes(database: Database) -> list[str]:
    with database.transaction() as session:
        return open_causes(session)


def test_a_step_is_done_once_its_answer_is_booked(play: Play) -> None:
    assert play.run("taken") is StepState.DONE
    assert (play.effect.booked, play.step().state) == (["taken"], "done")


def test_a_busy_partner_is_tried_again_when_it_wishes(play: Play) -> None:
    assert play.run(TryLater("busy", after_s=60)) is StepState.PENDING
    assert (play.step().run_at - play.now).total_seconds() == 60
    play.wait(61)
    assert play.run() is StepState.DONE


def test_without_a_wish_the_wait_grows(play: Play) -> None:
    waits: list[float] = []
    for _ in range(3):
        play.run(TryLater("busy"))
        waits.append((play.step().run_at - play.now).total_seconds())
        play.wait(600)
    assert 0.5 <= waits[0] < waits[1] < waits[2] < 3


def test_what_is_executed_for_certain_is_never_asked_about(play: Play) -> None:
    play.partner.idempotent = False
    play.run(TryLater("busy"))
    play.wait(600)
    assert play.run() is StepState.DONE
    assert not any(call.startswith("ask") for call in play.partner.calls)


def test_an_unknown_outcome_is_repeated_under_the_same_key(play: Play) -> None:
    assert play.run(LOST) is StepState.UNKNOWN
    play.wait(600)
    assert play.run() is StepState.DONE
    assert len(play.partner.calls) == KEY_CALLS
    assert len(set(play.partner.calls)) == 1


def test_an_unknown_outcome_is_asked_for_where_keys_do_not_count(play: Play) -> None:
    play.partner.idempotent = False
    play.run(LOST)
    play.wait(600)
    play.partner.executed = "taken before"
    assert play.run() is StepState.DONE
    assert [call.split()[0] for call in play.partner.calls] == ["call", "ask"]
    assert play.effect.booked == ["taken before"]


def test_what_turns_out_not_executed_is_sent_again(play: Play) -> None:
    play.partner.idempotent = False
    play.run(LOST)
    play.wait(600)
    assert play.run() is StepState.DONE
    assert [call.split()[0] for call in play.partner.calls] == ["call", "ask", "call"]


def test_a_crash_after_the_claim_is_an_unknown_outcome(play: Play) -> None:
    play.partner.idempotent = False
    play.claim()
    play.wait(12)
    assert play.run() is StepState.DONE
    assert [call.split()[0] for call in play.partner.calls] == ["ask", "call"]


@pytest.mark.parametrize(
    "error", [Rejected("no"), Malformed("no"), NotFound("no"), Conflict("no"), NeedsOperator("call somebody")]
)
def test_what_no_retry_mends_is_dead_and_calls_a_person(play: Play, error: HubError) -> None:
    assert play.run(error) is StepState.DEAD
    assert play.effect.given_up == [error.code]
    assert causes(play.database) == ["step_dead"]


def test_a_dead_step_parks_its_lane_and_no_other(play: Play, order_id: int) -> None:
    with play.database.transaction() as session:
        steps = [
            NewStep(RELEASE, lane, PARTNER, key, order_id, {}) for lane, key in ((play.step().lane, "a"), ("b", "b"))
        ]
        add(session, steps, play.now)
    play.run(Rejected("no"))
    with play.database.transaction() as session:
        states = rows(session, "select idempotency_key, state from step where idempotency_key in ('a', 'b')")
    assert dict(map(tuple, states)) == {"a": "waiting", "b": "pending"}


def test_a_finished_step_lets_the_next_of_its_lane_run(play: Play, order_id: int) -> None:
    with play.database.transaction() as session:
        add(session, [NewStep(RELEASE, play.step().lane, PARTNER, "next", order_id, {})], play.now)
    play.run()
    assert play.claim().idempotency_key == "next"


@pytest.mark.parametrize(("error", "times"), [(TryLater("busy"), 4 * PATIENCE), (LOST, 4)])
def test_attempts_are_spent_in_the_end(play: Play, error: HubError, times: int) -> None:
    states: list[StepState | None] = []
    for _ in range(times):
        states.append(play.run(error))
        play.wait(600)
    assert StepState.DEAD not in states[:-1]
    assert states[-1] is StepState.DEAD
    assert causes(play.database) == ["step_dead"]


def test_a_step_that_only_ever_crashed_ends_too(play: Play) -> None:
    for _ in range(4):
        play.claim()
        play.wait(600)
    assert play.run() is StepState.DEAD
    assert (play.partner.calls, play.effect.given_up) == ([], ["attempts_spent"])


def test_an_unknown_flow_is_dead(play: Play) -> None:
    with play.database.transaction() as session:
        run(session, "update step set flow = 'no_such_flow'")
    assert play.run() is StepState.DEAD
    assert causes(play.database) == ["step_dead"]


def test_an_unknown_connection_is_dead(play: Play) -> None:
    with play.database.transaction() as session:
        run(session, "update step set connection = 'stranger'")
    assert play.run() is StepState.DEAD
    assert play.step().last_error == "there is no connection stranger"


def test_a_request_that_cannot_be_prepared_is_not_sent(play: Play) -> None:
    play.effect.unprepared = NeedsOperator("the buyer was erased")
    assert play.run() is StepState.DEAD
    assert play.partner.calls == []


def test_a_worker_that_was_overtaken_books_nothing(play: Play) -> None:
    slow = play.claim()
    play.wait(12)
    assert play.run() is StepState.DONE
    assert play.engine.run(slow) is None
    assert play.effect.booked == ["done"]
    assert play.step().state == "done"


def test_a_failure_of_one_who_was_overtaken_buries_nothing(play: Play) -> None:
    slow = play.claim()
    play.wait(12)
    play.claim()
    play.partner.script = [Rejected("no")]
    assert play.engine.run(slow) is None
    assert (play.step().state, causes(play.database)) == ("in_flight", [])


def test_a_lease_too_short_for_the_call_is_left_alone(play: Play) -> None:
    step = play.claim()
    play.tick_s += 5
    assert play.engine.run(step) is StepState.PENDING
    assert (play.partner.calls, play.step().attempts) == ([], 0)
    assert play.run() is StepState.DONE


def test_a_bug_in_booking_undoes_the_attempt_whole(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, capture_logs():
        patch.setattr(play.effect, "settle", None)
        assert play.run() is StepState.UNKNOWN
    assert play.step().last_error == "the hub failed (TypeError)"
    play.wait(12)
    assert play.run() is StepState.DONE


def test_what_was_said_is_kept_sealed(play: Play) -> None:
    play.run(LOST)
    play.wait(600)
    play.run()
    with play.database.transaction() as session:
        kept = rows(
            session, "select outcome, error, exchanges, to_jsonb(attempt)::text as shown from attempt order by token"
        )
    assert [(one.outcome, one.error) for one in kept] == [("unknown", "no answer"), ("done", "")]
    assert all(one.exchanges and b"10000000042" not in bytes(one.exchanges) for one in kept)
    assert not any("10000000042" in one.shown for one in kept)


@given(st.integers(1, 100))
def test_no_wait_is_longer_than_five_minutes_and_a_bit(attempts: int) -> None:
    assert 0.5 <= backoff_s(attempts) <= 300.5


def test_who_does_not_declare_idempotency_has_none() -> None:
    assert not is_idempotent(object())


def test_a_doubt_outlives_a_busy_answer(play: Play) -> None:
    play.partner.idempotent = False
    play.run(LOST)
    play.wait(600)
    play.run(TryLater("busy"))
    play.wait(600)
    play.partner.executed = "taken before"
    assert play.run() is StepState.DONE
    assert play.partner.calls[-1].split()[0] == "ask"


def test_a_refused_credential_pauses_the_connection_and_spends_no_step(play: Play, database: Database) -> None:
    assert play.run(Misconfigured("wrong password")) is StepState.PENDING
    with database.transaction() as session:
        assert (paused(session), open_causes(session)) == ([PARTNER], ["connection_paused"])
    play.wait(600)
    with pytest.raises(ValueError, match="not enough values"):
        play.claim()


def test_a_refusal_that_comes_after_the_connection_was_let_go_on_pauses_it_no_more(
    play: Play, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_late(_: str) -> None:
        with database.transaction() as session:
            pause(session, PARTNER, "system", "wrong password", play.now)
            play.wait(1)
            resume(session, PARTNER, "tester", "a new password", play.now)
        raise Misconfigured("wrong password")

    monkeypatch.setattr(play.partner, "act", refuse_late)
    assert play.run() is StepState.PENDING
    with database.transaction() as session:
        assert (paused(session), open_causes(session)) == ([], [])


def test_a_doubt_outlives_a_pause(play: Play, database: Database) -> None:
    play.partner.idempotent = False
    play.run(LOST)
    play.wait(600)
    play.partner.script = []
    play.effect.unprepared = Misconfigured("wrong password")
    assert play.run() is StepState.PENDING
    play.effect.unprepared = None
    with database.transaction() as session:
        run(session, "update connection_health set paused_at = null")
    play.wait(600)
    play.partner.executed = "taken before"
    assert play.run() is StepState.DONE
    assert [call.split()[0] for call in play.partner.calls] == ["call", "ask"]


def test_an_unheard_call_after_a_long_outage_is_still_asked_about(play: Play) -> None:
    play.partner.idempotent = False
    for _ in range(6):
        play.run(TryLater("away"))
        play.wait(600)
    assert play.run(LOST) is StepState.UNKNOWN
    play.wait(600)
    play.partner.executed = "taken before"
    assert play.run() is StepState.DONE
    assert [call.split()[0] for call in play.partner.calls][-2:] == ["call", "ask"]


def test_a_call_that_is_never_heard_is_buried_in_doubt(play: Play) -> None:
    for _ in range(3):
        assert play.run(LOST) is StepState.UNKNOWN
        play.wait(600)
    assert play.run(LOST) is StepState.DEAD
    assert (play.step().doubt, play.step().unheard) == (True, 4)


def test_asking_may_take_longer_than_the_lease_leaves(play: Play) -> None:
    play.partner.idempotent = False
    play.run(LOST)
    play.wait(600)
    step = play.claim()
    play.slow_ask_s = 5
    play.partner.script = ["taken"]
    assert play.engine.run(step) is StepState.DONE
    assert [call.split()[0] for call in play.partner.calls] == ["call", "ask", "call"]


def test_a_lease_runs_while_the_database_gives_it_anew(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    play.partner.idempotent = False
    play.run(LOST)
    play.wait(600)
    step = play.claim()

    def slowly(*_: object) -> None:
        play.tick_s = 6.0

    monkeypatch.setattr("flows.engine.prolong", slowly)
    assert play.engine.run(step) is StepState.PENDING
    assert [call.split()[0] for call in play.partner.calls] == ["call", "ask"]
