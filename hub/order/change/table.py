"""Tables of what is changed about orders after they were placed, and of the money that is given back for it."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, Index, text

from hub.columns import Entity, Table, document, moment, names, number, one_of, sealed, words

BY_ORDER: Final = {"postgresql_partition_by": "RANGE (order_id)"}


class ChangeState(StrEnum):
    """A change waits for locations, or for a person who decides; then it is done, in part or not at all."""

    WAITING = "waiting"
    ASKED = "asked"
    APPLIED = "applied"
    PART = "part"
    REFUSED = "refused"


class ChangeSource(StrEnum):
    HUB = "hub"
    CHANNEL = "channel"


class OrderRevision(Entity, table=True):
    """What somebody wants changed, and what became of it; `contents` is the new, `former` the old personal part.

    `pieces` to be cancelled by line, `stops` the fulfilment orders that are taken back for it, `target` and `avoid`
    the locations of a new route.
    """

    __table_args__ = (
        one_of("source", ChangeSource),
        one_of("state", ChangeState),
        Index("ix_order_revision_open", "order_id", postgresql_where=text("state in ('waiting', 'asked')")),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    source: str = words()
    source_revision: int = number()
    actor: str = words()
    reason: str = words()
    kinds: list[str] = names()
    pieces: dict[str, int] = document()
    stops: list[int] = document()
    target: str = words(default="")
    avoid: list[str] = names()
    contents: bytes | None = sealed(default=None)
    former: bytes | None = sealed(default=None)
    state: str = words()
    note: str = words(default="")
    settled_at: datetime | None = moment(default=None)


class RefundDue(Entity, table=True):
    """Money to be given back for pieces that were cancelled: Σ of its lines and the freight, in minor units."""

    __table_args__ = (CheckConstraint("amount >= 0 and freight >= 0", name="amounts"), BY_ORDER)
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    reason: str = words()
    amount: int = number()
    freight: int = number()


class RefundLine(Table, table=True):
    """What one line's cancelled pieces bear: the money, and by number of the reduction what is given back of it."""

    __table_args__ = (CheckConstraint("pieces > 0", name="pieces"), BY_ORDER)
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    line_no: int = number(primary_key=True)
    pieces: int = number()
    amount: int = number()
    reductions: dict[str, int] = document()
