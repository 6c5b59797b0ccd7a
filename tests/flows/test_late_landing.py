"""A call whose worker ended may still land: no way out of the next claim lets the partner be asked too soon."""

from datetime import timedelta

import pytest

from flows.effect import Claimed
from hub.database import run
from hub.errors import TryLater
from hub.repair import retry_step
from hub.roles import SYSTEM
from tests.flows.acting import GRACE, LEASE, Play

OWN_GRACE = timedelta(seconds=40)


@pytest.fixture
def slow(play: Play) -> Play:
    """Give a play whose partner must be asked, and says that calls may land very late."""
    play.partner.idempotent = False
    play.partner.grace_s = OWN_GRACE.total_seconds()
    return play


def reclaimed(play: Play) -> Claimed:
    """Claim the step that another worker has called and left."""
    play.claim()
    play.wait((LEASE + GRACE).total_seconds())
    return play.claim()


def test_a_worker_that_has_no_time_left_does_not_give_the_step_back(slow: Play) -> None:
    step = reclaimed(slow)
    slow.tick_s += LEASE.total_seconds()
    slow.engine.run(step)
    assert slow.step().run_at == slow.now + OWN_GRACE


def test_a_step_that_cannot_be_prepared_waits_all_the_same(slow: Play) -> None:
    slow.effect.unprepared = TryLater("not yet")
    slow.engine.run(reclaimed(slow))
    assert slow.step().run_at == slow.now + OWN_GRACE


def test_a_step_whose_attempts_are_spent_is_asked_for_by_nobody_before_its_time(slow: Play) -> None:
    with slow.database.transaction() as session:
        run(session, "update step set unheard = :spent", spent=slow.attempts)
    slow.engine.run(reclaimed(slow))
    assert slow.step().state == "dead"
    with slow.database.transaction() as session:
        retry_step(session, SYSTEM, slow.step().id, "", slow.now)
    assert slow.step().run_at == slow.now + OWN_GRACE
