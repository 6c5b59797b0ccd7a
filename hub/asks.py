"""Things to ask the database side by side: what needs no answer of another statement is sent together with it.

A round trip costs more than most statements do. Who asks is a generator that yields statements and is given their
answers, so that each thing to ask stays a function of its own, by itself or beside others.
"""

from collections.abc import Generator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy.orm import Session

from hub.database import METADATA, NUMBERED, Told, send_together


class Ask(NamedTuple):
    """A statement with its named values, which waits to be sent together with others."""

    statement: str
    values: Mapping[str, object] = MappingProxyType({})


T = TypeVar("T")
Asks = Generator[Sequence[Ask], Sequence[Told], T]
"""Something that asks in rounds: it yields statements, is given their answers, and returns what it found."""


def let_go_early() -> Asks[None]:
    """Have the locks of this transaction go when it commits, and not only when that is on disk.

    Others then see what a crash could still undo, and their own commits with it: the log is written in order. So nobody
    may be told of it before `Database.persist`.
    """
    yield [Ask("set local synchronous_commit = off")]


def keep_plans() -> Asks[None]:
    """Have every prepared statement of this transaction run by the plan that it keeps.

    Where few values are asked for, the server takes its plan for any number of them for a dearer one and makes another
    each time. That costs as much as running it; only statements that go by their keys may do without.
    """
    yield [Ask("set local plan_cache_mode = force_generic_plan")]


def inserting(table: str, columns: tuple[str, ...], records: Sequence[Sequence[object]], **alike: object) -> Ask:
    """Ask to have some rows written; by COPY many go faster, but it cannot be sent with others.

    `alike` are the columns that say the same in every row: they are made and sent once.
    """
    values = dict(zip(columns, map(list, zip(*records, strict=True)), strict=True))
    return Ask(_inserting(table, columns, tuple(alike)), {**values, **alike})


def told(session: Session, asking: Asks[T]) -> T:
    """Let one thing ask by itself."""
    [found] = told_at_once(session, asking)
    return found


def told_at_once(session: Session, *askings: Asks[Any]) -> list[Any]:
    """Let several ask side by side: the statements of each round are sent together, in the order of who asks.

    A round trip costs more than most statements do. Raises: whatever one of them raises; then the rest is not asked.
    """
    found: list[Any] = [None] * len(askings)
    answers: dict[int, Sequence[Told] | None] = dict.fromkeys(range(len(askings)))
    while answers:
        asked: dict[int, Sequence[Ask]] = {}
        for no, heard in answers.items():
            try:
                asked[no] = askings[no].send(cast("Any", heard))  # None begins it
            except StopIteration as end:
                found[no] = end.value
        flat = iter(send_together(session, [one for asks in asked.values() for one in asks]))
        answers = {no: [next(flat) for _ in asks] for no, asks in asked.items()}
    return found


@lru_cache(maxsize=256)
def _inserting(table: str, columns: tuple[str, ...], alike: tuple[str, ...] = ()) -> str:
    """Give the statement that writes rows by named values: columns as lists, those that are alike in all rows once."""
    kinds = {name: METADATA.tables[table].c[name].type.compile(NUMBERED) for name in columns + alike}
    into, names = ", ".join(columns + alike), ", ".join(columns)
    lists = ", ".join(f"cast(:{name} as {kinds[name]}[])" for name in columns)
    chosen = ", ".join([*columns, *(f"cast(:{name} as {kinds[name]})" for name in alike)])
    return f"insert into {table} ({into}) select {chosen} from unnest({lists}) as line ({names})"
