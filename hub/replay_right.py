"""What whoever confirmed a job may still do: looked up anew with each portion, for a job may go on for days.

A job never does more than was confirmed, and no more than its maker could confirm now.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.people import find_person
from hub.roles import SYSTEM, Actor, Permission, Role
from hub.scope import reach
from hub.settings import Settings

PROGRAM: Final = "api:"
"""What the names begin with of programs that act over the API, behind it their name in the settings."""

TERMINAL: Final = "cli:"
"""What the names begin with of those who act at a terminal of the machine itself: nothing there shuts them out."""


@dataclass(frozen=True, slots=True)
class Right:
    """Under whom a job acts, with no more than it needs, and whose orderless things it may touch."""

    actor: Actor
    connections: Sequence[str]


def right_of(session: Session, job: Row[Any], settings: Settings) -> Right | None:
    """Give what is left of the right that a job was confirmed with; None where nothing of it is left."""
    now = _actor_now(session, job.actor, settings)
    if now is None or not now.may(Permission.BULK):
        return None
    brands, shops = _both(job.brands, now.brands), _both(job.shops, now.shops)
    if brands is None or shops is None:
        return None
    actor = Actor(job.actor, frozenset({Role.SUPERVISOR}), brands, shops)
    mine = reach(actor, settings.connections)
    return Right(actor, [name for name in job.connections if name in mine])


def _actor_now(session: Session, name: str, settings: Settings) -> Actor | None:
    """Give who has this name now, unless they are shut out."""
    if person := find_person(session, name):
        return person.actor() if person.active else None
    if name.startswith(PROGRAM):
        client = settings.operations.get(name.removeprefix(PROGRAM))
        return client and Actor(
            name, frozenset({client.role}), frozenset({client.brand} - {""}), frozenset({client.shop} - {""})
        )
    return Actor(name, SYSTEM.roles) if name == SYSTEM.name or name.startswith(TERMINAL) else None


def _both(confirmed: Collection[str], now: Collection[str]) -> frozenset[str] | None:
    """Give what lies in both scopes, of which an empty one is everything; None when they have nothing in common."""
    if not confirmed or not now:
        return frozenset(confirmed or now)
    return frozenset(confirmed) & frozenset(now) or None
