"""Tables of sourcing: where goods can come from, every decision with what it was decided on, and brands' policies."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Identity, Index, UniqueConstraint, text
from sqlmodel import Field

from hub.columns import Entity, Table, as_written, moment, names, number, one_of, price, words
from hub.inventory.table import Authority
from hub.sourcing.model import LocationKind
from hub.versions import VersionColumns, VersionState


class Location(Entity, table=True):
    """A place that ships: a warehouse, a store, or a supplier's own, behind one WMS connection.

    `authority` says whose number counts there, unless a counter says otherwise.
    """

    __table_args__ = (
        CheckConstraint("latitude between -90 and 90 and longitude between -180 and 180", name="coordinates"),
        CheckConstraint("handling >= 0", name="handling"),
        one_of("kind", LocationKind),
        one_of("authority", Authority),
    )
    code: str = words(primary_key=True)
    name_zh: str = words()
    name_en: str = words()
    connection: str = words()
    owner: str = words()
    division: str = words()
    street: str = words()
    contact: str = words()
    phone: str = words()
    latitude: Decimal = price()
    longitude: Decimal = price()
    storages: list[str] = names()
    courier: str = words()
    handling: int = number()
    active: bool = True
    kind: str = words(default=LocationKind.WAREHOUSE, sa_column_kwargs={"server_default": "warehouse"})
    bonded: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    authority: str = words(default=Authority.HUB, sa_column_kwargs={"server_default": "hub"})


class RoutingDecision(Table, table=True):
    """One decision: its whole input, so that it replays identically, and its candidates, costs, bound and choice."""

    __table_args__ = (
        Index("ix_routing_decision_decided", "decided_at"),
        {"postgresql_partition_by": "RANGE (order_id)"},
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    decided_at: datetime = moment()
    policy_version: str = words()
    solver_version: str = words()
    input_hash: str = words()
    input: dict[str, Any] = as_written()
    outcome: dict[str, Any] = as_written()
    cost: int = number()
    bound: int = number()


class RoutingPolicy(Entity, VersionColumns, table=True):
    """A version of a brand's sourcing policy as it was written (TOML); without one in force the built-in one holds."""

    __table_args__ = (
        one_of("state", VersionState),
        UniqueConstraint("brand", "label", name="uq_routing_policy_label"),
        Index("uq_routing_policy_in_force", "brand", unique=True, postgresql_where=text("state = 'in_force'")),
    )
    id: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    label: str = words()
    note: str = words(default="")
    content: str = words()


class CalendarDay(Table, table=True):
    """A public holiday of a calendar, or a weekend day on which people work instead of one."""

    calendar: str = words(primary_key=True)
    day: date = Field(primary_key=True)
    works: bool


class LocationDay(Table, table=True):
    """How many documents are made for a day of a location that may have only so many; those that ended still count."""

    __table_args__ = (CheckConstraint("documents >= 0", name="documents"),)
    location: str = words(primary_key=True, foreign_key="location.code")
    day: date = Field(primary_key=True)
    documents: int = number()


class RateCard(Entity, table=True):
    """An edition of a brand's rate card as it was loaded (CSV); a policy names the one that it is sourced by."""

    brand: str = words(primary_key=True)
    edition: str = words(primary_key=True)
    digest: str = words()
    content: str = words()
    loaded_by: str = words()
