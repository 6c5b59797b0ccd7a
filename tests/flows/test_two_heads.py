"""Two calls of one lane that are due at once, as nobody means to write them: the lane goes on, and so do all others."""

from datetime import datetime

import pytest
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from flows.effect import Claimed
from hub.database import Database, row, rows, run
from hub.fulfilment.release import RELEASE
from hub.steps import NewStep, StepState, add, line_up, promote
from tests.flows.acting import GRACE, PARTNER, Play


def write_at_once(database: Database, at: datetime, *keys: str) -> None:
    """Add a step of the same lane in as many transactions at once, none of which sees the others."""
    with database.transaction() as first, database.transaction() as second:
        for session, key in zip((first, second), keys, strict=True):
            add(session, [NewStep(RELEASE, "parcel:1", PARTNER, key, None, {})], at)
            row(session, "select 1")  # which what was added goes along with


def doubt(database: Database, *keys: str) -> None:
    """Leave steps as calls do whose answer nobody heard."""
    with database.transaction() as session:
        run(session, "update step set state = 'unknown', doubt = true where idempotency_key = any(:keys)", keys=[*keys])


def states(database: Database) -> dict[str, str]:
    with database.transaction() as session:
        found = rows(session, "select idempotency_key, state from step where lane = 'parcel:1'")
    return {one.idempotency_key: one.state for one in found}


def take_all(play: Play) -> list[Claimed]:
    with capture_logs():
        return play.engine.take(10) or play.engine.take(10)


@pytest.mark.usefixtures("order_id")
def test_a_lane_with_two_heads_stops_no_other_lane(play: Play, at: datetime) -> None:
    write_at_once(play.database, at, "one", "two")
    assert len(take_all(play)) == 2
    with play.database.transaction() as session:
        assert [one.state for one in rows(session, "select state from step order by id")][1:] == [
            StepState.IN_FLIGHT,
            StepState.WAITING,
        ]


def test_the_later_of_two_heads_runs_when_the_first_is_done(play: Play, at: datetime) -> None:
    write_at_once(play.database, at, "one", "two")
    while steps := take_all(play):
        for step in steps:
            assert play.engine.run(step) is StepState.DONE
    assert play.partner.calls[-2:] == ["call one", "call two"]


def test_what_is_told_of_names_the_lane(play: Play, at: datetime) -> None:
    write_at_once(play.database, at, "one", "two")
    with capture_logs() as told:
        assert play.engine.take(10) == []
    assert [one["lanes"] for one in told] == [["parcel:1"]]


@pytest.mark.parametrize("open_state", ["in_flight", "unknown", "dead"])
def test_what_is_due_beside_a_call_that_was_begun_waits_behind_it(
    database: Database, at: datetime, open_state: str
) -> None:
    write_at_once(database, at, "one", "two")
    with database.transaction() as session:
        run(session, "update step set state = :state where idempotency_key = 'two'", state=open_state)
        assert line_up(session) == ["parcel:1"]
    assert states(database) == {"one": "waiting", "two": open_state}


@pytest.mark.usefixtures("order_id")
def test_two_calls_of_a_lane_that_nobody_heard_of_stop_no_other_lane(play: Play, at: datetime) -> None:
    write_at_once(play.database, at, "one", "two")
    doubt(play.database, "one", "two")
    assert len(take_all(play)) == 2
    assert states(play.database) == {"one": "in_flight", "two": "waiting"}


def test_a_call_that_nobody_heard_of_goes_before_one_that_was_never_made(database: Database, at: datetime) -> None:
    write_at_once(database, at, "one", "two")
    doubt(database, "two")
    with database.transaction() as session:
        assert line_up(session) == ["parcel:1"]
    assert states(database) == {"one": "waiting", "two": "unknown"}


def test_a_call_that_nobody_heard_of_is_asked_for_after_it_waited_as_well(play: Play, at: datetime) -> None:
    play.partner.idempotent = False
    write_at_once(play.database, at, "one", "two")
    doubt(play.database, "one", "two")
    while steps := take_all(play):
        for step in steps:
            assert play.engine.run(step) is StepState.DONE
    assert play.partner.calls[-4:] == ["ask one", "call one", "ask two", "call two"]


def test_a_call_that_may_still_land_is_not_asked_for_earlier_because_it_waited(play: Play, at: datetime) -> None:
    write_at_once(play.database, at, "one", "two")
    doubt(play.database, "one", "two")
    with play.database.transaction() as session:
        run(session, "update step set run_at = :later where idempotency_key = 'two'", later=at + GRACE)
        line_up(session)
        run(session, "update step set state = 'done' where idempotency_key = 'one'")
        promote(session, ["parcel:1"], at)
    assert "parcel:1" not in {one.lane for one in play.engine.take(10)}
    play.now += GRACE
    assert "parcel:1" in {one.lane for one in play.engine.take(10)}


def test_a_claim_that_breaks_another_rule_is_told_of(play: Play, at: datetime) -> None:
    write_at_once(play.database, at, "one", "two")
    with play.database.transaction() as session:
        run(session, "alter table step add constraint never_claimed check (token = 0)")
    with pytest.raises(IntegrityError, match="never_claimed"):
        play.engine.take(10)


def test_a_worker_that_stands_still_while_it_claims_has_not_won_time(play: Play) -> None:
    play.slow_look_s = 9
    (step,) = play.engine.take(1)
    play.slow_look_s = 0
    assert play.engine.run(step) is StepState.PENDING
    assert play.partner.calls == []
