"""Tables of inventory: counters per place and SKU, and the immutable ledger behind them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, text

from hub.columns import Entity, Table, moment, number, one_of, words
from hub.inventory.condition import Condition


class Authority(StrEnum):
    """Whose number counts; an owner's knows nothing of promises that the owner has not heard of."""

    HUB = "hub"
    OWNER = "owner"


class Reason(StrEnum):
    """Why a counter moved.

    Hold, unhold, expire and take are of soft reservations: made, given up, run out, become an order's. When a lot is
    blocked or unblocked no piece moves: the movement says since when more or fewer of them are sold.
    """

    RECEIVE = "receive"
    ALLOCATE = "allocate"
    RELEASE = "release"
    CONSUME = "consume"
    ADJUST = "adjust"
    COUNT = "count"
    HOLD = "hold"
    UNHOLD = "unhold"
    EXPIRE = "expire"
    TAKE = "take"
    BLOCK = "block"
    UNBLOCK = "unblock"
    RETURN = "return"


class StockLevel(Entity, table=True):
    """How many pieces are there and promised: allocated + soft ≤ on_hand + backorder_limit + short, always.

    `soft` is held for carts until their time is over; `safety` is kept back from what channels are promised, and no
    limit to orders that came; `short` is what a count found missing under the promises, and only shrinks otherwise.
    `authority` says whose number counts: the hub's, or the owner's, which is told without what is promised already.
    `incoming` pieces were on their way at `incoming_at`, by the word of the location's partner.
    """

    __table_args__ = (
        one_of("condition", Condition),
        one_of("authority", Authority),
        CheckConstraint("on_hand >= 0 and incoming >= 0 and backorder_limit >= 0 and short >= 0", name="counters"),
        CheckConstraint("allocated >= 0 and soft >= 0 and safety >= 0", name="promises"),
        CheckConstraint("allocated + soft <= on_hand + backorder_limit + short", name="never_oversold"),
        Index("ix_stock_level_sku", "sku", "location"),
        Index("ix_stock_level_short", "location", "sku", postgresql_where=text("short > 0")),
    )
    location: str = words(primary_key=True, foreign_key="location.code")
    sku: str = words(primary_key=True, foreign_key="sku.code")
    owner: str = words(primary_key=True)
    condition: str = words(primary_key=True)
    on_hand: int = number(default=0)
    allocated: int = number(default=0)
    soft: int = number(default=0)
    safety: int = number(default=0)
    incoming: int = number(default=0)
    incoming_at: datetime | None = moment(default=None)
    backorder_limit: int = number(default=0)
    short: int = number(default=0)
    authority: str = words(default="hub")  # as Authority.HUB


class StockMovement(Table, table=True):
    """One change of one counter that the database lets nobody alter; partitioned by its id, which carries the month."""

    __table_args__ = (
        one_of("reason", Reason),
        Index("ix_stock_movement_sku", "sku", "location", "id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )
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
    soft: int = number(default=0)


class StockMovementKey(Table, table=True):
    """Which movements there are already; unpartitioned, for the same cause is booked once."""

    reason: str = words(primary_key=True)
    ref: str = words(primary_key=True)
    location: str = words(primary_key=True)
    sku: str = words(primary_key=True)
    owner: str = words(primary_key=True)
    condition: str = words(primary_key=True)
    movement_id: int = number()
