"""Two calls of one lane that are due at once, as nobody means to write them: the lane goes on, and so do all others."""

from datetime import datetime

import pytest
from structlog.testing import capture_logs

from flows.effect import Claimed
from hub.database import Database, rows, run
from hub.fulfilment.release import RELEASE
from hub.steps import NewStep, StepState, add, line_up
from tests.flows.acting import PARTNER, Play


def write_at_once(database: Database, at: datetime, *keys: str) -> None:
    """Add a step of the same lane in as many transactions at once, none of which sees the others."""
    with database.transaction() as first, database.transaction() as second:
        for session, key in zip((first, second), keys, strict=True):
            add(session, [NewStep(RELEASE, "parcel:1", PARTNER, key, None, {})], at)


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
        states = {one.idempotency_key: one.state for one in rows(session, "select * from step")}
    assert states == {"one": "waiting", "two": open_state}


def test_a_worker_that_stands_still_while_it_claims_has_not_won_time(play: Play) -> None:
    play.slow_look_s = 9
    (step,) = play.engine.take(1)
    play.slow_look_s = 0
    assert play.engine.run(step) is StepState.PENDING
    assert play.partner.calls == []
