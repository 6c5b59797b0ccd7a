"""The gate of each connection: how many of its calls may be made now, whoever makes them.

A gate has a token bucket for the partner's rate limit, a bulkhead for the calls at once, and a circuit breaker.
All of it lies in PostgreSQL, so that it holds for every process together. A gate without limits and with a closed
breaker is read without a lock and never written; outcomes are written once per batch (hub/breakers.py).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.columns import Table, moment, number, one_of, price, words
from hub.database import rows, run
from hub.settings import Connection

CLAIMABLE: Final = "state in ('pending', 'unknown', 'in_flight')"
"""Of a step: the head of a lane that a worker may take once it is due."""


class Breaker(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class ConnectionGate(Table, table=True):
    """One connection's gate, made when it first holds something back.

    `failures` counts those in a row, `opens` how often the breaker opened since the last success; `probe_step` and
    `probe_token` name the one call that is let through a half-open breaker, until `open_until`.
    """

    __table_args__ = (one_of("breaker", Breaker),)
    connection: str = words(primary_key=True)
    tokens: Decimal = price(default=Decimal(0))
    refilled_at: datetime = moment()
    not_before: datetime | None = moment(default=None)
    breaker: str = words(default=Breaker.CLOSED)
    failures: int = number(default=0)
    opens: int = number(default=0)
    opened_at: datetime | None = moment(default=None)
    open_until: datetime | None = moment(default=None)
    probe_step: int | None = number(default=None)
    probe_token: int | None = number(default=None)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a connection's calls keep to: calls a second (a `burst` may be saved up) and calls at once; None is free."""

    rate_per_s: float | None = None
    burst: int = 1
    at_once: int | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many calls of a connection may be claimed now; `probing` says that it is the breaker's one probe."""

    places: int
    restricted: bool = False
    probing: bool = False


FREE: Final = Limit()


def limit_of(connection: Connection) -> Limit:
    """Give the limits that a connection's settings name."""
    return Limit(connection.rate_per_s, connection.burst, connection.at_once)


def limits_of(connections: Mapping[str, Connection]) -> dict[str, Limit]:
    """Give the limits of those connections that have any."""
    limits = {name: limit_of(one) for name, one in connections.items()}
    return {name: one for name, one in limits.items() if one.rate_per_s is not None or one.at_once is not None}


HEADS: Final = f"""
    head as (
        (select connection, run_at from step where {CLAIMABLE} order by connection, run_at, id limit 1)
        union all
        select next.connection, next.run_at from head cross join lateral (
            select connection, run_at from step where {CLAIMABLE} and connection > head.connection
            order by connection, run_at, id limit 1) next)"""
"""The first live call of each connection, found by jumping from head to head in the index, whatever their backlog."""

DUE: Final = f"""
    with recursive {HEADS}
    select head.connection, g.breaker, g.not_before from head
    left join connection_gate g on g.connection = head.connection
    left join connection_health h on h.connection = head.connection
    where head.run_at <= :at and h.paused_at is null order by head.run_at, head.connection"""
"""Connections with due calls, the longest waiting first, and what their gates say."""


def allowances(
    session: Session, limits: Mapping[str, Limit], at: datetime, *, among: Collection[str] | None = None
) -> dict[str, Allowance]:
    """Say how many calls of each connection with due ones may be claimed; gates that hold back stay locked.

    `among` names the only connections that matter.
    """
    found = {one.connection: one for one in rows(session, DUE, at=at)}
    if among is not None:
        found = {name: one for name, one in found.items() if name in among}
    allowed = {
        name: Allowance(_NO_LIMIT) for name, one in found.items() if not _restricted(one, limits.get(name, FREE))
    }
    restricted = sorted(found.keys() - allowed.keys())
    if restricted:
        for gate in lock_gates(session, restricted, limits, at):
            allowed[gate.connection] = _allowance(gate, limits.get(gate.connection, FREE), at)
    return {name: one for name, one in allowed.items() if one.places > 0}


