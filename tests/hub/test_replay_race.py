from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from hub.database import Database, row
from hub.errors import Conflict
from hub.replay_filter import Wanted
from hub.replays import start_job
from tests.hub.trouble import SUPERVISOR, dead_step

WAITS = """select count(*) as n from pg_locks
    where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())"""


def start(database: Database, at: datetime) -> int:
    with database.transaction() as session:
        return start_job(session, SUPERVISOR, Wanted(), at, reason="SAP is back", rate_per_s=1)


def test_two_who_begin_at_once_do_not_take_the_same_things(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        dead_step(session, at)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as first:
            start_job(first, SUPERVISOR, Wanted(), at, reason="SAP is back", rate_per_s=1)
            second = pool.submit(start, database, at)
            while not (waiting := row(first, WAITS)) or not waiting.n:
                assert not second.done()
        with pytest.raises(Conflict, match="nothing to act on"):
            second.result()
