"""How long a trial may look at past orders: by a clock between them, and by the database's own within one statement."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final, TypeVar

from psycopg.errors import QueryCanceled
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.database import run

T = TypeVar("T")

LONGEST_S: Final = 20.0
"""How long a trial looks; what was looked at until then is what it tells of."""


class Allowance:
    """The time that a trial has; `out` says that it ended before all was looked at."""

    def __init__(self, longest_s: float = LONGEST_S, clock: Callable[[], float] = monotonic) -> None:
        self._clock, self._until_s = clock, clock() + longest_s
        self.out = False

    @property
    def over(self) -> bool:
        """Say whether the time is up; whoever asks stops then."""
        self.out = self.out or self._clock() >= self._until_s
        return self.out

    def of(self, every: Iterable[T]) -> Iterator[T]:
        """Give what there is to look at until the time is up, also where that is within a statement."""
        try:
            for one in every:
                if self.over:
                    return
                yield one
        except OperationalError as error:
            if not isinstance(error.orig, QueryCanceled):
                raise
            self.out = True


@contextmanager
def on_trial(session: Session, longest_s: float = LONGEST_S) -> Generator[None]:
    """Look at past orders, each statement in the time of a trial, not that of a page; what is written is taken back."""
    within = session.begin_nested()
    try:
        run(session, f"set local statement_timeout = {round(longest_s * 1000)}")
        yield
    finally:
        within.rollback()  # with it the setting ends, and a statement that was cancelled is got over
