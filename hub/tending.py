"""What a person does with a connection: pause it, let it go on, have it tested, ask again, give it a token."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.access import Token
from hub.audit import record
from hub.connections import pause, resume
from hub.database import row
from hub.errors import Conflict, NotFound
from hub.polls import ORDERS, PROBE, hasten_poll, turn_back
from hub.repair import why
from hub.roles import Actor, Permission
from hub.settings import Connection
from hub.tokens import store_token


def pause_for(session: Session, actor: Actor, name: str, one: Connection, reason: str, at: datetime) -> None:
    """Pause a connection with a reason.

    Raises: Unauthorised; Malformed without a reason; Conflict when it is paused already.
    """
    _check(actor, one)
    if not pause(session, name, actor.name, why(reason), at):
        raise Conflict(f"{name} is paused already", code="connection_state")


def resume_for(session: Session, actor: Actor, name: str, one: Connection, reason: str, at: datetime) -> None:
    """Let a paused connection go on with a reason; its case is closed.

    Raises: Unauthorised; Malformed without a reason; Conflict when it is not paused.
    """
    _check(actor, one)
    if not resume(session, name, actor.name, why(reason), at):
        raise Conflict(f"{name} is not paused", code="connection_state")


def ask_for_probe(session: Session, actor: Actor, name: str, one: Connection, at: datetime) -> None:
    """Have the worker make a harmless call, paused or not; the poll `probe` tells how it went.

    Raises: Unauthorised; NotFound when the partner has no such call, or no worker has seen the connection yet.
    """
    _check(actor, one)
    if row(session, "select 1 from poll where (connection, name) = (:connection, :name)", connection=name, name=PROBE):
        hasten_poll(session, name, PROBE, at)
        record(session, at, actor.name, "connection.test", f"connection:{name}")
        return
    raise NotFound(f"{name} offers no test, or no worker has seen it yet", code="no_probe")


def ask_again(
    session: Session, actor: Actor, name: str, one: Connection, since: datetime, reason: str, at: datetime
) -> None:
    """Ask a channel again for all that has changed since a time; what is known already comes to nothing.

    Raises: Unauthorised; Malformed without a reason; Conflict for a time to come; NotFound when it is not asked at all.
    """
    _check(actor, one)
    said = why(reason)
    if since >= at:
        raise Conflict("nothing has changed yet after this moment", code="time_to_come", field="since")
    if not turn_back(session, name, ORDERS, since, at):
        raise NotFound(f"{name} is not asked for orders", code="no_poll")
    record(session, at, actor.name, "connection.ask_again", f"connection:{name}", since=since.isoformat(), reason=said)


def give_token(session: Session, actor: Actor, name: str, one: Connection, token: Token, at: datetime) -> None:
    """Give a connection the token that its platform handed out.

    Raises: Unauthorised; Conflict when it has ended already.
    """
    actor.require(Permission.CONFIGURE)
    actor.require_scope(one.brand, one.shop)
    if token.expires_at <= at:
        raise Conflict(f"this token ended at {token.expires_at:%Y-%m-%d %H:%M:%S %z}", code="token_ended")
    store_token(session, name, token, at)
    record(session, at, actor.name, "connection.token", f"connection:{name}", expires_at=token.expires_at.isoformat())


def _check(actor: Actor, one: Connection) -> None:
    actor.require(Permission.BULK)
    actor.require_scope(one.brand, one.shop)
