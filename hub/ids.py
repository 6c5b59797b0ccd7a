"""Ids that carry their month, so that a row's partition is known from its id alone."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.asks import Ask, Asks, told

PER_MONTH: Final = 10**12
"""An id is yymm · 10^12 + n: sixteen digits, safe in JavaScript (below 2^53) until the year 2089."""


def month_of(at: datetime) -> int:
    """The yymm of a point in time, by UTC."""
    return at.astimezone(UTC).year % 100 * 100 + at.astimezone(UTC).month


def new_ids(session: Session, count: int, at: datetime) -> list[int]:
    """Draw fresh ids of the current month, rising."""
    return told(session, ask_ids(count, at))


def ask_ids(count: int, at: datetime) -> Asks[list[int]]:
    """Ask for fresh ids, as `new_ids`."""
    [drawn] = yield [Ask("select nextval('id_serial') as n from generate_series(1, :count)", {"count": count})]
    first = month_of(at) * PER_MONTH
    return [first + found.n for found in drawn.rows]


def first_id_of(month: date) -> int:
    """The smallest id a month can have: the lower bound of its partition."""
    return (month.year % 100 * 100 + month.month) * PER_MONTH


def months_from(first: date, count: int) -> Sequence[date]:
    """The first days of `count` months, beginning with the one `first` lies in."""
    return [_month(first.year * 12 + first.month - 1 + i) for i in range(count)]


def month_before(day: date, months: int) -> date:
    """The first day of the month that lies so many months before the day's own."""
    return _month(day.year * 12 + day.month - 1 - months)


def _month(since_year_0: int) -> date:
    return date(since_year_0 // 12, since_year_0 % 12 + 1, 1)
