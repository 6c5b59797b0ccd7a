"""Tables of what channels are told of stock: how far the ledger was looked through, one number per shop and SKU."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, text

from hub.columns import Entity, Table, moment, number, words


class StockLook(Table, table=True):
    """How far the movements have been looked through, in numbers of the sequence that their ids are drawn from.

    `seen` is as far as has been read once; up to `closed` nothing can be added any more. `next_n` is what is closed
    next: when `next_xid`, drawn some seconds after `next_at`, is older than every open transaction. `day` is the
    business day up to which lots that have expired were looked for.
    """

    name: str = words(primary_key=True)
    seen: int = number()
    closed: int = number()
    next_n: int = number()
    next_at: datetime = moment()
    next_xid: int | None = number(default=None)
    swept: str = words(default="")
    day: date | None = None


class StockOffer(Entity, table=True):
    """What a channel shall be told of a SKU, and what it was told last (`told`, if ever).

    `version` rises with each number and whenever one is to be told anew, over all SKUs together. `due` says that it
    must be told; `asking` that a call about it may be under way;
    `held` that the guard keeps a zero back; `alone` that it is told by itself, for it was in a batch that was refused.
    `zero_at` is when it last went to zero, `refused` the code of a channel that does not take it.
    """

    __table_args__ = (
        CheckConstraint("offered >= 0", name="offered"),
        Index(
            "ix_stock_offer_due",
            *("connection", "bucket", text("(not told is distinct from offered)"), "updated_at"),
            postgresql_where=text("due"),
        ),
        Index("ix_stock_offer_held", "connection", postgresql_where=text("held")),
        Index("ix_stock_offer_zero", "connection", "zero_at", postgresql_where=text("zero_at is not null")),
        Index("ix_stock_offer_refused", "connection", "refused_at", postgresql_where=text("refused <> ''")),
    )
    connection: str = words(primary_key=True)
    sku: str = words(primary_key=True, foreign_key="sku.code")
    shop: str = words()
    bucket: int = number()
    offered: int = number()
    told: int | None = number(default=None)
    told_at: datetime | None = moment(default=None)
    due: bool = True
    asking: bool = False
    held: bool = False
    alone: bool = False
    zero_at: datetime | None = moment(default=None)
    refused: str = words(default="")
    refused_at: datetime | None = moment(default=None)


class StockGuard(Table, table=True):
    """Whether a shop's zeros are held back, and until when a person has let them pass."""

    connection: str = words(primary_key=True)
    held_at: datetime | None = moment(default=None)
    passed_until: datetime | None = moment(default=None)
