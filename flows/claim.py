"""Take due steps through the gates of their connections, with time as a parameter."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from flows.effect import Claimed
from hub.database import rows, run
from hub.gates import CLAIMABLE, Limit, Taken, allowances, take_places

TAKE: Final = """
    claimed as (
        update step set state = 'in_flight', token = token + 1, attempts = attempts + 1, lease_until = :lease_until,
                        run_at = :reclaim_at, doubt = doubt or due.was = 'in_flight',
                        unheard = unheard + (due.was = 'in_flight')::int
        from due where step.ctid = due.place
        returning step.*, due.was, due.due_at)
    select id, flow, lane, connection, idempotency_key, order_id, subject, attempts, unheard, token, was, doubt,
           traceparent
    from claimed order by due_at, id"""
"""An expired lease is due like anything else: while a step is in flight, run_at is lease end plus grace.

A row that is locked stays in its place until we are done, so it is found there and not through the table's key again.
"""

CLAIM: Final = f"""
    with allowed as (
        select * from unnest(cast(:connections as text[]), cast(:places as bigint[])) as a (connection, places)),
    bound as (
        select run_at from step where {CLAIMABLE} and connection = cast(:oldest as text) and run_at <= :at
        order by connection, run_at, id offset :limit - 1 limit 1),
    share as (
        select connection, count(*) as places from (
            select s.connection from allowed cross join lateral (
                select connection, run_at, id from step
                where {CLAIMABLE} and connection = allowed.connection
                  and run_at <= coalesce((select run_at from bound), :at)
                order by connection, run_at, id limit allowed.places) s
            order by s.run_at, s.id limit :limit) one
        group by connection),
    due as (
        select s.place, s.was, s.due_at from share cross join lateral (
            select ctid as place, state as was, run_at as due_at from step
            where {CLAIMABLE} and connection = share.connection and run_at <= :at
            order by connection, run_at, id limit share.places for update skip locked) s
        limit :limit),
    {TAKE}"""
"""Each connection's own queue from its oldest end, so that no backlog stands in front of another's work.

What each gives is found by looking, without a lock: only what is taken is locked, however many connections wait, and
nothing is looked at that is younger than the `limit` steps which `oldest` alone could give. The last limit never cuts;
it tells the planner that the rows to update are few.
"""

CLAIM_NAMED: Final = f"""
    with allowed as (
        select * from unnest(cast(:connections as text[]), cast(:places as bigint[])) as a (connection, places)),
    free as (
        select id, ctid as place, state as was, run_at as due_at, connection from step
        where id = any(:ids) and {CLAIMABLE} and run_at <= :at and connection = any(:connections)
        for update skip locked),
    due as (
        select one.place, was, due_at from (
            select free.*, row_number() over (partition by connection order by due_at, id) as nth from free) one
        join allowed using (connection) where one.nth <= allowed.places
        order by due_at, id limit :limit),
    {TAKE}"""


class Fenced(Exception):
    """Somebody else has claimed the step since, or its place: nothing of this attempt may be booked."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How steps are claimed: for how long, within which limits of their connections, and how many of one at most.

    `caps` are this worker's own: how many more of a connection it can start; `cap` is that of all others.
    """

    lease: timedelta
    grace: timedelta
    limits: Mapping[str, Limit] = field(default_factory=dict[str, Limit])
    caps: Mapping[str, int] = field(default_factory=dict[str, int])
    cap: int = 1_000_000


def claim(
    session: Session, limit: int, at: datetime, clock_s: float, terms: Terms, ids: Collection[int] | None = None
) -> list[Claimed]:
    """Claim steps that are due, heads of their lanes all of them; only those of `ids`, if some are named.

    A paused connection's are left alone, one with limits gives as many as they allow, and an open breaker none but one
    probe when its time has come.
    """
    among = None if ids is None else _connections_of(session, ids)
    allowed = allowances(session, terms.limits, at, among=among)
    places = {
        name: min(one.places, terms.caps.get(name, terms.cap), limit)
        for name, one in allowed.items()
        if terms.caps.get(name, terms.cap) > 0
    }
    if not places:
        return []
    until = at + terms.lease
    oldest = next(iter(places))
    found = rows(
        session,
        CLAIM if ids is None else CLAIM_NAMED,
        connections=list(places),
        places=list(places.values()),
        at=at,
        limit=limit,
        lease_until=until,
        reclaim_at=until + terms.grace,
        **({"oldest": oldest if places[oldest] == limit else None} if ids is None else {"ids": list(ids)}),
    )
    steps = [Claimed._make((*one, clock_s)) for one in found]
    taken: dict[str, Taken] = {}
    for step in steps:
        if (gate := allowed[step.connection]).restricted:
            calls = taken[step.connection].calls + 1 if step.connection in taken else 1
            taken[step.connection] = Taken(step.connection, calls, step.id, step.token, gate.probing)
    take_places(session, list(taken.values()), terms.limits, at, until + terms.grace)
    return steps


def prolong(session: Session, step: Claimed, at: datetime, terms: Terms) -> None:
    """Give a step its whole lease once more, if it is still this worker's; one that is over gave up its place as well.

    Raises: Fenced.
    """
    until = at + terms.lease
    changed = run(
        session,
        """update step set lease_until = :until, run_at = :reclaim_at
           where id = :id and token = :token and state = 'in_flight' and run_at > :at""",
        until=until,
        reclaim_at=until + terms.grace,
        at=at,
        id=step.id,
        token=step.token,
    )
    if not changed:
        raise Fenced


def _connections_of(session: Session, ids: Collection[int]) -> set[str]:
    found = rows(session, "select distinct connection from step where id = any(:ids)", ids=list(ids))
    return {one.connection for one in found}
