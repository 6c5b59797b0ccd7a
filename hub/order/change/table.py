"""Tables of what is changed about orders after they were placed, of the money that it costs and that is given back."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

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


class Charge(StrEnum):
    """What goods that a change adds cost: the difference is paid, given away, or was paid to the channel already."""

    PAY = "pay"
    FREE = "free"
    CHANNEL = "channel"


class DueState(StrEnum):
    OPEN = "open"
    PAID = "paid"
    SET_OFF = "set_off"


class RefundState(StrEnum):
    """Money is due to be given back; somebody who holds it was asked to; then it was given back, or could not be.

    What was set off against an amount still to be paid moves no money.
    """

    DUE = "due"
    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"
    SET_OFF = "set_off"


class PaymentKind(StrEnum):
    """What was paid: all of an order at once, its deposit, the rest of it, or goods that a change has added."""

    FULL = "full"
    DEPOSIT = "deposit"
    BALANCE = "balance"
    DUE = "due"


class OrderRevision(Entity, table=True):
    """What somebody wants changed, and what became of it; `contents` is the new, `former` the old personal part.

    `pieces` to be cancelled by line, `stops` the fulfilment orders that are taken back for it, `target` and `avoid`
    the locations of a new route. `added` are goods that come to the order, with the lines that they became, `charge`
    says who bears them, `was` keeps the order's amounts from before, and `stands` is what its channel is told: what is
    wanted of each line since, and what that comes to.
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
    added: list[Any] = document()
    charge: str = words()
    was: dict[str, int] = document()
    stands: dict[str, Any] = document()
    state: str = words()
    note: str = words(default="")
    settled_at: datetime | None = moment(default=None)


class RefundDue(Entity, table=True):
    """Money to be given back for pieces that were cancelled: Σ of its lines and the freight, in minor units.

    Of the amount `set_off` was not paid yet, so that the rest alone moves; `reference` is the payer's own number of it.
    `parts` are what of that goes back to which payment.
    """

    __table_args__ = (
        CheckConstraint("amount >= 0 and freight >= 0", name="amounts"),
        CheckConstraint("set_off between 0 and amount", name="set_off"),
        one_of("state", RefundState),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    reason: str = words()
    amount: int = number()
    freight: int = number()
    set_off: int = number(default=0)
    state: str = words(default=RefundState.DUE)
    reference: str = words(default="")
    settled_by: str = words(default="")
    settled_at: datetime | None = moment(default=None)
    parts: list[Any] = document()


class OrderPayment(Entity, table=True):
    """What was paid of an order after it was placed, or as its deposit, in minor units.

    Orders that were placed paid have no row of that: hub/order/change/payments.py reads both.
    """

    __table_args__ = (CheckConstraint("amount >= 0", name="amount"), one_of("kind", PaymentKind), BY_ORDER)
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    kind: str = words()
    amount: int = number()
    paid_at: datetime = moment()
    reference: str = words(default="")


class AmountDue(Entity, table=True):
    """What goods cost that a change has added to a paid order; `set_off` of it was paid by what had to go back."""

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("set_off between 0 and amount", name="set_off"),
        one_of("state", DueState),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    revision_no: int = number()
    amount: int = number()
    set_off: int = number(default=0)
    state: str = words()
    reference: str = words(default="")
    settled_by: str = words(default="")
    settled_at: datetime | None = moment(default=None)


class RefundLine(Table, table=True):
    """What one line's cancelled pieces bear: the money, and by number of the reduction what is given back of it."""

    __table_args__ = (CheckConstraint("pieces > 0", name="pieces"), BY_ORDER)
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    line_no: int = number(primary_key=True)
    pieces: int = number()
    amount: int = number()
    reductions: dict[str, int] = document()
