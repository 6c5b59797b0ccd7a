"""Tables of merging: each shop's policy, recipients by blind index, who waits, and groups that travel together."""

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, Index, text

from hub.columns import Entity, Table, moment, names, number, sealed, words

BY_ORDER: Final = {"postgresql_partition_by": "RANGE (order_id)"}


class MergePolicy(Entity, table=True):
    """Whether a shop's orders wait for others of the same recipient, and how many may travel in one delivery.

    `brands` are those that may travel together; two shops do only where both name the same ones.
    """

    __table_args__ = (
        CheckConstraint("window_min between 1 and 10080", name="window_min"),
        CheckConstraint("most_orders >= 2 and most_grams > 0", name="limits"),
    )
    shop: str = words(primary_key=True)
    active: bool
    window_min: int = number()
    brands: list[str] = names()
    most_orders: int = number()
    most_grams: int = number()
    never: list[str] = names()


class MergeRecipient(Table, table=True):
    """Whom an order goes to, as a blind index; only orders of shops that merge have one."""

    __table_args__ = (BY_ORDER,)
    order_id: int = number(primary_key=True)
    key: bytes = sealed()


class MergeWait(Table, table=True):
    """A fulfilment order that waits for others of its recipient; the row goes when its window closes."""

    __table_args__ = (
        Index("ix_merge_wait_until", "until"),
        Index("ix_merge_wait_key", "key"),
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    key: bytes = sealed()
    until: datetime = moment()


class MergeGroup(Entity, table=True):
    """Fulfilment orders that one document asks a location to ship; it bears the number of the first, the head.

    It was `dissolved` before its location heard of it, or is `over` when nothing of it is open any more.
    """

    __table_args__ = (
        CheckConstraint("ending in ('', 'dissolved', 'over')", name="ending_known"),
        CheckConstraint("(ending = '') = (ended_at is null)", name="ended"),
        {"postgresql_partition_by": "RANGE (id)"},
    )
    id: int = number(primary_key=True)
    location: str = words()
    connection: str = words()
    code: str = words()
    ending: str = words(default="")
    ended_at: datetime | None = moment(default=None)


class MergeMember(Table, table=True):
    """A fulfilment order of a group, in one live group at most; `place` is 1 for the head."""

    __table_args__ = (
        CheckConstraint("place >= 1", name="place"),
        Index("ix_merge_member_group", "group_id"),
        Index("uq_merge_member_live", "order_id", "no", unique=True, postgresql_where=text("left_at is null")),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    group_id: int = number(primary_key=True)
    place: int = number()
    left_at: datetime | None = moment(default=None)
