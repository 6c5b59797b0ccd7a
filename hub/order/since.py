"""From which id on orders were received since a moment: ids rise with time, so a range of time is a range of ids."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import row
from hub.ids import first_id_of, months_from

HALVES: Final = """
    with recursive halves (low, high) as (
        select cast(:low as bigint), cast(:high as bigint)
        union all
        select case when seen.created_at < :at then seen.id + 1 else low end,
               case when seen.created_at < :at then high else (low + high) / 2 end
        from halves left join lateral (
            select id, created_at from sales_order where id >= (low + high) / 2 and id < high order by id limit 1
        ) seen on true
        where low < high)
    select max(low) as id from halves"""
"""Halves the month's ids until one is left: forty looks into the primary key, however many orders there are."""


def first_id_since(session: Session, at: datetime) -> int:
    """Give an id that orders received before a moment lie below, and those received from then on do not.

    Orders that were placed at the same moment by several processes may lie some places off.
    """
    month, after = months_from(at.astimezone(UTC).date(), 2)
    found = row(session, HALVES, low=first_id_of(month), high=first_id_of(after), at=at)
    return found.id if found else first_id_of(month)
