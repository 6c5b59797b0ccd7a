"""People who work in the console: who they are, what they may do, and how they like to see it."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import CheckConstraint
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import record
from hub.columns import Table, moment, names, one_of, words
from hub.database import row, rows, run
from hub.document import Document
from hub.errors import Conflict, Malformed, NotFound
from hub.roles import Actor, Role

LANGUAGES: Final = ("", "zh", "en")
THEMES: Final = ("auto", "light", "dark")
SHORTEST: Final = 12
"""Characters of a password, at least (NIST SP 800-63B-4 §3.1.1.2 asks for 15 where it stands alone, 8 at the least)."""

LONGEST: Final = 256
"""Characters of a password, at most: hashing more would be work that a stranger can order."""

Theme = Literal["auto", "light", "dark"]

_hasher: Final = PasswordHasher()


class Person(Table, table=True):
    """One person; `password` is an argon2id hash, and empty brands or shops mean all of them."""

    __table_args__ = (
        one_of("language", LANGUAGES),
        one_of("theme", THEMES),
        CheckConstraint("name <> ''", name="named"),
    )
    name: str = words(primary_key=True)
    display: str = words()
    password: str = words()
    roles: list[str] = names()
    brands: list[str] = names()
    shops: list[str] = names()
    active: bool = True
    language: str = words(default="")
    theme: str = words(default="auto")
    created_at: datetime = moment()
    updated_at: datetime = moment()


class PersonView(Document):
    """A person without the password; `language` is empty until one was chosen."""

    name: str
    display: str
    roles: tuple[str, ...]
    brands: tuple[str, ...]
    shops: tuple[str, ...]
    active: bool
    language: str
    theme: Theme

    def actor(self) -> Actor:
        """Give the actor under which this person's acts are recorded and limited."""
        return Actor(
            self.name, frozenset(Role(name) for name in self.roles), frozenset(self.brands), frozenset(self.shops)
        )


VIEW: Final = ", ".join(f"person.{column}" for column in PersonView.model_fields)


def view_of(found: Row[tuple[object, ...]]) -> PersonView:
    """Read the columns of VIEW from a row that may have more."""
    return PersonView.model_validate({column: getattr(found, column) for column in PersonView.model_fields})


def add_person(
    session: Session,
    *,
    name: str,
    password: str,
    roles: Sequence[Role],
    at: datetime,
    display: str = "",
    brands: Sequence[str] = (),
    shops: Sequence[str] = (),
    by: str = "system",
) -> None:
    """Let a person in.

    Raises: Conflict when the name is taken; Malformed for a password or a name that will not do.
    """
    if not name.strip() or name != name.strip() or not roles:
        raise Malformed("a person needs a name without spaces around it, and a role", code="person")
    made = run(
        session,
        """insert into person (name, display, password, roles, brands, shops, active, language, theme,
                               created_at, updated_at)
           values (:name, :display, :password, :roles, :brands, :shops, true, '', 'auto', :at, :at)
           on conflict do nothing""",
        name=name,
        display=display or name,
        password=hash_of(password),
        roles=[str(role) for role in roles],
        brands=list(brands),
        shops=list(shops),
        at=at,
    )
    if not made:
        raise Conflict(f"there is a person {name} already", code="person_exists")
    record(session, at, by, "person.add", f"person:{name}", roles=[str(role) for role in roles])


def hash_of(password: str) -> str:
    """Hash a new password (argon2id, RFC 9106's second recommended options).

    Raises: Malformed when it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise Malformed(f"a password has {SHORTEST} to {LONGEST} characters", code="password_length")
    return _hasher.hash(password)


def find_hash(session: Session, name: str) -> str:
    """Give the hash that a password is checked against; of a name that nobody has, one that takes as long."""
    found = row(session, "select password from person where name = :name and active", name=name)
    return found.password if found else _nobody()


def fits(known: str, password: str) -> bool:
    """Say whether a password is that of a hash. It takes long and needs no database: hold no transaction meanwhile."""
    try:
        return _hasher.verify(known, password[:LONGEST])
    except VerifyMismatchError:
        return False


def find_person(session: Session, name: str) -> PersonView | None:
    found = row(session, f"select {VIEW} from person where name = :name", name=name)
    return view_of(found) if found else None


def list_people(session: Session) -> list[PersonView]:
    return [view_of(found) for found in rows(session, f"select {VIEW} from person order by name")]


def set_password(session: Session, name: str, password: str, by: str, at: datetime) -> None:
    """Give a person another password.

    Raises: NotFound; Malformed.
    """
    _change(session, name, "password = :password", at, password=hash_of(password))
    record(session, at, by, "person.password", f"person:{name}")


def shut_out(session: Session, name: str, by: str, at: datetime) -> None:
    """Let a person in no more; their name stays taken, for the audit log goes on naming them.

    Raises: NotFound.
    """
    _change(session, name, "active = false", at)
    record(session, at, by, "person.revoke", f"person:{name}")


def prefer(session: Session, name: str, at: datetime, *, language: str = "", theme: str = "") -> None:
    """Keep how a person likes to see the console; what is empty stays as it is.

    Raises: Malformed for an unknown wish; NotFound.
    """
    if language not in LANGUAGES or theme not in ("", *THEMES):
        raise Malformed("there is no such language or theme", code="preference")
    wish = "language = coalesce(nullif(:language, ''), language), theme = coalesce(nullif(:theme, ''), theme)"
    _change(session, name, wish, at, language=language, theme=theme)


def _change(session: Session, name: str, what: str, at: datetime, **values: object) -> None:
    changed = run(session, f"update person set {what}, updated_at = :at where name = :name", name=name, at=at, **values)
    if not changed:
        raise NotFound(f"there is no person {name}", code="unknown_person")


@cache
def _nobody() -> str:
    """Give a hash that no password has, to spend the same time on a name that nobody has."""
    return _hasher.hash("nobody's password, never given to anybody")
