from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sourcing.promise import FAR, Hours, arrives, leaves_after

FRIDAY = datetime(2026, 11, 13, 15, tzinfo=ZoneInfo("Asia/Shanghai"))
WEEK = (1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("hours", "closed", "days"),
    [
        (Hours(), (), 0),
        (Hours(cut_off=time(15)), (), 1),
        (Hours(cut_off=time(15, 1)), (), 0),
        (Hours(weekdays=WEEK, cut_off=time(15)), (), 3),
        (Hours(weekdays=WEEK, cut_off=time(15)), (date(2026, 11, 16),), 4),
        (Hours(weekdays=WEEK, closed=frozenset({date(2026, 11, 13)})), (), 3),
        (Hours(at_once=True, opens=time(9), cut_off=time(21)), (), 0),
        (Hours(at_once=True, opens=time(15, 1)), (), None),
        (Hours(at_once=True, cut_off=time(15)), (), None),
        (Hours(at_once=True, weekdays=(1,)), (), None),
    ],
)
def test_what_is_ordered_on_a_friday_at_three_leaves_so_many_days_later(
    hours: Hours, closed: tuple[date, ...], days: int | None
) -> None:
    assert leaves_after(hours, closed, FRIDAY) == days


@given(st.sets(st.integers(1, 7), min_size=1), st.times(), st.times())
def test_a_later_hour_never_leaves_sooner(weekdays: set[int], cut_off: time, hour: time) -> None:
    hours = Hours(weekdays=tuple(weekdays), cut_off=cut_off)
    early, late = (leaves_after(hours, (), datetime.combine(FRIDAY, at)) for at in (time.min, hour))
    assert early is not None
    assert late is not None
    assert 0 <= early <= late <= 7
    assert late < FAR


def test_a_promise_is_a_day() -> None:
    assert arrives("2026-12-30", 3) == "2027-01-02"
