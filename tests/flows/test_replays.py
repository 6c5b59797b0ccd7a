from datetime import timedelta

import pytest

from flows.housekeeping import Rounds, chores
from hub.database import Database
from hub.errors import OutcomeUnknown, Rejected
from hub.replay_filter import Wanted
from hub.replay_view import get_job, list_items
from hub.replays import start_job
from hub.roles import SYSTEM
from hub.settings import Settings
from hub.steps import StepState
from tests.flows.acting import Play
from tests.hub.making import order, placed, stock


@pytest.fixture
def play(database: Database) -> Play:
    """Let a delivery wait to be sent."""
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 9}})
        placed(session, order({"apple": 1}))
    return Play(database, attempts=1)


def repair(play: Play) -> int:
    """Have every dead call retried, and let the schedule do it."""
    with play.database.transaction() as session:
        job_id = start_job(session, SYSTEM, Wanted(), play.now, reason="mended", rate_per_s=1)
    play.wait(2)
    Rounds(play.database, chores(Settings()), lambda: play.now).go()
    return job_id


def test_a_job_has_a_dead_call_made_again_under_its_own_key(play: Play) -> None:
    assert play.run(Rejected("no such SKU")) is StepState.DEAD
    job_id = repair(play)
    assert play.run("done") is StepState.DONE
    assert len(set(play.partner.calls)) == 1
    with play.database.transaction() as session:
        assert [(one.state, one.now) for one in list_items(session, SYSTEM, job_id).items] == [("done", "done")]


def test_a_call_that_was_executed_unheard_is_asked_about_and_not_repeated(play: Play) -> None:
    play.partner.idempotent = False
    assert play.run(OutcomeUnknown("silence")) is StepState.DEAD
    play.wait(timedelta(minutes=1).total_seconds())
    repair(play)
    play.partner.executed = "the document"
    play.partner.calls.clear()
    assert play.run() is StepState.DONE
    assert [call.partition(" ")[0] for call in play.partner.calls] == ["ask"]


def test_a_job_that_is_done_has_nothing_left_to_do(play: Play) -> None:
    play.run(Rejected("no such SKU"))
    job_id = repair(play)
    play.wait(60)
    Rounds(play.database, chores(Settings()), lambda: play.now).go()
    with play.database.transaction() as session:
        assert (get_job(session, SYSTEM, job_id).state, get_job(session, SYSTEM, job_id).done) == ("done", 1)
