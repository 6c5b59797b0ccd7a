"""Visits to the console: who is signed in, until when, and how long a name or an address must wait after failures.

A visit ends 12 hours after it was last used and 7 days after it began, and can be ended from outside at any moment.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Network, ip_address
from math import ceil
from typing import Any, Final

from sqlalchemy import Index
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.columns import Table, moment, number, sealed, words
from hub.database import keyring_of, row, rows, run
from hub.people import VIEW, PersonView, view_of

IDLE: Final = timedelta(hours=12)
LONGEST: Final = timedelta(days=7)
SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly the last use is kept: writing it on each request would make every look a change."""

PATIENCE: Final = {"both": 5, "name": 50, "address": 100}
"""Failures within the window before a wait: of a name from one address, of a name from anywhere, of an address.

An address is often a whole office behind one router, and a name alone must not be shut out by anybody who knows it.
"""

WINDOW: Final = timedelta(hours=1)
"""Failures age out one by one over this time: a failure now leaves of those before what is left of the window."""

FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=30)
IPV6_NETWORK: Final = 64
"""Bits of an IPv6 address that are one customer's network: the rest they choose anew as they like."""


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
    """Failures of a name, an address or both, known by blind index only: a mistyped name may be a password."""

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


def note_attempt(session: Session, name: str, address: str, at: datetime) -> timedelta | None:
    """Count a sign-in as failed before it is tried, or say how long it must wait; `note_success` takes it back.

    Attempts at the same time all count: each waits for the rows of the others, and no password is looked at meanwhile.
    """
    subjects = _subjects(session, name, address)
    known = _locked(session, list(subjects.values()), at)
    ends = [one.until for one in known.values() if one.until is not None and one.until > at]
    if ends:
        return max(ends) - at
    for kind, subject in subjects.items():
        failures = _aged(known[subject], at) + 1
        over = failures - PATIENCE[kind]
        run(
            session,
            "update sign_in_wait set failures = :n, last_at = :at, until = :until where subject = :subject",
            n=failures,
            at=at,
            until=at + min(FIRST_WAIT * 2 ** min(over, 12), LONGEST_WAIT) if over >= 0 else None,
            subject=subject,
        )
    return None


def note_success(session: Session, name: str, address: str) -> None:
    """Forget the failures of a name at its address; elsewhere and of others only this attempt is taken back.

    Otherwise who has one account could try others without end.
    """
    subjects = _subjects(session, name, address)
    rows(
        session,
        "select 1 from sign_in_wait where subject = any(:s) order by subject for update",
        s=list(subjects.values()),
    )
    for kind, subject in subjects.items():
        run(
            session,
            """update sign_in_wait set failures = case when :all then 0 else greatest(failures - 1, 0) end,
                   until = null where subject = :subject""",
            all=kind == "both",
            subject=subject,
        )


def _locked(session: Session, subjects: list[bytes], at: datetime) -> dict[bytes, Row[Any]]:
    """Give the rows of some subjects, made where they are missing, and held until the transaction ends."""
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
        """select subject, failures, last_at, until from sign_in_wait
           where subject = any(:subjects) order by subject for update""",
        subjects=subjects,
    )
    return {bytes(one.subject): one for one in found}


def _aged(known: Row[Any], at: datetime) -> int:
    """Give what is left of earlier failures: all of them at once, none after the window."""
    left = 1 - (at - max(known.last_at, known.until or known.last_at)) / WINDOW
    return max(0, min(known.failures, ceil(known.failures * left)))


def forget_visits(session: Session, at: datetime) -> None:
    """Drop visits and failures that are long over."""
    run(session, "delete from console_visit where expires_at < :at", at=at - LONGEST)
    run(session, "delete from sign_in_wait where last_at < :at", at=at - LONGEST)


def _subjects(session: Session, name: str, address: str) -> dict[str, bytes]:
    ring, network = keyring_of(session), _network_of(address)
    told = {"both": f"{len(name)}:{name}{network}", "name": name, "address": network}
    return {kind: ring.index("sign-in", kind, text) for kind, text in told.items()}


def _network_of(address: str) -> str:
    """Give whose an address is: itself, or the network of one of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:  # a socket without one
        return address
    if isinstance(found, IPv4Address):
        return address
    return str(found.ipv4_mapped or IPv6Network((found.packed, IPV6_NETWORK), strict=False))


def _id_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
