"""Documents made for a location's day: a counter that says when the day is full, whoever plans at the same time."""

from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy.orm import Session

from hub.database import rows

LocationDay = tuple[str, date]
"""A location's code, and the day that its documents count to."""


class DayFull(Exception):
    """Others took the last places of a location's day since they were counted."""


def count_days(session: Session, days: Collection[LocationDay], *, lock: bool) -> Mapping[LocationDay, int]:
    """Give how many documents are made for some days; with `lock` nobody else can make one until this ends."""
    if not days:
        return {}
    codes, dates = [code for code, _ in sorted(days)], [day for _, day in sorted(days)]
    if lock:  # a row that is not there cannot be held still, so it is made
        found = rows(
            session,
            """insert into location_day as held (location, day, documents)
               select location, day, 0
               from unnest(cast(:codes as text[]), cast(:dates as date[])) as new (location, day)
               where exists (select 1 from location where code = new.location)  -- a policy may outlive it
               order by location, day
               on conflict (location, day) do update set documents = held.documents
               returning location, day, documents""",
            codes=codes,
            dates=dates,
        )
    else:
        found = rows(
            session,
            """select location, day, documents from location_day join
                      unnest(cast(:codes as text[]), cast(:dates as date[])) as asked (location, day)
                      using (location, day)""",
            codes=codes,
            dates=dates,
        )
    return {(one.location, one.day): one.documents for one in found}


def take_days(session: Session, taken: Mapping[LocationDay, int], most: Mapping[LocationDay, int]) -> None:
    """Count documents to their days, each of which stays held until the transaction ends; locations by code.

    Raises: DayFull where one would hold more than it may.
    """
    wanted = sorted(day for day, documents in taken.items() if documents)
    if not wanted:
        return
    kept = rows(
        session,
        """insert into location_day as held (location, day, documents)
           select location, day, documents
           from unnest(cast(:codes as text[]), cast(:dates as date[]), cast(:documents as bigint[]),
                       cast(:most as bigint[])) as new (location, day, documents, most)
           where documents <= most
           order by location, day
           on conflict (location, day) do update set documents = held.documents + excluded.documents
           where held.documents + excluded.documents <= (
               select most from unnest(cast(:codes as text[]), cast(:dates as date[]), cast(:most as bigint[]))
                                as limits (location, day, most)
               where (limits.location, limits.day) = (excluded.location, excluded.day))
           returning location""",
        codes=[code for code, _ in wanted],
        dates=[day for _, day in wanted],
        documents=[taken[day] for day in wanted],
        most=[most[day] for day in wanted],
    )
    if len(kept) < len(wanted):
        raise DayFull
