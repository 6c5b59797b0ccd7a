"""What waits, for each partner: how much, since when, and what of it is left out while a partner is behind.

A partner's backlog calls a person and sheds what is optional; it never refuses an order. Every question here is cheap
however much waits. Connections are found by jumping from name to name in ix_step_due, one descent each, and a head is
the first entry of its connection's stretch; what is counted is read in the order of that index and no further than a
cap, so that a count costs the cap, not the backlog. With 1,000,000 steps due at 17 partners and 1,000,000 messages, all
figures together take 20 ms, and 90 ms while none of it is vacuumed, for then the row of each counted entry is looked
at; counting everything took 650 ms.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases, resolve
from hub.database import records, rows
from hub.document import Document
from hub.gates import CLAIMABLE, HEADS, Breaker

COUNTED: Final = 10_000
"""Where counting ends: this number means so many or more."""

CAUSE: Final = "backlog"

BACKLOGS: Final = f"""
    with recursive {HEADS}
    select head.connection, case when head.run_at <= :at then head.run_at end as oldest_due_at,
           (select count(*) from (
                select 1 from step s where s.{CLAIMABLE} and s.connection = head.connection and s.run_at <= :at
                order by s.connection, s.run_at, s.id limit :cap) counted) as due,
           (select count(*) from (
                select 1 from step s where s.state = 'in_flight' and s.connection = head.connection
                limit :cap) counted) as in_flight
    from head order by 1"""

BEHIND: Final = f"""
    with recursive {HEADS}
    select head.connection from head
    where exists (select 1 from step s where s.{CLAIMABLE} and s.connection = head.connection and s.run_at <= :at
                  order by s.connection, s.run_at, s.id offset :most limit 1)
    union select connection from connection_gate where breaker <> '{Breaker.CLOSED}'"""
"""More than so many are due if there is one behind so many."""

LATE: Final = f"""
    with recursive {HEADS}
    select connection, run_at as since from head where run_at < :before order by 1"""

DEAD: Final = """
    with recursive known as (
        (select connection from step where state = 'dead' order by connection limit 1)
        union all
        select (select s.connection from step s where s.state = 'dead' and s.connection > known.connection
                order by s.connection limit 1)
        from known where known.connection is not null)
    select known.connection, (select count(*) from (select 1 from step s where s.state = 'dead'
                              and s.connection = known.connection order by s.connection, s.id limit :cap) counted) as n
    from known where known.connection is not null order by 1"""

MESSAGES: Final = """
    with recursive known as (
        (select kind from inbox where state = 'received' order by kind limit 1)
        union all
        select (select i.kind from inbox i where i.state = 'received' and i.kind > known.kind order by i.kind limit 1)
        from known where known.kind is not null)
    select oldest.connection, count(*) as waiting, min(oldest.received_at) as oldest_at
    from known cross join lateral (
        select connection, received_at from inbox where state = 'received' and kind = known.kind
        order by kind, run_at limit :cap) oldest
    where known.kind is not null group by 1 order by 1"""
"""Of each kind the first in the order in which they are worked off: whose they are has no index, and needs none."""


class Backlog(Document):
    """What waits to be called at one partner: due, since when, and what is being called just now."""

    connection: str
    due: int
    oldest_due_at: datetime | None
    in_flight: int


class Messages(Document):
    """What waits in the inbox from one partner."""

    connection: str
    waiting: int
    oldest_at: datetime


def backlogs(session: Session, at: datetime, cap: int = COUNTED) -> list[Backlog]:
    """Give the backlog of every connection that has one, or has calls under way."""
    return [Backlog.model_validate(one) for one in records(session, BACKLOGS, at=at, cap=cap)]


def dead_calls(session: Session, cap: int = COUNTED) -> Mapping[str, int]:
    """Count the calls of each connection that have failed for good."""
    return {one.connection: one.n for one in rows(session, DEAD, cap=cap)}


def waiting_messages(session: Session, cap: int = COUNTED) -> list[Messages]:
    """Say what waits in the inbox, whose it is and since when; of each kind the next `cap` are looked at."""
    return [Messages.model_validate(one) for one in records(session, MESSAGES, cap=cap)]


def behind(session: Session, at: datetime, most: int) -> list[str]:
    """Name the connections that optional calls are shed for: more than `most` are due, or its breaker is not closed."""
    return sorted(one.connection for one in rows(session, BEHIND, at=at, most=most))


def tell_of_backlogs(
    session: Session, brands: Mapping[str, str], patience: timedelta, at: datetime
) -> tuple[Mapping[str, datetime], list[str]]:
    """Open a case for each connection whose oldest due call has waited too long, and close those that caught up.

    Gives the connections that are newly told of, each with what it waits since, and those that have caught up.
    """
    late = {one.connection: one.since for one in rows(session, LATE, before=at - patience)}
    statement = "select subject from case_file where state = 'open' and cause = :cause"
    told = {one.subject.removeprefix("connection:") for one in rows(session, statement, cause=CAUSE)}
    new = {name: since for name, since in late.items() if name not in told}
    open_cases(session, [_case(name, brands.get(name, ""), since) for name, since in new.items()], at)
    well = sorted(told - late.keys())
    for name in well:
        resolve(session, f"connection:{name}", at, "system", "it has caught up", CAUSE)
    return new, well


def _case(connection: str, brand: str, since: datetime) -> NewCase:
    return NewCase(
        CAUSE,
        f"connection:{connection}",
        brand,
        f"{connection}: calls wait since {since:%Y-%m-%d %H:%M} UTC",
        None,
        {"connection": connection},
    )
