"""What a person does with a connection or a schedule: pause, resume, test, try now, ask again, give a token."""

from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.access import Token
from hub.audit import record
from hub.connections import pause, resume
from hub.database import ring_after, row, run
from hub.errors import Conflict, NotFound, Unauthorised
from hub.gates import Breaker
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


def try_now(session: Session, actor: Actor, name: str, one: Connection, reason: str, at: datetime) -> None:
    """Let a connection's open breaker make its probe at once: the call that has waited longest is due.

    One whose outcome is unknown keeps its time: before that, a late call of ours may still land.

    Raises: Unauthorised; Malformed without a reason; Conflict when its breaker is not open, when it is paused, or while
    the partner itself wishes no call.
    """
    _check(actor, one)
    said = why(reason)
    gate = row(
        session,
        """select g.breaker, g.open_until, g.not_before, h.paused_at from connection_gate g
           left join connection_health h on h.connection = g.connection
           where g.connection = :name for update of g""",
        name=name,
    )
    if gate is None or gate.breaker != Breaker.OPEN:
        raise Conflict(f"the breaker of {name} is not open: calls pass, or one is just trying", code="breaker_state")
    if gate.paused_at is not None:
        raise Conflict(f"{name} is paused: resume it, then it is tried", code="connection_state")
    if gate.not_before is not None and gate.not_before > at:
        told = f"{gate.not_before:%Y-%m-%d %H:%M:%S %z}"
        raise Conflict(f"{name} itself wishes no call before {told}: that is heeded", code="partner_wish")
    run(session, "update connection_gate set open_until = :at where connection = :name", name=name, at=at)
    run(
        session,
        """update step set run_at = :at where id = (
               select id from step where state = 'pending' and connection = :name and run_at > :at
                 and not exists (select 1 from step due where due.state in ('pending', 'unknown')
                                 and due.connection = :name and due.run_at <= :at)
               order by run_at, id limit 1 for update skip locked)""",
        name=name,
        at=at,
    )
    ring_after(session)
    record(session, at, actor.name, "connection.try_now", f"connection:{name}", reason=said)


def pause_poll(
    session: Session, actor: Actor, name: str, one: Connection, poll: str, reason: str, at: datetime
) -> None:
    """Let a connection not be asked for one thing any more; what it is asked for besides goes on.

    Raises: Unauthorised; Malformed without a reason; NotFound; Conflict when it is paused already.
    """
    _check(actor, one)
    said = why(reason)
    _switch_poll(session, name, poll, to=at)
    record(session, at, actor.name, "poll.pause", f"poll:{name}/{poll}", reason=said)


def resume_poll(
    session: Session, actor: Actor, name: str, one: Connection, poll: str, reason: str, at: datetime
) -> None:
    """Let a connection be asked again for what was paused, from where it had stopped.

    Raises: Unauthorised; Malformed without a reason; NotFound; Conflict when it is not paused.
    """
    _check(actor, one)
    said = why(reason)
    _switch_poll(session, name, poll, to=None)
    record(session, at, actor.name, "poll.resume", f"poll:{name}/{poll}", reason=said)
    ring_after(session)


def pause_schedule(session: Session, actor: Actor, name: str, reason: str, at: datetime) -> None:
    """Let a schedule do nothing until somebody resumes it; a run that is under way ends.

    Raises: Unauthorised; Malformed without a reason; NotFound; Conflict when it is paused already.
    """
    _check_everywhere(actor)
    said = why(reason)
    _switch_schedule(session, name, to=at, actor=actor.name, reason=said)
    record(session, at, actor.name, "schedule.pause", f"schedule:{name}", reason=said)


def resume_schedule(session: Session, actor: Actor, name: str, reason: str, at: datetime) -> None:
    """Let a schedule go on with its next slot; of those that were missed the latest is done once.

    Raises: Unauthorised; Malformed without a reason; NotFound; Conflict when it is not paused.
    """
    _check_everywhere(actor)
    said = why(reason)
    _switch_schedule(session, name, to=None, actor="", reason="")
    record(session, at, actor.name, "schedule.resume", f"schedule:{name}", reason=said)


def _switch_poll(session: Session, connection: str, poll: str, *, to: datetime | None) -> None:
    found = row(
        session,
        "select paused_at from poll where (connection, name) = (:connection, :name) for update",
        connection=connection,
        name=poll,
    )
    _check_switch(f"{connection}/{poll}", found, to)
    run(
        session,
        "update poll set paused_at = :to where (connection, name) = (:connection, :name)",
        connection=connection,
        name=poll,
        to=to,
    )


def _switch_schedule(session: Session, name: str, *, to: datetime | None, actor: str, reason: str) -> None:
    found = row(session, "select paused_at from schedule where name = :name for update", name=name)
    _check_switch(name, found, to)
    run(
        session,
        "update schedule set paused_at = :to, paused_by = :actor, reason = :reason where name = :name",
        name=name,
        to=to,
        actor=actor,
        reason=reason,
    )


def _check_switch(name: str, found: Row[Any] | None, to: datetime | None) -> None:
    if found is None:
        raise NotFound(f"nothing called {name} is done or asked for regularly", code="unknown_schedule")
    paused = found.paused_at is not None
    if paused == (to is not None):
        raise Conflict(f"{name} is {'paused already' if paused else 'not paused'}", code="schedule_state")


def _check_everywhere(actor: Actor) -> None:
    """Stop who may work on some brands or shops only: a schedule serves all of them."""
    actor.require(Permission.BULK)
    if actor.brands or actor.shops:
        raise Unauthorised("a schedule serves every brand and shop: ask a supervisor of all of them", code="forbidden")


def _check(actor: Actor, one: Connection) -> None:
    actor.require(Permission.BULK)
    actor.require_scope(one.brand, one.shop)
