import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.database import Database, rows, run
from hub.steps import NewStep, StepState, add, move_finished, promote, wake_parked, withdraw


def step(lane: str, key: str, flow: str = "release") -> NewStep:
    return NewStep(flow, lane, "wms-sh", key, 1, {"order_id": 1})


def states(session: Session) -> dict[str, str]:
    found = rows(session, "select idempotency_key, state from step order by id")
    return {one.idempotency_key: one.state for one in found}


def turn(session: Session, key: str, state: StepState, at: datetime) -> None:
    """Do what an engine does: settle a step and let the next one of its lane run."""
    statement = "update step set state = :state, settled_at = :at where idempotency_key = :key returning lane"
    promote(session, [rows(session, statement, key=key, state=state, at=at)[0].lane], at)


def test_two_lanes_never_wait_for_each_other(session: Session, at: datetime) -> None:
    add(session, [step("a", "a1"), step("b", "b1"), step("a", "a2")], at)
    assert states(session) == {"a1": "pending", "b1": "pending", "a2": "waiting"}


@pytest.mark.parametrize("state", ["waiting", "pending", "in_flight", "unknown", "dead"])
def test_a_step_waits_behind_an_open_one(session: Session, at: datetime, state: str) -> None:
    add(session, [step("a", "a1")], at)
    run(session, "update step set state = :state", state=state)
    add(session, [step("a", "a2")], at)
    assert states(session)["a2"] == "waiting"


@pytest.mark.parametrize("state", [StepState.DONE, StepState.CANCELLED])
def test_a_step_behind_finished_ones_runs_at_once(session: Session, at: datetime, state: StepState) -> None:
    add(session, [step("a", "a1")], at)
    turn(session, "a1", state, at)
    add(session, [step("a", "a2")], at)
    assert states(session)["a2"] == "pending"


def test_a_lane_runs_in_the_order_it_was_added(session: Session, at: datetime) -> None:
    add(session, [step("a", key) for key in ("a1", "a2", "a3")], at)
    turn(session, "a1", StepState.DONE, at)
    assert states(session) == {"a1": "done", "a2": "pending", "a3": "waiting"}
    turn(session, "a2", StepState.DONE, at)
    assert states(session)["a3"] == "pending"


@pytest.mark.parametrize("state", [StepState.DEAD, StepState.UNKNOWN])
def test_a_head_that_died_or_went_silent_parks_its_lane(session: Session, at: datetime, state: StepState) -> None:
    add(session, [step("a", "a1"), step("a", "a2")], at)
    turn(session, "a1", state, at)
    assert states(session)["a2"] == "waiting"
    wake_parked(session, at)
    assert states(session)["a2"] == "waiting"


def test_a_lane_that_nobody_promoted_is_woken(session: Session, at: datetime) -> None:
    add(session, [step("a", key) for key in ("a1", "a2", "a3")], at)
    run(session, "update step set state = 'done', settled_at = :at where idempotency_key = 'a1'", at=at)
    wake_parked(session, at)
    assert states(session) == {"a1": "done", "a2": "pending", "a3": "waiting"}


def test_the_sweep_goes_through_the_lanes_some_at_a_time(session: Session, at: datetime) -> None:
    add(session, [step(lane, f"{lane}{no}") for lane in "abc" for no in (1, 2)], at)
    run(session, "update step set state = 'done', settled_at = :at where state = 'pending'", at=at)
    assert wake_parked(session, at, limit=2) == "b"
    assert (states(session)["b2"], states(session)["c2"]) == ("pending", "waiting")
    assert wake_parked(session, at, "b", limit=2) == ""
    assert states(session)["c2"] == "pending"


def test_an_untried_step_is_withdrawn_and_the_next_one_runs(session: Session, at: datetime) -> None:
    add(session, [step("a", "a1"), step("a", "a2", "cancel")], at)
    assert withdraw(session, "a", "release", at)
    assert states(session) == {"a1": "cancelled", "a2": "pending"}
    assert not withdraw(session, "a", "release", at)


@pytest.mark.parametrize(
    ("state", "doubt"), [("in_flight", False), ("pending", True), ("unknown", True), ("dead", True), ("done", False)]
)
def test_a_step_that_may_have_been_executed_is_not_withdrawn(
    session: Session, at: datetime, state: str, *, doubt: bool
) -> None:
    add(session, [step("a", "a1")], at)
    run(session, "update step set state = :state, doubt = :doubt, attempts = 1", state=state, doubt=doubt)
    assert not withdraw(session, "a", "release", at)
    assert states(session) == {"a1": state}


@pytest.mark.parametrize("state", ["pending", "dead"])
def test_a_step_that_was_refused_every_time_is_withdrawn(session: Session, at: datetime, state: str) -> None:
    add(session, [step("a", "a1"), step("a", "a2", "cancel")], at)
    run(session, "update step set state = :state, attempts = 3 where idempotency_key = 'a1'", state=state)
    assert withdraw(session, "a", "release", at)
    assert states(session) == {"a1": "cancelled", "a2": "pending"}


def test_one_cause_has_one_step(session: Session, at: datetime) -> None:
    add(session, [step("a", "same")], at)
    add(session, [step("b", "same")], at)
    with pytest.raises(IntegrityError, match="uq_step_idempotency_key"):
        session.commit()  # which what was added goes along with


def test_one_step_of_a_lane_is_in_flight(session: Session, at: datetime) -> None:
    add(session, [step("a", "a1"), step("a", "a2")], at)
    with pytest.raises(IntegrityError, match="uq_step_lane_in_flight"):
        run(session, "update step set state = 'in_flight'")


def test_finished_steps_move_to_history_whole(session: Session, at: datetime) -> None:
    add(session, [step(lane, lane) for lane in ("a", "b", "c", "d")], at)
    turn(session, "a", StepState.DONE, at)
    turn(session, "b", StepState.CANCELLED, at)
    turn(session, "c", StepState.DONE, at + timedelta(hours=1))
    assert move_finished(session, at + timedelta(minutes=1), limit=1) == 1
    assert move_finished(session, at + timedelta(minutes=1)) == 1
    moved = rows(session, "select idempotency_key, subject from step_history order by id")
    assert [(one.idempotency_key, one.subject) for one in moved] == [("a", {"order_id": 1}), ("b", {"order_id": 1})]
    assert states(session) == {"c": "done", "d": "pending"}


def test_a_step_added_while_another_settles_is_never_left_waiting(database: Database, at: datetime) -> None:
    lanes = [str(lane) for lane in range(60)]
    with database.transaction() as session:
        add(session, [step(lane, f"{lane}-1") for lane in lanes], at)
    start = threading.Barrier(2)

    def settle() -> None:
        start.wait()
        for lane in lanes:
            with database.transaction() as session:
                turn(session, f"{lane}-1", StepState.DONE, at)

    def follow() -> None:
        start.wait()
        for lane in lanes:
            with database.transaction() as session:
                add(session, [step(lane, f"{lane}-2")], at)

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(settle), pool.submit(follow)]:
            each.result()
    with database.transaction() as session:
        assert {state for key, state in states(session).items() if key.endswith("-2")} == {"pending"}