_NO_LIMIT: Final = 1_000_000


def _restricted(one: Row[Any], limit: Limit) -> bool:
    held = one.breaker not in {None, Breaker.CLOSED} or one.not_before is not None
    return held or limit.rate_per_s is not None or limit.at_once is not None


def lock_gates(session: Session, names: Sequence[str], limits: Mapping[str, Limit], at: datetime) -> Sequence[Row[Any]]:
    """Lock these gates in the order of their names, making those that are missing, and count what is under way.

    A call whose lease and grace are over is not: else what dead workers left would hold its places for ever.
    """
    bursts = [limits.get(name, FREE).burst for name in names]
    run(
        session,
        """insert into connection_gate (connection, tokens, refilled_at, breaker, failures, opens)
           select connection, burst, :at, 'closed', 0, 0
           from unnest(cast(:names as text[]), cast(:bursts as bigint[])) as new (connection, burst)
           where not exists (select 1 from connection_gate g where g.connection = new.connection)
           order by 1 on conflict do nothing""",
        names=list(names),
        bursts=bursts,
        at=at,
    )
    return rows(
        session,
        """with gate as (select * from connection_gate where connection = any(:names) order by connection for update)
           select gate.*, (select count(*) from step where state = 'in_flight' and run_at > :at
                           and connection = gate.connection) as under_way
           from gate order by connection""",
        names=list(names),
        at=at,
    )


def _allowance(gate: Row[Any], limit: Limit, at: datetime) -> Allowance:
    if gate.not_before is not None and gate.not_before > at:
        return Allowance(0)
    places = _NO_LIMIT
    if limit.rate_per_s is not None:
        places = min(places, int(refilled(gate.tokens, gate.refilled_at, limit, at)))
    if limit.at_once is not None:
        places = min(places, limit.at_once - gate.under_way)
    if gate.breaker == Breaker.CLOSED:
        return Allowance(places, restricted=True)
    if gate.open_until is not None and gate.open_until > at:
        return Allowance(0)
    return Allowance(min(places, 1), restricted=True, probing=True)


def refilled(tokens: Decimal, since: datetime, limit: Limit, at: datetime) -> float:
    """Give what a bucket holds at a time; one that is looked at with an older time is left as it is."""
    saved = float(tokens) + max(0.0, (at - since).total_seconds()) * (limit.rate_per_s or 0)
    return min(float(limit.burst), saved)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was claimed through a restricted gate: how many calls, and the last of them."""

    connection: str
    calls: int
    step: int
    token: int
    probing: bool


def take_places(
    session: Session, taken: Sequence[Taken], limits: Mapping[str, Limit], at: datetime, probe_until: datetime
) -> None:
    """Take the tokens of what was claimed, and note a breaker's probe; the gates are locked by `allowances`."""
    for one in sorted(taken, key=lambda one: one.connection):
        limit = limits.get(one.connection, FREE)
        run(
            session,
            """update connection_gate set
                   tokens = least(:burst, tokens + cast(:rate as float8) * greatest(0, extract(epoch from
                                cast(:at as timestamptz) - refilled_at))) - :calls,
                   refilled_at = greatest(refilled_at, :at),
                   not_before = case when not_before <= :at then null else not_before end,
                   breaker = case when :probing then 'half_open' else breaker end,
                   probe_step = case when :probing then :step else probe_step end,
                   probe_token = case when :probing then :token else probe_token end,
                   open_until = case when :probing then :probe_until else open_until end
               where connection = :connection""",
            connection=one.connection,
            rate=limit.rate_per_s or 0,
            burst=limit.burst,
            calls=one.calls if limit.rate_per_s is not None else 0,  # a limit that is set later begins without debts
            step=one.step,
            token=one.token,
            probing=one.probing,
            probe_until=probe_until,
            at=at,
        )
