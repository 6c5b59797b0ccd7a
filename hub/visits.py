"""Visits to the console: who is signed in, until when, and how long a name or an address must wait after failures.

A visit ends 12 hours after it was last used and 7 days after it began, and can be ended from outside at any moment.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Index
from sqlalchemy.orm import Session

from hub.columns import Table, moment, number, sealed, words
from hub.database import keyring_of, row, rows, run
from hub.people import VIEW, PersonView, view_of

IDLE: Final = timedelta(hours=12)
LONGEST: Final = timedelta(days=7)
SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly the last use is kept: writing it on each request would make every look a change."""

PATIENCE: Final = {"name": 5, "address": 20}
"""Failures before a wait. An address is often a whole office behind one router, so it gets more."""

FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=30)
FORGOTTEN_AFTER: Final = timedelta(hours=2)


class ConsoleVisit(Table, table=True):
    """One signed-in browser; `id` is the SHA-256 of its cookie, so that a copy of the table opens nothing."""

    __table_args__ = (Index("ix_console_visit_person", "person"), Index("ix_console_visit_expiry", "expires_at"))
    id: bytes = sealed(primary_key=True)
    person: str = words(foreign_key="person.name")
    created_at: datetime = moment()
    seen_at: datetime = moment()
    expires_at: datetime = moment()
    revoked_at: datetime | None = moment(default=None)
    notice: str = words(default="")


class SignInWait(Table, table=True):
    """Failures of one name or address in a row, known by its blind index only: a mistyped name may be a password."""

    __table_args__ = (Index("ix_sign_in_wait_last", "last_at"),)
    subject: bytes = sealed(primary_key=True)
    failures: int = number(default=0)
    last_at: datetime = moment()
    until: datetime | None = moment(default=None)


def begin_visit(session: Session, person: str, at: datetime) -> str:
    """Begin a visit and give the token for its cookie; it is never seen again."""
    token = secrets.token_urlsafe(32)
    run(
        session,
        """insert into console_visit (id, person, created_at, seen_at, expires_at, notice)
           values (:id, :person, :at, :at, :expires, '')""",
        id=_id_of(token),
        person=person,
        at=at,
        expires=at + LONGEST,
    )
    return token


def find_visit(session: Session, token: str, at: datetime, *, used: bool = True) -> tuple[PersonView, str] | None:
    """Give who is signed in under a token and what they are still to be told; `used` puts the idle end off."""
    found = row(
        session,
        f"""select {VIEW}, visit.seen_at, visit.notice from console_visit visit
            join person on person.name = visit.person and person.active
            where visit.id = :id and visit.revoked_at is null and visit.expires_at > :at and visit.seen_at > :idle""",
        id=_id_of(token),
        at=at,
        idle=at - IDLE,
    )
    if found is None:
        return None
    if used and found.seen_at < at - SEEN_EVERY:
        run(session, "update console_visit set seen_at = :at where id = :id", at=at, id=_id_of(token))
    return view_of(found), found.notice


def leave_notice(session: Session, token: str, notice: str) -> None:
    """Keep what the next page of a visit tells; an empty one takes it away."""
    run(session, "update console_visit set notice = :notice where id = :id", notice=notice, id=_id_of(token))


def end_visit(session: Session, token: str, at: datetime) -> None:
    run(
        session,
        "update console_visit set revoked_at = :at where id = :id and revoked_at is null",
        at=at,
        id=_id_of(token),
    )


def end_visits(session: Session, person: str, at: datetime) -> int:
    """End every visit of a person; give how many."""
    return run(
        session,
        "update console_visit set revoked_at = :at where person = :person and revoked_at is null",
        at=at,
        person=person,
    )


def wait_of(session: Session, name: str, address: str, at: datetime) -> timedelta | None:
    """Say how long a sign-in must wait, if it must.

    Others of this name or address wait until this transaction ends, so that failures at the same time all count.
    """
    subjects = sorted(_subjects(session, name, address))
    run(
        session,
        """insert into sign_in_wait (subject, failures, last_at)
           select subject, 0, :at from unnest(cast(:subjects as bytea[])) as new (subject) order by 1
           on conflict do nothing""",
        subjects=subjects,
        at=at,
    )
    found = rows(
        session,
        "select until from sign_in_wait where subject = any(:subjects) order by subject for update",
        subjects=subjects,
    )
    ends = [one.until for one in found if one.until is not None and one.until > at]
    return max(ends) - at if ends else None


def note_failure(session: Session, name: str, address: str, at: datetime) -> None:
    """Count a failed sign-in; from the limit on, each doubles the wait. What lies long back is forgotten."""
    for subject, patience in zip(_subjects(session, name, address), PATIENCE.values(), strict=True):
        found = row(session, "select failures, last_at from sign_in_wait where subject = :s", s=subject)
        before = found.failures if found and found.last_at > at - FORGOTTEN_AFTER else 0
        over = before + 1 - patience
        run(
            session,
            "update sign_in_wait set failures = :n, last_at = :at, until = :until where subject = :subject",
            n=before + 1,
            at=at,
            until=at + min(FIRST_WAIT * 2 ** min(over, 12), LONGEST_WAIT) if over >= 0 else None,
            subject=subject,
        )


def note_success(session: Session, name: str) -> None:
    """Forget a name's failures; its address keeps them, or who has one account could try others without end."""
    subject = keyring_of(session).index("sign-in", "name", name)
    run(session, "update sign_in_wait set failures = 0, until = null where subject = :subject", subject=subject)


def forget_visits(session: Session, at: datetime) -> None:
    """Drop visits and failures that are long over."""
    run(session, "delete from console_visit where expires_at < :at", at=at - LONGEST)
    run(session, "delete from sign_in_wait where last_at < :at", at=at - LONGEST)


def _subjects(session: Session, name: str, address: str) -> tuple[bytes, bytes]:
    ring = keyring_of(session)
    return ring.index("sign-in", "name", name), ring.index("sign-in", "address", address)


def _id_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
