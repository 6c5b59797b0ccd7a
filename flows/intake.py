"""Work the inbox off: a batch is one transaction; one that keeps failing is halved until the poison is alone."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from flows.listing import Taker
from hub.cases import NewCase, open_cases
from hub.database import Database, aside, row
from hub.errors import HubError
from hub.failpoints import reach
from hub.inbox import InboxState, Message, claim, postpone, settle
from hub.inbox_try import begin_try, end_try

LOCK: Final = 7004
"""The advisory lock of the takers that work alone; it ends with their transaction."""

TRIES: Final = 5
"""Failures by a fault of ours before a message is set aside for a person."""

SET_BACK_S: Final = 5

CAREFUL: Final = timedelta(minutes=10)
"""How long a process marks what it has in hand: whoever was ended by a message is started again and meets it first."""

DIED: Final = "whoever works on it ends without a word"

_log = structlog.get_logger()


@dataclass(slots=True)
class Hand:
    """A batch in hand, and the mark that says so."""

    taken: Sequence[Message] = ()
    mark: int = 0


class Intake:
    """Runs the takers; which message is whose is told by its kind."""

    def __init__(self, database: Database, now: Callable[[], datetime], pool: Executor) -> None:
        self._database = database
        self._now = now
        self._pool = pool
        self._careful_until = now() + CAREFUL
        self._left: set[int] = set()  # marks of ours that are to go, and could not when the database was away

    def work_off(self, taker: Taker) -> int:
        """Take one batch, and give how many messages were settled; after a failure, what is to blame waits."""
        limit = taker.batch
        while True:
            self._clear_left()  # before anything is taken: a mark of ours must not look like somebody's death
            hand = Hand()
            # A bug in a rule must not stop the others: the failure is read off the future instead of being caught.
            work = self._pool.submit(self._batch, taker, limit, hand)
            failure = work.exception()
            if failure is None:
                return work.result()
            self._let_go(hand)
            if isinstance(failure, OperationalError):
                raise failure  # the database's trouble, not the messages'
            _log.error("intake.failed", kinds=taker.kinds, size=len(hand.taken), exc_info=failure)
            if len(hand.taken) <= 1:
                if hand.taken:
                    self._set_back(hand.taken[0], failure)
                return 0
            limit = len(hand.taken) // 2

    def _batch(self, taker: Taker, limit: int, hand: Hand) -> int:
        with self._database.transaction() as session:
            if taker.alone and not _is_free(session):
                return 0
            found = claim(session, taker.kinds, limit, self._now())
            reach("intake.claimed")
            if not found:
                return 0
            # What has failed, or somebody died of, is taken by itself: it harms no other, and is found out.
            hand.taken = next(([one] for one in found if one.attempts), found)
            if self._now() < self._careful_until:
                hand.mark, suspects = begin_try(session, [one.id for one in hand.taken], self._now())
                if suspects:
                    self._suspect(session, [one for one in hand.taken if one.id in suspects])
                    return len(suspects)
            with ExitStack() as failing:
                failing.callback(self._spare, session, hand)
                taker.handle(session, hand.taken, self._now())
                reach("intake.handled")
                failing.pop_all()
            if hand.mark:
                end_try(session, hand.mark)
        return len(hand.taken)

    def _spare(self, session: Session, hand: Hand) -> None:
        """Take the mark away of what fails without ending anybody, while nobody else can take the messages."""
        if not hand.mark:
            return
        with suppress(SQLAlchemyError):  # then it is tried again
            with aside(session) as side:
                end_try(side, hand.mark)
            hand.mark = 0

    def _let_go(self, hand: Hand) -> None:
        """Take the mark away that is still there, as after a failed commit; at the latest before the next batch."""
        if not hand.mark:
            return
        self._left.add(hand.mark)
        with suppress(SQLAlchemyError):
            self._clear_left()

    def _clear_left(self) -> None:
        """Take away the marks that could not be taken away so far.

        Raises: OperationalError when the database is still away.
        """
        if left := list(self._left):
            with self._database.transaction() as session:
                end_try(session, *left)
            self._left.difference_update(left)

    def _suspect(self, session: Session, messages: Sequence[Message]) -> None:
        """Count a try of messages that somebody died with; they keep their place, for most of them are innocent.

        They have one try less: whoever died of one first had perhaps been running for long, and left no mark.
        """
        _log.error("intake.died", inbox=[one.id for one in messages])
        for message in messages:
            self._count(session, message, message.received_at, DIED, TRIES - 1)

    def _set_back(self, message: Message, failure: BaseException) -> None:
        """Let a message wait longer each time."""
        told = failure.message if isinstance(failure, HubError) else type(failure).__name__
        with self._database.transaction() as session:
            self._count(session, message, self._now() + timedelta(seconds=SET_BACK_S * 2**message.attempts), told)

    def _count(self, session: Session, message: Message, until: datetime, told: str, tries: int = TRIES) -> None:
        """Count a try that came to nothing; after the last one a message is a case for a platform engineer."""
        if postpone(session, message.id, until) < tries:
            return
        now = self._now()
        settle(session, message, InboxState.PARKED, now, code="our_fault", error=told)
        case = NewCase("our_fault", f"inbox:{message.id}", "", told, message.order_id, {"inbox": message.id})
        open_cases(session, [case], now)


def _is_free(session: Session) -> bool:
    found = row(session, "select pg_try_advisory_xact_lock(:lock) as free", lock=LOCK)
    return bool(found and found.free)
