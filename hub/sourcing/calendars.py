"""Calendars of public holidays, one for each country, loaded year by year from TOML."""

import tomllib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator
from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import rows, run
from hub.document import Document, Text
from hub.errors import Malformed, NotFound
from hub.language import Words
from hub.roles import Actor, Permission
from hub.sourcing.dotted import MOST as DEEPEST
from hub.sourcing.dotted import too_deep
from hub.sourcing.promise import Calendar
from hub.unfit import Unfit, malformed

LONGEST: Final = 100_000
"""Characters of a year's file."""

Days = Annotated[tuple[date, ...], Field(max_length=366)]


class CalendarFile(Document):
    """One year of a calendar: the days `off`, and the weekend days on which people `work` instead."""

    calendar: Annotated[Text, StringConstraints(pattern=r"^[a-z][a-z0-9.-]{0,39}$")]
    year: Annotated[int, Field(ge=2000, le=2200, strict=True)]
    off: Days = ()
    work: Days = ()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if {*self.off} & {*self.work}:
            raise Unfit("同一天不能既休又上班", "a day is off or worked, not both")
        if len({*self.off}) < len(self.off) or len({*self.work}) < len(self.work):
            raise Unfit("有日期重复", "a day is named twice")
        if not self.off and not self.work:
            raise Unfit("没有写任何日期", "no day is named")
        if any(day.year != self.year for day in (*self.off, *self.work)):
            raise Unfit("有日期不属于该年", "a day is of another year")
        return self


class CalendarYear(Document):
    """A year of a calendar that is loaded, with how many days are off and how many are worked instead."""

    calendar: str
    year: int
    off: int
    work: int


def load_calendar(session: Session, actor: Actor, content: str, at: datetime) -> CalendarFile:
    """Keep a year of a calendar instead of what was said of that year; policies that name it go by it from then on.

    Raises: Malformed; Unauthorised, also for who may not configure all brands.
    """
    actor.require(Permission.CONFIGURE)
    actor.require_scope("", "")
    read = read_calendar(content)
    run(
        session,
        "delete from calendar_day where calendar = :calendar and extract(year from day) = :year",
        calendar=read.calendar,
        year=read.year,
    )
    run(
        session,
        """insert into calendar_day (calendar, day, works)
           select :calendar, day, works
           from unnest(cast(:days as date[]), cast(:works as boolean[])) as new (day, works)
           on conflict (calendar, day) do update set works = excluded.works""",
        calendar=read.calendar,
        days=[*read.off, *read.work],
        works=[*[False for _ in read.off], *[True for _ in read.work]],
    )
    record(session, at, actor.name, "calendar.load", f"calendar:{read.calendar}", year=read.year)
    return read


def read_calendar(content: str) -> CalendarFile:
    """Read a year of a calendar.

    Raises: Malformed with code malformed_calendar.
    """
    if too_deep(content):
        text, zh = f"the calendar's keys have at most {DEEPEST} parts", f"日历的键最多 {DEEPEST} 级"
        raise Malformed(text, code="malformed_calendar", zh=zh)
    try:
        return CalendarFile.model_validate(tomllib.loads(content))
    except ValidationError as error:
        raise malformed(error, "malformed_calendar", of=Words("日历的 ", "the calendar's "), whole="file") from error
    except (ValueError, RecursionError) as error:
        text, zh = f"the calendar is no TOML: {error}", f"日历不是有效的 TOML：{error}"
        raise Malformed(text, code="malformed_calendar", zh=zh) from error


def get_calendar(session: Session, name: str) -> Calendar:
    """Give a calendar with all its years.

    Raises: NotFound.
    """
    found = rows(session, "select day, works from calendar_day where calendar = :name", name=name)
    if not found:
        raise NotFound(f"there is no calendar {name}", code="unknown_calendar")
    off = frozenset([one.day for one in found if not one.works])
    return Calendar(off, frozenset([one.day for one in found if one.works]))


def list_calendars(session: Session) -> Sequence[CalendarYear]:
    """Give the years of all calendars, the latest first."""
    found = rows(
        session,
        """select calendar, extract(year from day)::int as year, count(*) filter (where not works)::int as off,
                  count(*) filter (where works)::int as work
           from calendar_day group by 1, 2 order by 1, 2 desc""",
    )
    return [CalendarYear(calendar=one.calendar, year=one.year, off=one.off, work=one.work) for one in found]
