"""Table of lots: what warehouses say of the batches that the pieces of a counter are of."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, text

from hub.columns import Table, moment, number, one_of, words
from hub.inventory.condition import Condition


class StockLot(Table, table=True):
    """Pieces of a counter that are of one lot, as the warehouse last said; `counted_at` is when that was so.

    Lots need not add up to what is on hand: goods leave by deliveries that name no lot.
    """

    __table_args__ = (
        one_of("condition", Condition),
        CheckConstraint("on_hand >= 0", name="counters"),
        Index("ix_stock_lot_expiry", "sku", "expires_on", postgresql_where=text("expires_on is not null")),
    )
    location: str = words(primary_key=True, foreign_key="location.code")
    sku: str = words(primary_key=True, foreign_key="sku.code")
    owner: str = words(primary_key=True)
    condition: str = words(primary_key=True)
    lot: str = words(primary_key=True)
    produced_on: date | None = None
    expires_on: date | None = None
    on_hand: int = number()
    counted_at: datetime = moment()
