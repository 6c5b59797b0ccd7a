"""Tables of promises ahead: soft reservations, what channels may sell, SKUs in a flash sale, and pre-sales."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, Identity, Index, UniqueConstraint, text

from hub.columns import Entity, Table, moment, number, one_of, sealed, words

EVERYWHERE: Final = ""
"""The location of a quota that is of all locations together."""


class ReservationState(StrEnum):
    """A soft reservation is held until an order takes it, its caller releases it, or its time is over."""

    HELD = "held"
    TAKEN = "taken"
    RELEASED = "released"
    EXPIRED = "expired"


class QuotaMode(StrEnum):
    """How a shop shares a SKU: pieces of its own, a part of what is free, or no more than so many; else all share."""

    EXCLUSIVE = "exclusive"
    PERCENTAGE = "percentage"
    CAP = "cap"


class Reservation(Entity, table=True):
    """Pieces held for a cart until `expires_at`, once per shop and `ref`; `order_id` has taken them, or waits to."""

    __table_args__ = (
        one_of("state", ReservationState),
        UniqueConstraint("shop", "ref"),
        Index("ix_reservation_due", "expires_at", postgresql_where=text("state = 'held'")),
        Index("ix_reservation_order", "order_id", postgresql_where=text("order_id is not null")),
        Index("ix_reservation_settled", "updated_at", postgresql_where=text("state <> 'held'")),
    )
    id: int = number(primary_key=True)
    shop: str = words()
    ref: str = words()
    state: str = words()
    expires_at: datetime = moment()
    order_id: int | None = number(default=None)


class ReservationLine(Table, table=True):
    """Pieces of one counter that a reservation holds."""

    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)
    reservation_id: int = number(primary_key=True, foreign_key="reservation.id")
    no: int = number(primary_key=True)
    location: str = words()
    sku: str = words()
    owner: str = words()
    condition: str = words()
    quantity: int = number()


class ChannelQuota(Entity, table=True):
    """How a shop shares a SKU: `amount` is pieces, or percent; `used` counts what it sold and what its carts hold."""

    __table_args__ = (
        one_of("mode", QuotaMode),
        CheckConstraint("amount >= 0 and used >= 0", name="amounts"),
        CheckConstraint("mode <> 'percentage' or amount <= 100", name="percent"),
        Index("ix_channel_quota_sku", "sku"),
    )
    sku: str = words(primary_key=True, foreign_key="sku.code")
    shop: str = words(primary_key=True)
    location: str = words(primary_key=True, default=EVERYWHERE)
    mode: str = words()
    amount: int = number()
    used: int = number(default=0)


class HotSku(Entity, table=True):
    """A SKU in a flash sale: its reservations are gathered, and a buyer gets `per_buyer` pieces at most (0: any)."""

    __table_args__ = (CheckConstraint("per_buyer >= 0 and queue_limit > 0", name="limits"),)
    sku: str = words(primary_key=True, foreign_key="sku.code")
    sale: str = words()
    per_buyer: int = number(default=0)
    queue_limit: int = number(default=2_000)
    hold_s: int = number(default=900)
    ends_at: datetime | None = moment(default=None)


class HotBuyer(Table, table=True):
    """Which buyer (a blind index) a sale's pieces are of, so that nobody gets more than a sale gives one buyer.

    `reservation_id` is that of the reservation, of the order that took none, or whose cart is forgotten: both are drawn
    from one serial.
    """

    __table_args__ = (
        CheckConstraint("pieces > 0", name="pieces"),
        Index("ix_hot_buyer_sale", "sku", "sale", "buyer_index"),
    )
    reservation_id: int = number(primary_key=True)
    sku: str = words(primary_key=True)
    sale: str = words()
    buyer_index: bytes = sealed()
    pieces: int = number()


class PresaleLimit(Entity, table=True):
    """How many pieces of a SKU may be sold before they arrive, by a shop or by all together ("")."""

    __table_args__ = (CheckConstraint("amount >= 0", name="amount"),)
    sku: str = words(primary_key=True, foreign_key="sku.code")
    shop: str = words(primary_key=True)
    amount: int = number()


class PresoldLine(Table, table=True):
    """Pieces of an order line that were sold before they arrive, until they are allocated or cancelled."""

    __table_args__ = (CheckConstraint("pieces > 0", name="pieces"),)
    order_id: int = number(primary_key=True)
    line_no: int = number(primary_key=True)
    sku: str = words()
    shop: str = words()
    pieces: int = number()


class PresoldCount(Table, table=True):
    """A part of how many pieces of a SKU a shop has sold before they arrive: the sum of its rows is that counter.

    Each change is a row, fewer than none for what counts no more, so that who changes it waits for nobody.
    """

    __table_args__ = (Index("ix_presold_count_sku", "sku", "shop", postgresql_include=["pieces"]),)
    no: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    sku: str = words()
    shop: str = words()
    pieces: int = number()
