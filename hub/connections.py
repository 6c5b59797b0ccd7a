"""How each connection fares: when it last worked, what it last said, and whether it is paused.

A connection whose credentials are refused is paused at once: no call of it is tried until a person lets it go on.
A call that began before that and is refused later says nothing of what the person mended: it pauses nothing again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.cases import NewCase, open_cases, resolve
from hub.columns import Table, moment, words
from hub.database import rows, run
from hub.errors import HubError, Misconfigured
from hub.polls import TOKEN, hasten_poll
from hub.tokens import distrust_token

TOKEN_EXPIRED: Final = "token_expired"  # noqa: S105 # an error's code


class ConnectionHealth(Table, table=True):
    """One connection's row, made when something of it is first written."""

    connection: str = words(primary_key=True)
    last_success_at: datetime | None = moment(default=None)
    last_failure_at: datetime | None = moment(default=None)
    last_error_code: str = words(default="")
    last_error: str = words(default="")
    paused_at: datetime | None = moment(default=None)
    paused_by: str = words(default="")
    reason: str = words(default="")
    resumed_at: datetime | None = moment(default=None)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What calls of a connection ended in since it was last written down."""

    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    error_code: str = ""
    error: str = ""


def note_outcomes(session: Session, outcomes: Mapping[str, Outcomes]) -> None:
    """Write down how connections fared, all at once and in the order of their names."""
    for connection, one in sorted(outcomes.items()):
        run(
            session,
            """insert into connection_health (connection, last_success_at, last_failure_at, last_error_code, last_error,
                                              paused_by, reason)
               values (:connection, :success, :failure, :code, :error, '', '')
               on conflict (connection) do update set
                   last_success_at = greatest(connection_health.last_success_at, excluded.last_success_at),
                   last_failure_at = greatest(connection_health.last_failure_at, excluded.last_failure_at),
                   last_error_code = case when excluded.last_failure_at is null
                                          then connection_health.last_error_code else excluded.last_error_code end,
                   last_error = case when excluded.last_failure_at is null
                                     then connection_health.last_error else excluded.last_error end""",
            connection=connection,
            success=one.last_success_at,
            failure=one.last_failure_at,
            code=one.error_code,
            error=one.error,
        )


def pause(
    session: Session, connection: str, actor: str, reason: str, at: datetime, *, began: datetime | None = None
) -> bool:
    """Let nothing of a connection be sent or asked for; say whether it was not paused before.

    `began` is when the call began that is why; where the connection was let go on since then, it stays so.
    """
    changed = run(
        session,
        """insert into connection_health (connection, last_error_code, last_error, paused_at, paused_by, reason)
           values (:connection, '', '', :at, :actor, :reason)
           on conflict (connection) do update set paused_at = :at, paused_by = :actor, reason = :reason
           where connection_health.paused_at is null
             and coalesce(connection_health.resumed_at <= cast(:began as timestamptz), true)""",
        connection=connection,
        actor=actor,
        reason=plain(reason),
        at=at,
        began=began,
    )
    if changed:
        record(session, at, actor, "connection.pause", f"connection:{connection}", reason=plain(reason))
    return bool(changed)


def heed(session: Session, connection: str, brand: str, error: HubError | None, began: datetime, at: datetime) -> None:
    """Do what an error asks of its whole connection: fetch a fresh token, or pause it and call a person once.

    `began` is when the call began that met the error.
    """
    if error is not None and error.code == TOKEN_EXPIRED:
        distrust_token(session, connection, at)
        hasten_poll(session, connection, TOKEN, at)
    if not isinstance(error, Misconfigured):
        return
    if not pause(session, connection, "system", error.message, at, began=began) and connection not in paused(session):
        return
    case = NewCase(
        "connection_paused",
        f"connection:{connection}",
        brand,
        f"{connection}: {error.message}",
        None,
        {"code": error.code},
    )
    open_cases(session, [case], at)


def resume(session: Session, connection: str, actor: str, reason: str, at: datetime) -> bool:
    """Let a connection go on; say whether it was paused. What waited is due at once."""
    changed = run(
        session,
        """update connection_health set paused_at = null, paused_by = '', reason = '', resumed_at = :at
           where connection = :connection and paused_at is not null""",
        connection=connection,
        at=at,
    )
    if changed:
        record(session, at, actor, "connection.resume", f"connection:{connection}", reason=plain(reason))
        resolve(session, f"connection:{connection}", at, actor, plain(reason) or "resumed")
    return bool(changed)


def paused(session: Session) -> Sequence[str]:
    """Name the connections that are paused."""
    found = rows(session, "select connection from connection_health where paused_at is not null order by 1")
    return [one.connection for one in found]
