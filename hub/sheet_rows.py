"""Rows of a sheet written over into a table whose key is their code, thousands at a time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

import msgspec
from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.database import attempt, copy, run

AT_ONCE: Final = 5_000
"""Rows that one statement changes."""

Made = TypeVar("Made")


def begun_again(session: Session, work: Callable[[], Made]) -> Made:
    """Do all of a sheet, and do it anew where somebody has brought one of its new codes in at this moment.

    Nobody else waits for it but who names the same codes; it waits for those, and finds their rows.
    """
    while True:
        try:
            with attempt(session):
                return work()
        except IntegrityError as error:
            if not isinstance(error.orig, UniqueViolation):
                raise


def write_rows(
    session: Session,
    table: str,
    brand: str,
    new: Sequence[Mapping[str, object]],
    changed: Sequence[Mapping[str, object]],
    at: datetime,
) -> None:
    """Write a brand's new and changed rows, each with its `code` and all by the same columns.

    New ones are written in the order of their codes, so that two sheets do not wait for each other in a circle.
    Raises: IntegrityError for a new code that somebody else has brought in meanwhile.
    """
    if new:
        columns = list(new[0])
        records = [(brand, 1, at, at, *one.values()) for one in sorted(new, key=lambda one: str(one["code"]))]
        copy(session, table, ("brand", "version", "created_at", "updated_at", *columns), records)
    for start in range(0, len(changed), AT_ONCE):
        some = changed[start : start + AT_ONCE]
        columns = [name for name in some[0] if name != "code"]
        run(
            session,
            f"""update {table} set {", ".join(f"{name} = new.{name}" for name in columns)},
                       version = {table}.version + 1, updated_at = :at
                from jsonb_populate_recordset(cast(null as {table}), cast(:rows as jsonb)) as new
                where {table}.code = new.code""",
            at=at,
            rows=msgspec.json.encode(some).decode(),
        )
