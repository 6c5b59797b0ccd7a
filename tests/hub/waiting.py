"""Tests of races wait until the other one stands before a lock, or is through."""

import asyncio
import time
from concurrent.futures import Future
from typing import Any

from hub.database import Database, row

BLOCKED = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


def until_it_waits(database: Database, other: Future[Any] | asyncio.Future[Any]) -> None:
    """Return when somebody waits for a lock of this database, or the other is done without having to."""
    while not other.done():
        with database.transaction() as session:
            if row(session, BLOCKED):
                return
        time.sleep(0.005)
