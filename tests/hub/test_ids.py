from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.ids import PER_MONTH, first_id_of, month_before, month_of, months_from, new_ids

SAFE_IN_JAVASCRIPT = 2**53
CHINA = timezone(timedelta(hours=8))


def test_fresh_ids_rise_and_carry_their_month(session: Session, at: datetime) -> None:
    ids = [*new_ids(session, 3, at), *new_ids(session, 2, at)]
    assert ids == sorted(set(ids))
    assert {each // PER_MONTH for each in ids} == {2611}
    assert new_ids(session, 0, at) == []


def test_the_month_is_that_of_utc() -> None:
    assert month_of(datetime(2026, 12, 1, 7, 59, tzinfo=CHINA)) == 2611
    assert month_of(datetime(2026, 12, 1, 8, tzinfo=CHINA)) == 2612


@given(st.dates(date(2020, 1, 1), date(2089, 12, 31)))
def test_an_id_is_safe_in_javascript(day: date) -> None:
    assert first_id_of(day) + PER_MONTH - 1 < SAFE_IN_JAVASCRIPT
    assert first_id_of(day) // PER_MONTH == month_of(datetime(day.year, day.month, day.day, tzinfo=UTC))


@given(st.dates(date(2020, 1, 1), date(2080, 12, 31)), st.integers(1, 40))
def test_months_follow_each_other_without_a_gap(day: date, count: int) -> None:
    months = months_from(day, count)
    assert months[0] == day.replace(day=1)
    assert all(month_before(after, 1) == month for month, after in pairwise(months))
