"""Turns at things by name, by advisory locks that end with their transaction."""

from collections.abc import Iterable
from zlib import crc32

from sqlalchemy.orm import Session

from hub.database import rows


def take_turns(session: Session, space: int, names: Iterable[str]) -> None:
    """Wait for whoever has turns at these names (in a `space` of their own), in one order: nobody waits in a circle."""
    marks = sorted({crc32(name.encode()) - 2**31 for name in names})
    statement = "select pg_advisory_xact_lock(:space, mark) from unnest(cast(:marks as int[])) as asked (mark)"
    rows(session, statement, space=space, marks=marks)
