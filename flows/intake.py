"""Work the inbox off: a batch is one transaction; one that keeps failing is halved until the poison is alone."""

from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from flows.listing import Taker
from hub.cases import NewCase, open_cases
from hub.database import Database, row
from hub.errors import HubError
from hub.failpoints import reach
from hub.inbox import InboxState, Message, claim, postpone, settle

LOCK: Final = 7004
"""The advisory lock of the takers that work alone; it ends with their transaction."""

TRIES: Final = 5
"""Failures by a fault of ours before a message is set aside for a person."""

SET_BACK_S: Final = 5

_log = structlog.get_logger()


class Intake:
    """Runs the takers; which message is whose is told by its kind."""

    def __init__(self, database: Database, now: Callable[[], datetime], pool: Executor) -> None:
        self._database = database
        self._now = now
        self._pool = pool

    def work_off(self, taker: Taker) -> int:
        """Take one batch, and give how many messages were settled; after a failure, what is to blame waits."""
        limit = taker.batch
        while True:
            taken: list[Message] = []
            # A bug in a rule must not stop the others: the failure is read off the future instead of being caught.
            work = self._pool.submit(self._batch, taker, limit, taken)
            failure = work.exception()
            if failure is None:
                return work.result()
            if isinstance(failure, OperationalError):
                raise failure  # the database's trouble, not the messages'
            _log.error("intake.failed", kinds=taker.kinds, size=len(taken), exc_info=failure)
            if len(taken) <= 1:
                if taken:
                    self._set_back(taken[0], failure)
                return 0
            limit = len(taken) // 2

    def _batch(self, taker: Taker, limit: int, taken: list[Message]) -> int:
        with self._database.transaction() as session:
            if taker.alone and not _is_free(session):
                return 0
            taken += claim(session, taker.kinds, limit, self._now())
            reach("intake.claimed")
            if taken:
                taker.handle(session, taken, self._now())
                reach("intake.handled")
        return len(taken)

    def _set_back(self, message: Message, failure: BaseException) -> None:
        """Let a message wait longer each time; after the last try it is a case for a platform engineer."""
        now = self._now()
        with self._database.transaction() as session:
            tries = postpone(session, message.id, now + timedelta(seconds=SET_BACK_S * 2**message.attempts))
            if tries < TRIES:
                return
            told = failure.message if isinstance(failure, HubError) else type(failure).__name__
            settle(session, message, InboxState.PARKED, now, code="our_fault", error=told)
            case = NewCase("our_fault", f"inbox:{message.id}", "", told, message.order_id, {"inbox": message.id})
            open_cases(session, [case], now)


def _is_free(session: Session) -> bool:
    found = row(session, "select pg_try_advisory_xact_lock(:lock) as free", lock=LOCK)
    return bool(found and found.free)
