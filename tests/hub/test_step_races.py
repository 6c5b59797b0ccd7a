"""Two who let the same lane go on at the same time."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import Database, row, run
from hub.steps import NewStep, add, promote, wake_parked

WITHIN_S = 60


def wait_for_who_waits(session: Session) -> None:
    """Wait until somebody else wants a row that is locked."""
    deadline = time.monotonic() + WITHIN_S
    while not row(session, "select 1 from pg_locks where not granted"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_step_that_was_claimed_while_the_sweep_waited_stays_with_its_worker(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        add(session, [NewStep("f", "a", "p", key, None, {}) for key in ("a1", "a2")], at)
        run(session, "update step set state = 'done', settled_at = :at where idempotency_key = 'a1'", at=at)

    def sweep() -> None:
        with database.transaction() as late:
            wake_parked(late, at)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            promote(session, ["a"], at)
            run(session, "update step set state = 'in_flight' where idempotency_key = 'a2'")
            swept = pool.submit(sweep)
            wait_for_who_waits(session)
        swept.result(WITHIN_S)
    with database.transaction() as session:
        found = row(session, "select state from step where idempotency_key = 'a2'")
    assert found is not None
    assert found.state == "in_flight"
