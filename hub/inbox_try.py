"""Which messages are in hand: whoever dies of one leaves a mark behind, so that it is not tried for ever.

A mark is committed beside the transaction that works on the messages, and goes with that transaction's own commit.
Who finds one on messages that nobody has locked any more knows that the last who had them in hand ended without a word.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ARRAY, BigInteger, Identity
from sqlalchemy.orm import Session
from sqlmodel import Field

from hub.columns import Table, moment, number
from hub.database import aside, row, run

KEPT: Final = timedelta(days=1)
"""How long a mark is kept that nobody found: others have settled what was in hand."""


class InboxTry(Table, table=True):
    """Messages that one worker has in hand; unlogged, for what a crash of the database has ended was no message's."""

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
    id: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    inbox_ids: list[int] = Field(sa_type=ARRAY(BigInteger))  # pyright: ignore[reportArgumentType] # SQLModel wants the class
    began_at: datetime = moment()


def begin_try(session: Session, inbox_ids: Sequence[int], at: datetime) -> tuple[int, list[int]]:
    """Mark messages that this transaction has locked, and give the mark and no suspects.

    Without a mark: those of them that somebody had in hand who ended without a word; their marks are gone.
    """
    with aside(session) as side:
        found = row(
            side,
            """with asked as (select cast(:ids as bigint[]) as ids),
               left_over as (delete from inbox_try using asked where inbox_ids && asked.ids returning inbox_ids),
               stale as (
                   delete from inbox_try using asked where began_at < :stale and not inbox_ids && asked.ids),
               others as (
                   insert into inbox_try (inbox_ids, began_at)
                   select array_agg(one), :at from left_over, unnest(inbox_ids) as one, asked
                   where one <> all(asked.ids) having count(*) > 0),
               mark as (
                   insert into inbox_try (inbox_ids, began_at) select ids, :at from asked
                   where not exists (select 1 from left_over) returning id)
               select coalesce((select id from mark), 0) as mark,
                      array(select distinct one from left_over, unnest(inbox_ids) as one, asked
                            where one = any(asked.ids)) as suspects""",
            ids=list(inbox_ids),
            at=at,
            stale=at - KEPT,
        )
    return (found.mark, found.suspects) if found else (0, [])


def end_try(session: Session, *marks: int) -> None:
    """Take marks away."""
    run(session, "delete from inbox_try where id = any(:marks)", marks=[*marks])
