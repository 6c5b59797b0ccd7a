"""A trial has its own time, within a statement as well, and tells of what it has looked at until then."""

from collections.abc import Iterator

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.order.rehearse.allowance import Allowance, on_trial


def asked(session: Session) -> Iterator[int]:
    yield 1
    run(session, "select pg_sleep(60)")


def test_a_statement_that_takes_too_long_ends_the_look_and_not_the_page(session: Session) -> None:
    run(session, "set local statement_timeout = '5s'")
    allowance = Allowance(60)
    with on_trial(session, 0.1):
        assert (list(allowance.of(asked(session))), allowance.out) == ([1], True)
    assert rows(session, "show statement_timeout")[0][0] == "5s"


def test_the_clock_ends_the_look_between_two_orders() -> None:
    moments = iter((0, 1, 2, 3))
    allowance = Allowance(2, lambda: next(moments))
    assert (list(allowance.of([1, 2, 3])), allowance.out) == ([1], True)


def test_what_is_written_on_trial_does_not_stay(session: Session) -> None:
    with on_trial(session):
        run(session, "insert into trial values ('rule', 'made up', 1, 1, true, now(), 'root')")
    assert rows(session, "select 1 from trial") == []


def test_what_fails_otherwise_is_not_taken_for_a_lack_of_time(session: Session) -> None:
    def broken() -> Iterator[int]:
        yield run(session, "select 1 / 0")

    with pytest.raises(DBAPIError, match="zero"), on_trial(session):
        list(Allowance().of(broken()))
