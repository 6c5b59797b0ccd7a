"""Tables of what partners count: their reports, line by line with the difference, and how far each counter is known."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, text

from hub.columns import Table, document, moment, number, one_of, words


class LineVerdict(StrEnum):
    """What became of a line: taken over, older than what is known, or booked by its delivery's own confirm."""

    TAKEN = "taken"
    OUTDATED = "outdated"
    CONFIRMED = "confirmed"


class StockReport(Table, table=True):
    """One page of a partner's report, and how far it differed from our counters: `drift` adds up the differences.

    Only what it counts can differ from ours; a change is news.
    """

    __table_args__ = (
        CheckConstraint("lines >= 0 and refused >= 0 and differing >= 0 and drift >= 0", name="counts"),
        Index("ix_stock_report_location", "location", "counted_at"),
        Index("ix_stock_report_received_at", "received_at"),
    )
    connection: str = words(primary_key=True)
    report: str = words(primary_key=True)
    page: int = number(primary_key=True)
    pages: int = number()
    brand: str = words()
    location: str = words(foreign_key="location.code")
    counted_at: datetime = moment()
    received_at: datetime = moment()
    lines: int = number()
    refused: int = number()
    differing: int = number()
    drift: int = number()


class StockCount(Table, table=True):
    """One line of a report: what it says (`said`: all pieces, or a change), what we had, and what was booked.

    `counted_at` is of when it speaks: a page of changes may be of several moments. `lots` are the pieces by lot of a
    change that told them.
    """

    __table_args__ = (
        one_of("kind", ("count", "change")),
        one_of("verdict", LineVerdict),
        Index("ix_stock_count_sku", "sku", "location"),
        Index("ix_stock_count_received_at", "received_at"),
        Index(
            "ix_stock_count_changed",
            "location",
            "received_at",
            postgresql_where=text("kind = 'change' and verdict = 'taken'"),
        ),
    )
    connection: str = words(primary_key=True)
    report: str = words(primary_key=True)
    page: int = number(primary_key=True)
    no: int = number(primary_key=True)
    received_at: datetime = moment()
    location: str = words()
    sku: str = words()
    owner: str = words()
    condition: str = words()
    kind: str = words()
    said: int = number()
    was: int = number()
    difference: int = number()
    verdict: str = words()
    lots: dict[str, int] | None = document(default=None)
    counted_at: datetime | None = moment(default=None)


class StockWatermark(Table, table=True):
    """When a counter was last counted, and by which report; a SKU "" is a full count of the location."""

    location: str = words(primary_key=True, foreign_key="location.code")
    sku: str = words(primary_key=True)
    owner: str = words(primary_key=True)
    condition: str = words(primary_key=True)
    counted_at: datetime = moment()
    connection: str = words()
    report: str = words()
