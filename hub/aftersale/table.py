"""Tables of returns: what somebody wants to send back, by line, and what has arrived of it."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text

from hub.aftersale.status import Fault, ReturnKind, ReturnState
from hub.columns import Entity, Table, document, moment, number, one_of, words

BY_ORDER: Final = {"postgresql_partition_by": "RANGE (order_id)"}


class ReturnCase(Entity, table=True):
    """One return; `code` is its number at the warehouse (`location`, asked over `connection`), which has its own.

    `freight_back` says whether it counts for giving the freight back. `actor` wants it, `decided_by` granted it or not;
    `refunds` are the numbers of the order's refunds that it led to.
    """

    __table_args__ = (
        one_of("kind", ReturnKind),
        one_of("state", ReturnState),
        one_of("fault", Fault),
        Index("ix_return_case_open", "order_id", postgresql_where=text("state in ('requested', 'approved', 'sent')")),
        Index("ix_return_case_listed", "state", "created_at", "order_id", "no"),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    code: str = words()
    kind: str = words()
    state: str = words()
    fault: str = words()
    reason: str = words()
    actor: str = words()
    freight_back: bool
    location: str = words()
    connection: str = words()
    owner: str = words()
    courier: str = words(default="")
    tracking_no: str = words(default="")
    partner_id: str = words(default="")
    decided_by: str = words(default="")
    decided_at: datetime | None = moment(default=None)
    note: str = words(default="")
    refunds: list[int] = document()


class ReturnLine(Table, table=True):
    """Pieces of an order line in a return: asked for, arrived (`damaged` of them not to be sold again), and paid back.

    More than was asked for may arrive; `refunded` pieces are those for which money went back.
    """

    __table_args__ = (
        CheckConstraint("asked >= 0 and damaged between 0 and arrived", name="counters"),
        CheckConstraint("refunded >= 0", name="refunded"),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    line_no: int = number(primary_key=True)
    asked: int = number()
    arrived: int = number(default=0)
    damaged: int = number(default=0)
    refunded: int = number(default=0)


class ReturnReceipt(Entity, table=True):
    """What a location said has arrived, once per document of its own; `goods` as told, `beyond` what is of no line."""

    __table_args__ = (UniqueConstraint("order_id", "no", "document_key"), BY_ORDER)
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    receipt_no: int = number(primary_key=True)
    document_key: str = words()
    location: str = words()
    actor: str = words()
    final: bool
    received_at: datetime = moment()
    goods: list[dict[str, Any]] = document()
    beyond: list[dict[str, Any]] = document()
