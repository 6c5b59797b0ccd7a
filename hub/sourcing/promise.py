"""When a parcel would be there: opening days and cut-off of the location, then the courier's own days."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from hub.document import Document

Weekday = Annotated[int, Field(ge=1, le=7)]

FAR: Final = 60
"""Days to look ahead for one on which a location works."""

EVERY_DAY: Final = (1, 2, 3, 4, 5, 6, 7)


def _local(hour: time) -> time:
    if hour.tzinfo is not None:
        raise ValueError("an hour is that of the business zone, and has no offset")
    return hour


Hour = Annotated[time, AfterValidator(_local)]


class Hours(Document):
    """When a location works: ISO weekdays, the days on which it is closed all the same, and its cut-off.

    What is ordered at `cut_off` or later leaves on its next working day; where a location sends at once, from `opens`
    on, it is not asked at another time.
    """

    weekdays: tuple[Weekday, ...] = Field(default=EVERY_DAY, min_length=1)
    closed: tuple[date, ...] = ()
    opens: Hour = time.min
    cut_off: Hour = time.max
    at_once: bool = False


def leaves_after(hours: Hours, closed: Collection[date], here: datetime) -> int | None:
    """Say how many days after `here`, in the business zone, something leaves; None for a location that is not open.

    `closed` are the days on which nobody works, such as public holidays.
    """
    today = here.date()
    late = here.time() >= hours.cut_off
    if hours.at_once:
        return 0 if _works(hours, closed, today) and not late and here.time() >= hours.opens else None
    ahead = range(int(late), FAR)
    return next((days for days in ahead if _works(hours, closed, today + timedelta(days=days))), None)


def arrives(day: str, days: int) -> str:
    """Name the day so many days after another (ISO 8601)."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def _works(hours: Hours, closed: Collection[date], day: date) -> bool:
    return day.isoweekday() in hours.weekdays and day not in hours.closed and day not in closed
