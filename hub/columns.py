"""Column kinds that every table of the hub is built from, so that one idea has one type."""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, DateTime, LargeBinary, Numeric, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel


def number(**extra: Any) -> Any:
    """An id, a count of minor units or pieces: a bigint."""
    return Field(sa_type=BigInteger, **extra)


def words(**extra: Any) -> Any:
    return Field(sa_type=Text, **extra)


def moment(**extra: Any) -> Any:
    """A point in time, always with its zone and kept in UTC."""
    return Field(sa_type=DateTime(timezone=True), **extra)  # pyright: ignore[reportArgumentType] # SQLModel wants the class; the zone is a parameter


def sealed(**extra: Any) -> Any:
    """Encrypted bytes, or a blind index."""
    return Field(sa_type=LargeBinary, **extra)


def price(**extra: Any) -> Any:
    """A unit price, rate or degree: NUMERIC(20,6)."""
    return Field(sa_type=Numeric(20, 6), **extra)  # pyright: ignore[reportArgumentType] # as above


def document(**extra: Any) -> Any:
    return Field(sa_type=JSONB, **extra)


def as_written(**extra: Any) -> Any:
    """JSON that is kept as it was written, for what is read by row: a third of what a document costs to write."""
    return Field(sa_type=JSON, **extra)


def names(**extra: Any) -> Any:
    return Field(sa_type=ARRAY(Text), **extra)  # pyright: ignore[reportArgumentType] # as above


def one_of(column: str, values: type[StrEnum] | Sequence[str]) -> CheckConstraint:
    """A check that a text column holds one of an enumeration's words."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({words})", name=f"{column}_known")


class Table(SQLModel):
    """A table named for its class: OrderLine is order_line."""

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805 # pyright: ignore[reportIncompatibleVariableOverride] # a class method to SQLAlchemy
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()


class Entity(Table):
    """What every row of a business entity carries besides its own."""

    brand: str = words()
    version: int = number(default=1)
    created_at: datetime = moment()
    updated_at: datetime = moment()
