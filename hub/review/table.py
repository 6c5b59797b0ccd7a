"""Tables of the review rules: a row for each version of a rule, which edition is in force, and who is barred."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Identity, Index, text

from hub.columns import Table, document, moment, number, one_of, sealed, words
from hub.versions import VersionColumns, VersionState


class ReviewRule(VersionColumns, table=True):
    """One version of a rule: what it says never changes, only how it stands; no brand or shop means every one."""

    __table_args__ = (
        one_of("state", VersionState),
        CheckConstraint("shop is null or brand is not null", name="shop_has_brand"),
        Index("uq_review_rule_in_force", "name", unique=True, postgresql_where=text("state = 'in_force'")),
        Index("uq_review_rule_draft", "name", unique=True, postgresql_where=text("state = 'draft'")),
    )
    name: str = words(primary_key=True)
    no: int = number(primary_key=True)
    brand: str | None = words(default=None)
    shop: str | None = words(default=None)
    expression: str = words()
    verdict: dict[str, Any] = document()
    why: str = words(default="")


class ReviewEdition(Table, table=True):
    """A number that is another one whenever the rules in force are others; one row, or none before the first."""

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
    id: int = number(primary_key=True, sa_column_kwargs={"autoincrement": False})
    edition: int = number()


class BarredKind(StrEnum):
    PHONE = "phone"
    BUYER = "buyer"
    ADDRESS = "address"


class Barred(Table, table=True):
    """A phone, buyer or address of a brand whose orders the rules look at: by blind index, until a moment if named."""

    __table_args__ = (
        one_of("kind", BarredKind),
        Index("uq_barred", "brand", "kind", "index", unique=True, postgresql_where=text("lifted_at is null")),
    )
    id: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    brand: str = words()
    kind: str = words()
    index: bytes = sealed()
    reason: str = words()
    barred_at: datetime = moment()
    barred_by: str = words()
    until: datetime | None = moment(default=None)
    lifted_at: datetime | None = moment(default=None)
    lifted_by: str = words(default="")
