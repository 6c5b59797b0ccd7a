"""Tables of lots: what warehouses say a counter's pieces are of, what deliveries were told, what is not to be sold."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, text

from hub.columns import Entity, Table, moment, number, one_of, words
from hub.inventory.condition import Condition


class StockLot(Table, table=True):
    """Pieces of a counter that are of one lot: as the warehouse last said at `counted_at`, less what has left since.

    Lots need not add up to what is on hand: what a person or a change without lots takes away is of none. One that
    deliveries have emptied stays known, with nothing on hand, until the counter's lots are told again.
    """

    __table_args__ = (
        one_of("condition", Condition),
        CheckConstraint("on_hand >= 0", name="counters"),
        Index("ix_stock_lot_lot", "sku", "lot"),
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


class NamedLot(Table, table=True):
    """Pieces of a lot that an open delivery is to take: `quantity` as its location was told, `due` that have not left.

    A location may say otherwise: then `due` is of lots that it was not told. Gone when the delivery has ended.
    """

    __table_args__ = (
        one_of("condition", Condition),
        CheckConstraint("quantity >= 0 and due >= 0", name="counters"),
        Index("ix_named_lot_counter", "location", "sku", "owner", "condition"),
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    line_no: int = number(primary_key=True)
    lot: str = words(primary_key=True)
    location: str = words(foreign_key="location.code")
    sku: str = words(foreign_key="sku.code")
    owner: str = words()
    condition: str = words()
    produced_on: date | None = None
    expires_on: date | None = None
    quantity: int = number()
    due: int = number()


class LotBlock(Entity, table=True):
    """A lot of a SKU that is not to be sold, at one location or everywhere (""): who says so, and why.

    It is of the lot, and not of what warehouses say of it: counts come and go, and only who unblocks it ends it.
    """

    sku: str = words(primary_key=True, foreign_key="sku.code")
    lot: str = words(primary_key=True)
    location: str = words(primary_key=True)
    actor: str = words()
    reason: str = words()
