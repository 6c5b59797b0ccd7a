"""Tables of stock alerts: thresholds, what is open, and the sales of each day that days of cover are reckoned from."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Identity, Index, text

from hub.columns import Entity, Table, moment, number, one_of, price, words


class AlertKind(StrEnum):
    """Nothing is left; less is left than a threshold or the safety stock; what is left does not last long enough."""

    STOCK_OUT = "stock_out"
    LOW_PIECES = "low_pieces"
    LOW_COVER = "low_cover"


class AlertState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class StockRule(Entity, table=True):
    """When a SKU at a location is short of stock; 0 is no threshold.

    A location "" is all of them together, a SKU "" every SKU of the brand; the nearest rule counts.
    """

    __table_args__ = (CheckConstraint("below_pieces >= 0 and below_days >= 0", name="thresholds"),)
    brand: str = words(primary_key=True)
    sku: str = words(primary_key=True)
    location: str = words(primary_key=True)
    below_pieces: int = number(default=0)
    below_days: int = number(default=0)


class StockAlert(Entity, table=True):
    """One shortage: opened once, closed when it is clearly over; `due` says that its webhook must be sent.

    A person who sees to it has acknowledged it; that closes nothing.
    """

    __table_args__ = (
        one_of("kind", AlertKind),
        one_of("state", AlertState),
        Index("uq_stock_alert_open", "sku", "location", "kind", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_stock_alert_due", "id", postgresql_where=text("due")),
        Index("ix_stock_alert_closed", "closed_at", postgresql_where=text("state = 'closed'")),
    )
    id: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    sku: str = words()
    location: str = words()
    kind: str = words()
    state: str = words()
    pieces: int = number()
    threshold: int = number()
    cover_days: Decimal | None = price(default=None)
    closed_at: datetime | None = moment(default=None)
    due: bool = False
    acknowledged_at: datetime | None = moment(default=None)
    acknowledged_by: str | None = words(default=None)


class StockSale(Table, table=True):
    """Pieces of a SKU that orders took at a location in one day, less what they gave back."""

    __table_args__ = (Index("ix_stock_sale_day", "day"),)
    sku: str = words(primary_key=True)
    location: str = words(primary_key=True)
    day: datetime = moment(primary_key=True)
    pieces: int = number()
