"""Which SKUs have moved since the last look: no movement is missed, in whatever order transactions commit.

Lots expire at midnight without one: what has expired since the day of the last look has moved as well.

Ids are drawn before their transactions commit, so a look may miss what has a lower number than what it saw. Each span
of numbers is therefore read twice: as soon as it is seen, and once more when it is closed: when every transaction
that could have drawn a number of it is over. Days of sales are added up from closed spans alone, so each movement
counts once.
"""

from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.ids import PER_MONTH, first_id_of, month_before, months_from
from hub.inventory.condition import Condition
from hub.inventory.table import Reason

NAME: Final = "stock"

UNNUMBERED: Final = timedelta(seconds=2)
"""How long a transaction may have drawn a number before it writes its first row, by which PostgreSQL numbers it."""

SALES_KEPT: Final = timedelta(days=35)

SPAN: Final = """(id > :low_1 and id <= :high_1 or id > :low_2 and id <= :high_2 or id > :low_3 and id <= :high_3)"""
"""Ids carry their month, numbers do not: a span of numbers lies in the months before, of and after a moment."""


def take_look(session: Session, at: datetime, zone: str) -> AbstractSet[str] | None:
    """Give the SKUs that have moved or expired, and add closed sales to their days; None when somebody else looks."""
    look = _lock(session, at)
    if look is None:
        return None
    here = _drawn(session)
    moved = _moved(session, look.seen, here, at) | _expired(session, look.day, at.astimezone(ZoneInfo(zone)).date())
    run(session, "update stock_look set seen = :here where name = :name", here=here, name=NAME)
    if look.next_xid is not None and _is_over(session, look.next_xid):
        if look.closed:  # the first time that is all there was, and the sweep's
            moved |= _moved(session, look.closed, look.next_n, at)
        _add_sales(session, look.closed, look.next_n, at, zone)
        run(
            session,
            """update stock_look set closed = next_n, next_n = :here, next_at = :at, next_xid = null
               where name = :name""",
            here=here,
            at=at,
            name=NAME,
        )
    elif look.next_xid is None and at - look.next_at >= UNNUMBERED:
        statement = """update stock_look set next_xid = cast(cast(pg_current_xact_id() as text) as bigint)
                       where name = :name"""
        run(session, statement, name=NAME)
    return moved


def next_slice(session: Session, size: int) -> list[str]:
    """Give the next SKUs of the sweep over all of them, which begins anew behind the last."""
    found = rows(
        session,
        """select code from sku where code > coalesce((select swept from stock_look where name = :name), '')
           order by code limit :size""",
        name=NAME,
        size=size,
    )
    codes = [one.code for one in found]
    last = codes[-1] if len(codes) == size else ""
    run(session, "update stock_look set swept = :last where name = :name", last=last, name=NAME)
    return codes


def forget_sales(session: Session, at: datetime) -> int:
    """Forget days that no days of cover are reckoned from any more."""
    return run(session, "delete from stock_sale where day < :before", before=at - SALES_KEPT)


def _lock(session: Session, at: datetime) -> Any | None:  # noqa: ANN401 # a row
    run(
        session,
        """insert into stock_look (name, seen, closed, next_n, next_at, swept) values (:name, :here, 0, :here, :at, '')
           on conflict do nothing""",
        name=NAME,
        here=_drawn(session),
        at=at,
    )
    return row(session, "select * from stock_look where name = :name for update skip locked", name=NAME)


def _drawn(session: Session) -> int:
    found = row(session, "select last_value from id_serial")
    return found.last_value if found else 0


def _is_over(session: Session, xid: int) -> bool:
    """Say whether every transaction that was open when a look was numbered is over.

    So it is in a restored database, which may number its transactions from below: none of the old ones runs there.
    """
    found = row(
        session,
        """select cast(cast(pg_snapshot_xmin(pg_current_snapshot()) as text) as bigint) as oldest,
                  cast(cast(pg_current_xact_id() as text) as bigint) as own""",
    )
    return bool(found and (found.oldest >= xid or found.own < xid))


def _moved(session: Session, low: int, high: int, at: datetime) -> set[str]:
    if high <= low:
        return set()
    found = rows(session, f"select distinct sku from stock_movement where {SPAN}", **_span(low, high, at))
    return {one.sku for one in found}


def _expired(session: Session, since: date | None, today: date) -> set[str]:
    """Give the SKUs of which lots have expired since a business day, and look no further back from the next on."""
    if since is not None and since >= today:
        return set()
    run(session, "update stock_look set day = :today where name = :name", today=today, name=NAME)
    if since is None:  # what had expired before the first look is the sweep's
        return set()
    statement = "select distinct sku from stock_lot where expires_on > :since and expires_on <= :today and on_hand > 0"
    return {one.sku for one in rows(session, statement, since=since, today=today)}


def _add_sales(session: Session, low: int, high: int, at: datetime, zone: str) -> None:
    run(
        session,
        f"""insert into stock_sale (sku, location, day, pieces)
            select sku, location, date_trunc('day', at, :zone), sum(allocated) from stock_movement
            where {SPAN} and reason in (:allocate, :release) and condition = :condition
              and at >= :since group by 1, 2, 3 order by 1, 2, 3
            on conflict (sku, location, day) do update set pieces = stock_sale.pieces + excluded.pieces""",
        **_span(low, high, at),
        zone=zone,
        allocate=Reason.ALLOCATE,
        release=Reason.RELEASE,
        condition=Condition.SALEABLE,
        since=at - SALES_KEPT,
    )


def _span(low: int, high: int, at: datetime) -> dict[str, int]:
    ids = [first_id_of(month) for month in months_from(month_before(at.date(), 1), 3)]
    bounds = {f"low_{place}": first + min(low, PER_MONTH - 1) for place, first in enumerate(ids, 1)}
    return bounds | {f"high_{place}": first + min(high, PER_MONTH - 1) for place, first in enumerate(ids, 1)}
