"""How far counters are known: the moment of the latest count of each, and of the latest full count of a location."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inventory.counted import CountReport
from hub.inventory.ledger import StockKey


def marks_of(session: Session, keys: Sequence[StockKey], counted_by: str = "") -> Mapping[StockKey, datetime]:
    """Give when each counter was last counted, by itself or with its whole location; one that never was is left out.

    With `counted_by` only by counts of that connection.
    """
    found = rows(
        session,
        """select asked.location, asked.sku, asked.owner, asked.condition,
                  greatest(own.counted_at, room.counted_at) as counted_at
           from unnest(cast(:locations as text[]), cast(:skus as text[]), cast(:owners as text[]),
                       cast(:conditions as text[])) as asked (location, sku, owner, condition)
           left join stock_watermark own on (own.location, own.sku, own.owner, own.condition)
                = (asked.location, asked.sku, asked.owner, asked.condition) and :counted_by in ('', own.connection)
           left join stock_watermark room on (room.location, room.sku, room.owner, room.condition)
                = (asked.location, '', asked.owner, asked.condition) and :counted_by in ('', room.connection)
           where own.location is not null or room.location is not null""",
        counted_by=counted_by,
        **_columns(keys),
    )
    return {StockKey(one.location, one.sku, one.owner, one.condition): one.counted_at for one in found}


def raise_marks(session: Session, keys: Sequence[StockKey], report: CountReport, connection: str) -> None:
    """Write that these counters were counted by a report; a mark never goes back."""
    run(
        session,
        """insert into stock_watermark (location, sku, owner, condition, counted_at, connection, report)
           select distinct location, sku, owner, condition, cast(:counted_at as timestamptz), :connection, :report
           from unnest(cast(:locations as text[]), cast(:skus as text[]), cast(:owners as text[]),
                       cast(:conditions as text[])) as new (location, sku, owner, condition)
           on conflict (location, sku, owner, condition) do update set counted_at = excluded.counted_at,
               connection = excluded.connection, report = excluded.report
           where stock_watermark.counted_at <= excluded.counted_at""",
        counted_at=report.counted_at,
        connection=connection,
        report=report.report,
        **_columns(keys),
    )


def _columns(keys: Sequence[StockKey]) -> dict[str, list[str]]:
    return {
        "locations": [key.location for key in keys],
        "skus": [key.sku for key in keys],
        "owners": [key.owner for key in keys],
        "conditions": [str(key.condition) for key in keys],
    }
