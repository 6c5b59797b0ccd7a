"""Tables of inventory: counters per place and SKU, and the immutable ledger behind them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index

from hub.columns import Entity, Table, moment, number, one_of, words


class Condition(StrEnum):
    SALEABLE = "saleable"
    DAMAGED = "damaged"


class Reason(StrEnum):
    """Why a counter moved."""

    RECEIVE = "receive"
    ALLOCATE = "allocate"
    RELEASE = "release"
    CONSUME = "consume"
    ADJUST = "adjust"


class StockLevel(Entity, table=True):
    """How many pieces are there and promised: 0 ≤ allocated ≤ on_hand + backorder_limit + short, always."""

    __table_args__ = (
        one_of("condition", Condition),
        CheckConstraint("on_hand >= 0 and incoming >= 0 and backorder_limit >= 0 and short >= 0", name="counters"),
        Index("ix_stock_level_sku", "sku", "location"),
        CheckConstraint("allocated between 0 and on_hand + backorder_limit + short", name="never_oversold"),
    )
    location: str = words(primary_key=True, foreign_key="location.code")
    sku: str = words(primary_key=True, foreign_key="sku.code")
    owner: str = words(primary_key=True)
    condition: str = words(primary_key=True)
    on_hand: int = number(default=0)
    allocated: int = number(default=0)
    incoming: int = number(default=0)
    backorder_limit: int = number(default=0)
    short: int = number(default=0)
    authority: str = words(default="hub")


class StockMovement(Table, table=True):
    """One change of one counter, never altered; partitioned by its id, which carries its month."""

    __table_args__ = (one_of("reason", Reason), {"postgresql_partition_by": "RANGE (id)"})
    id: int = number(primary_key=True)
    at: datetime = moment()
    reason: str = words()
    ref: str = words()
    location: str = words()
    sku: str = words()
    owner: str = words()
    condition: str = words()
    on_hand: int = number()
    allocated: int = number()


class StockMovementKey(Table, table=True):
    """Which movements there are already; unpartitioned, for the same cause is booked once."""

    reason: str = words(primary_key=True)
    ref: str = words(primary_key=True)
    location: str = words(primary_key=True)
    sku: str = words(primary_key=True)
    owner: str = words(primary_key=True)
    condition: str = words(primary_key=True)
    movement_id: int = number()
