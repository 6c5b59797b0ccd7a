"""When a parcel would be there: opening days, calendar and cut-off of the location, then the courier's own days."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, Field

from hub.document import Document
from hub.unfit import Unfit

Weekday = Annotated[int, Field(ge=1, le=7)]

FAR: Final = 60
"""Days to look ahead for one on which a location works."""

EVERY_DAY: Final = (1, 2, 3, 4, 5, 6, 7)
WEEKEND: Final = frozenset({6, 7})


class Calendar(NamedTuple):
    """A country's public holidays, and the weekend days on which people work instead."""

    off: frozenset[date] = frozenset()
    work: frozenset[date] = frozenset()


NO_CALENDAR: Final = Calendar()


class Rest(StrEnum):
    """When couriers rest, so that the day does not count as one of theirs: never, on holidays, on weekends too."""

    NEVER = "never"
    HOLIDAYS = "holidays"
    WEEKENDS = "weekends"


def _local(hour: time) -> time:
    if hour.tzinfo is not None:
        raise Unfit("时刻以业务时区为准，不带时区", "an hour is that of the business zone, and has no offset")
    return hour


Hour = Annotated[time, AfterValidator(_local)]


class Hours(Document):
    """When a location works: ISO weekdays, the days on which it is closed all the same, and its cut-off.

    What is ordered at `cut_off` or later leaves on its next working day; where a location sends at once, from `opens`
    on, it is not asked at another time. One that opens later than its cut-off is open over midnight, and what is
    ordered behind midnight is of the day on which it opened. On a calendar's holidays it is closed unless it does not
    keep them; on a day that people make up for one it works, whatever weekday it is.
    """

    weekdays: tuple[Weekday, ...] = Field(default=EVERY_DAY, min_length=1)
    closed: frozenset[date] = frozenset()
    opens: Hour = time.min
    cut_off: Hour = time.max
    at_once: bool = False
    keeps_holidays: bool = True


def leaves_after(
    hours: Hours, closed: Collection[date], here: datetime, calendar: Calendar = NO_CALENDAR
) -> int | None:
    """Say how many days after `here`, in the business zone, something leaves; None for a location that is not open.

    `closed` are the days on which nobody works, beside the calendar's holidays.
    """
    day = counts_to(hours, closed, here, calendar)
    return None if day is None else max((day - here.date()).days, 0)  # of last night's hours, too, it leaves today


def counts_to(hours: Hours, closed: Collection[date], here: datetime, calendar: Calendar = NO_CALENDAR) -> date | None:
    """Name the location's day that what is ordered at `here` counts to, with arguments as for `leaves_after`."""
    if hours.at_once:
        opened = _opened(hours, here)
        return opened if opened and _works(hours, closed, calendar, opened) else None
    late = here.time() >= hours.cut_off
    ahead = (here.date() + timedelta(days=days) for days in range(int(late), FAR))
    return next((day for day in ahead if _works(hours, closed, calendar, day)), None)


def carried_after(leaves: date, days: int, rest: Rest, calendar: Calendar = NO_CALENDAR) -> int:
    """Say how many days after it leaves something arrives whose courier needs so many days and rests on some.

    Whoever needs no day brings it on the first on which he does not rest.
    """
    if rest is Rest.NEVER:
        return days
    passed, resting = 0, _rests(rest, calendar, leaves)
    while (days or resting) and passed < FAR:
        passed += 1
        resting = _rests(rest, calendar, leaves + timedelta(days=passed))
        days -= bool(days) and not resting
    return passed + days


def arrives(day: str, days: int) -> str:
    """Name the day so many days after another (ISO 8601)."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def _opened(hours: Hours, here: datetime) -> date | None:
    """Name the day whose hours `here` is in."""
    if hours.opens <= hours.cut_off:
        return here.date() if hours.opens <= here.time() < hours.cut_off else None
    if here.time() >= hours.opens:
        return here.date()
    return here.date() - timedelta(days=1) if here.time() < hours.cut_off else None


def _works(hours: Hours, closed: Collection[date], calendar: Calendar, day: date) -> bool:
    if day in hours.closed or day in closed or (hours.keeps_holidays and day in calendar.off):
        return False
    return day.isoweekday() in hours.weekdays or day in calendar.work


def _rests(rest: Rest, calendar: Calendar, day: date) -> bool:
    weekend = rest is Rest.WEEKENDS and day.isoweekday() in WEEKEND and day not in calendar.work
    return weekend or day in calendar.off
