from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.replay_filter import Act, Wanted, What
from hub.replays import forget_jobs, pause_job, stop_job
from hub.settings import Retention
from tests.hub.test_replays import start
from tests.hub.trouble import SUPERVISOR, audited, dead_step, parked

KEEP = Retention(inbox_months=6, history_months=24)
REPLAY = Wanted(what=What.MESSAGE, act=Act.REPLAY)
MESSAGES_GO, STEPS_GO = datetime(2027, 6, 1, tzinfo=UTC), datetime(2028, 12, 1, tzinfo=UTC)
"""The first days on which what was of November 2026 is kept no longer."""


def ended(session: Session, at: datetime, wanted: Wanted = REPLAY) -> int:
    job_id = start(session, at, wanted)
    stop_job(session, SUPERVISOR, job_id, "enough", at)
    return job_id


def left(session: Session) -> list[tuple[int, int]]:
    """Give each job that is left, with how many things."""
    found = rows(
        session,
        """select id, (select count(*) from replay_item where job_id = id) as things from replay_job order by id""",
    )
    return [(one.id, one.things) for one in found]


@pytest.mark.parametrize("what", What)
def test_a_job_is_kept_as_long_as_what_it_acted_on(session: Session, at: datetime, what: What) -> None:
    dead_step(session, at)
    parked(session, at)
    job_id = ended(session, at, Wanted() if what is What.STEP else REPLAY)
    gone = STEPS_GO if what is What.STEP else MESSAGES_GO
    forget_jobs(session, datetime.fromtimestamp(gone.timestamp() - 1, UTC), KEEP)
    assert left(session) == [(job_id, 1)]
    forget_jobs(session, gone, KEEP)
    assert (left(session), len(audited(session, "replay.stop"))) == ([], 1)


def test_a_job_that_has_not_ended_is_kept(session: Session, at: datetime) -> None:
    parked(session, at)
    running = start(session, at, REPLAY)
    assert forget_jobs(session, STEPS_GO, KEEP) == 0
    pause_job(session, SUPERVISOR, running, "a long holiday", at)
    assert (forget_jobs(session, STEPS_GO, KEEP), left(session)) == (0, [(running, 1)])


def test_a_large_job_goes_some_things_at_a_time(session: Session, at: datetime) -> None:
    for _ in range(5):
        parked(session, at)
    job_id = ended(session, at)
    seen: list[list[tuple[int, int]]] = []
    for _ in range(3):
        forget_jobs(session, STEPS_GO, KEEP, things=2)
        seen.append(left(session))
    assert seen == [[(job_id, 3)], [(job_id, 1)], []]


def test_many_small_jobs_go_at_once_and_the_others_next_time(session: Session, at: datetime) -> None:
    parked(session, at)
    jobs = [ended(session, at) for _ in range(3)]
    assert forget_jobs(session, STEPS_GO, KEEP, jobs=2) == 2
    assert left(session) == [(jobs[2], 1)]
