"""Tables of gifts: strategies in their versions, what is left of limited ones, who had one, what orders got and why."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, text

from hub.columns import Entity, Table, document, moment, number, one_of, words
from hub.gift.model import EXHAUSTED, GIVEN, HAD, OUT
from hub.versions import VersionState


class GiftStrategy(Entity, table=True):
    """One version of a strategy; of a strategy one is in force at most."""

    __table_args__ = (
        one_of("state", VersionState),
        Index("uq_gift_strategy_in_force", "brand", "name", unique=True, postgresql_where=text("state = 'in_force'")),
        Index("uq_gift_strategy_draft", "brand", "name", unique=True, postgresql_where=text("state = 'draft'")),
    )
    brand: str = words(primary_key=True)
    name: str = words(primary_key=True)
    no: int = number(primary_key=True)
    state: str = words()
    body: dict[str, Any] = document()


class GiftCounter(Table, table=True):
    """How many orders and pieces a limited strategy has given, over all its versions."""

    __table_args__ = (CheckConstraint("orders >= 0 and pieces >= 0", name="counters"),)
    brand: str = words(primary_key=True)
    name: str = words(primary_key=True)
    orders: int = number(default=0)
    pieces: int = number(default=0)


class GiftMember(Table, table=True):
    """Who has had a strategy that gives once to each, and with which order."""

    __table_args__ = (Index("ix_gift_member_order", "order_id"),)
    brand: str = words(primary_key=True)
    name: str = words(primary_key=True)
    subject_id: int = number(primary_key=True)
    order_id: int = number()


class GiftDecision(Table, table=True):
    """What an order got by a strategy whose conditions it met, or why not; `lines` pairs gifts with main lines."""

    __table_args__ = (
        one_of("verdict", (GIVEN, EXHAUSTED, HAD, OUT)),
        {"postgresql_partition_by": "RANGE (order_id)"},
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    brand: str = words()
    strategy: str = words()
    strategy_no: int = number()
    verdict: str = words()
    seen: dict[str, Any] = document()
    times: int = number()
    pieces: int = number()
    counted: bool
    lines: list[Any] = document()
    given_back_at: datetime | None = moment(default=None)
