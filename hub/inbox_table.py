"""The tables of the inbox, and its messages as values."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec
from sqlalchemy import Identity, Index, text

from hub.columns import Table, moment, number, one_of, sealed, words


class InboxState(StrEnum):
    RECEIVED = "received"
    DONE = "done"
    REFUSED = "refused"
    PARKED = "parked"
    SUPERSEDED = "superseded"


class Inbox(Table, table=True):
    """One message as it came; partitioned by month of `received_at`.

    `origin_id` is the message that a person edited to make this one.
    """

    __table_args__ = (
        one_of("state", InboxState),
        Index("ix_inbox_due", "kind", "run_at", "id", postgresql_where=text("state = 'received'")),
        Index("ix_inbox_order", "order_id", postgresql_where=text("order_id is not null")),
        Index("ix_inbox_stuck", "connection", "id", postgresql_where=text("state in ('parked', 'refused')")),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )
    id: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    received_at: datetime = moment(primary_key=True)
    connection: str = words()
    kind: str = words()
    message_id: str = words()
    body: bytes = sealed()
    state: str = words()
    run_at: datetime = moment()
    attempts: int = number(default=0)
    order_id: int | None = number(default=None)
    error_code: str = words(default="")
    error: str = words(default="")
    settled_at: datetime | None = moment(default=None)
    origin_id: int | None = number(default=None)


class InboxKey(Table, table=True):
    """What was received already; unpartitioned, because a unique key cannot span partitions by time."""

    connection: str = words(primary_key=True)
    kind: str = words(primary_key=True)
    message_id: str = words(primary_key=True)
    inbox_id: int = number(unique=True)
    received_at: datetime = moment()


class Arrival(NamedTuple):
    """A message that is to be kept: who sent it, the sender's own number for it, its bytes."""

    connection: str
    message_id: str
    body: bytes


class Message(msgspec.Struct, frozen=True):
    """An inbox row, opened; one that is `unwritten` becomes a row when it is settled (`take_in`)."""

    id: int
    received_at: datetime
    connection: str
    kind: str
    message_id: str
    state: str
    attempts: int
    order_id: int | None
    error_code: str
    error: str
    body: bytes
    unwritten: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """What became of a message: the state it settles in, the order it became, or why it became none."""

    message: Message
    state: InboxState
    order_id: int | None = None
    code: str = ""
    error: str = ""
