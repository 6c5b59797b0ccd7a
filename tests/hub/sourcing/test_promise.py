from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sourcing.promise import FAR, Hours, arrives, counts_to, leaves_after

FRIDAY = datetime(2026, 11, 13, 15, tzinfo=ZoneInfo("Asia/Shanghai"))
WEEK = (1, 2, 3, 4, 5)
DAY = st.dates(date(2026, 11, 1), date(2026, 11, 30))


def clock(seconds: int) -> time:
    return (FRIDAY.replace(hour=0) + timedelta(seconds=seconds)).time()


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


NIGHT = Hours(at_once=True, opens=time(18), cut_off=time(2))


@pytest.mark.parametrize(
    ("hours", "day", "hour", "counted"),
    [
        (NIGHT, 13, time(17, 59), None),
        (NIGHT, 13, time(18), 13),
        (NIGHT, 14, time(0), 13),
        (NIGHT, 14, time(1, 59), 13),
        (NIGHT, 14, time(2), None),
        (NIGHT.model_copy(update={"weekdays": WEEK}), 14, time(1), 13),
        (NIGHT.model_copy(update={"weekdays": WEEK}), 14, time(19), None),
        (NIGHT.model_copy(update={"weekdays": WEEK}), 16, time(1), None),
        (NIGHT.model_copy(update={"closed": frozenset({date(2026, 11, 13)})}), 14, time(1), None),
        (NIGHT.model_copy(update={"closed": frozenset({date(2026, 11, 14)})}), 14, time(1), 13),
    ],
)
def test_behind_midnight_a_place_is_open_if_it_opened_the_evening_before(
    hours: Hours, day: int, hour: time, counted: int | None
) -> None:
    here = datetime.combine(date(2026, 11, day), hour)  # the 13th is a Friday
    assert counts_to(hours, (), here) == (date(2026, 11, counted) if counted else None)
    assert leaves_after(hours, (), here) == (0 if counted else None)


SECOND = st.integers(0, 24 * 3600 - 1)


@given(st.sets(st.integers(1, 7), min_size=1), st.frozensets(DAY), SECOND, SECOND, DAY, SECOND)
def test_hours_over_midnight_are_those_of_a_clock_that_is_set_back(
    weekdays: set[int], closed: frozenset[date], opens: int, cut_off: int, day: date, second: int
) -> None:
    cut_off, opens = sorted((cut_off, opens))
    over = Hours(weekdays=tuple(weekdays), closed=closed, at_once=True, opens=clock(opens), cut_off=clock(cut_off))
    within = over.model_copy(update={"opens": clock(opens - cut_off), "cut_off": time.max})
    here = datetime.combine(day, clock(second))
    expected = counts_to(within, (), here - timedelta(seconds=cut_off)) if opens > cut_off else None
    assert counts_to(over, (), here) == expected
    assert (leaves_after(over, (), here) is None) is (expected is None)


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
