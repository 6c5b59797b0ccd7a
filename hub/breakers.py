"""What calls ended in, told to the gates of their connections: breakers open and close by it.

closed ─ too many failures in a row ─▶ open ─ after a while ─▶ half_open ─ its one probe succeeds ─▶ closed
▲                          │
└──── the probe fails ─────┘   (each time a longer while)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.gates import Breaker, lock_gates

HASTENED: Final = 10_000
"""How many calls that waited for a partner to come back are due at once when it has; the rest keep their time."""


MOST_DOUBLINGS: Final = 16


@dataclass(frozen=True, slots=True)
class Called:
    """How one call of a connection ended: `failed` when the partner itself was in trouble, None when it was not met.

    `not_before` is until when the partner wishes no call of the whole connection.
    """

    connection: str
    step: int
    token: int
    failed: bool | None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """When a breaker opens: after so many `failures` in a row, for `cool_s` seconds, then twice that and so on."""

    failures: int
    cool_s: float
    longest_cool_s: float


def note_calls(session: Session, called: Sequence[Called], tolerance: Tolerance, at: datetime) -> None:
    """Let the gates hear of a batch of calls: sorted by connection, and none is touched that nothing changes for."""
    by_name: dict[str, list[Called]] = {}
    for one in called:
        by_name.setdefault(one.connection, []).append(one)
    known = {
        one.connection: one
        for one in rows(
            session,
            """select connection, breaker, failures, probe_step, probe_token, opens from connection_gate
               where connection = any(:names)""",
            names=sorted(by_name),
        )
    }
    for name in sorted(by_name):
        gate = known.get(name)
        calls = by_name[name]
        quiet = gate is None or (gate.breaker == Breaker.CLOSED and gate.failures == 0)
        if quiet and not any(one.failed or one.not_before for one in calls):
            continue
        _note(session, name, calls, tolerance, at)


def _note(session: Session, name: str, calls: Sequence[Called], tolerance: Tolerance, at: datetime) -> None:
    (gate,) = lock_gates(session, [name], {}, at)
    wishes = [one.not_before for one in calls if one.not_before is not None]
    breaker, failures, opens, until = gate.breaker, gate.failures, gate.opens, gate.open_until
    for one in calls:
        is_probe = (one.step, one.token) == (gate.probe_step, gate.probe_token)
        if breaker == Breaker.CLOSED:
            if one.failed is None:
                continue
            failures, opens = (failures + 1, opens) if one.failed else (0, 0)
        elif not is_probe:
            continue  # what was under way when it opened says nothing new
        elif one.failed is None:
            breaker, until = Breaker.OPEN, at  # the probe never got there: the next may
            continue
        elif not one.failed:
            breaker, failures, opens, until = Breaker.CLOSED, 0, 0, None
        if one.failed and (breaker != Breaker.CLOSED or failures >= tolerance.failures):
            cool_s = min(tolerance.cool_s * 2 ** min(opens, MOST_DOUBLINGS), tolerance.longest_cool_s)
            breaker, opens, until = Breaker.OPEN, opens + 1, at + timedelta(seconds=cool_s)
    run(
        session,
        """update connection_gate set breaker = :breaker, failures = :failures, opens = :opens, open_until = :until,
               opened_at = case when :breaker = 'closed' then null else coalesce(opened_at, :at) end,
               not_before = greatest(not_before, :wish)
           where connection = :connection""",
        connection=name,
        breaker=breaker,
        failures=failures,
        opens=opens,
        until=until,
        wish=max(wishes, default=None),
        at=at,
    )
    if gate.breaker != Breaker.CLOSED and breaker == Breaker.CLOSED:
        _hasten(session, name, at)


def _hasten(session: Session, connection: str, at: datetime) -> None:
    """Let what only waited for the partner to come back be due: its waits grew while nobody could be reached."""
    run(
        session,
        """update step set run_at = :at where id in (
               select id from step
               where state = 'pending' and connection = :connection and run_at > :at and attempts > 0
               order by run_at limit :limit for update skip locked)""",
        connection=connection,
        at=at,
        limit=HASTENED,
    )
