"""The audit log: plain rows written with what they tell of, chained by one sealer so that no change goes unseen."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Identity, Index, text
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.columns import Table, document, moment, number, sealed, words
from hub.database import copy, keyring_of, row, rows, run

LOCK: Final = 7002
"""The advisory lock of the one sealer."""

DIGITS: Final = re.compile(r"\d[\d -]{5,}\d")

UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What jsonb cannot keep or no page can show."""

START: Final = b"start of chain"


class AuditEntry(Table, table=True):
    """Who did what to what; `place` and `seal` are empty until the sealer has chained it."""

    __table_args__ = (
        Index("ix_audit_entry_subject", "subject", "id"),
        Index("ix_audit_entry_unsealed", "id", postgresql_where=text("place is null")),
    )
    id: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    at: datetime = moment()
    actor: str = words()
    act: str = words()
    subject: str = words()
    detail: dict[str, object] = document()
    place: int | None = number(default=None, unique=True)
    seal: bytes | None = sealed(default=None)


def plain(reason: str) -> str:
    """Take numbers that could be a phone, a card or an account out of a reason, and what is no text at all.

    The log can never forget.
    """
    return DIGITS.sub("…", UNPRINTABLE.sub("", reason))[:200]


def record(session: Session, at: datetime, actor: str, act: str, subject: str, **detail: object) -> None:
    """Write one line; `subject` is like order:2611000000000042, and no detail may be personal."""
    record_all(session, at, actor, act, [(subject, detail)])


def record_all(
    session: Session, at: datetime, actor: str, act: str, subjects: Sequence[tuple[str, Mapping[str, object]]]
) -> None:
    """Write one line for each subject of an act on many."""
    columns = ("at", "actor", "act", "subject", "detail")
    copy(
        session,
        "audit_entry",
        columns,
        [(at, actor, act, name, msgspec.json.encode(detail).decode()) for name, detail in subjects],
    )


def seal(session: Session, limit: int = 5_000) -> int:
    """Chain the entries that have been committed since; give how many. Another sealer at work means none."""
    free = row(session, "select pg_try_advisory_xact_lock(:lock) as free", lock=LOCK)
    if free is None or not free.free:
        return 0
    last = row(session, "select place, seal from audit_entry where place is not null order by place desc limit 1")
    number, link = (last.place, bytes(last.seal)) if last else (0, START)
    ring = keyring_of(session)
    entries = rows(
        session,
        """select id, at, actor, act, subject, detail from audit_entry where place is null order by id limit :limit""",
        limit=limit,
    )
    for entry in entries:
        number, link = number + 1, ring.chain(link, _text(entry, number + 1))
        run(session, "update audit_entry set place = :n, seal = :seal where id = :id", n=number, seal=link, id=entry.id)
    return len(entries)


def first_break(session: Session) -> int | None:
    """Walk the chain and give the place of the first entry that was changed, removed or put in; None when whole."""
    ring, link, expected = keyring_of(session), START, 1
    statement = """select id, at, actor, act, subject, detail, place, seal from audit_entry
                   where place is not null order by place"""
    for entry in rows(session, statement):
        link = ring.chain(link, _text(entry, entry.place))
        if entry.place != expected or bytes(entry.seal) != link:
            return expected
        expected += 1
    return None


def _text(entry: Row[Any], number: int) -> bytes:
    fields = [number, entry.id, entry.at.isoformat(), entry.actor, entry.act, entry.subject, entry.detail]
    return json.dumps(fields, sort_keys=True, ensure_ascii=False).encode()
