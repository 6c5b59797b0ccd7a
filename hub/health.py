"""The health of connections at a look: what waits, what failed, what is asked for, and how long a token lasts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from hub.database import records
from hub.document import Document
from hub.polls import PROBE, TOKEN

LAG: Final = timedelta(minutes=10)
"""How long the oldest due call, message or poll may wait before a connection counts as lagging."""

RENEWED_MARGIN: Final = timedelta(minutes=30)
TOKEN_MARGIN: Final = timedelta(days=3)
"""How long before its end a token is told of: one that is renewed by itself, and one that a person must renew."""

FIGURES: Final = """
    select asked.name as connection, h.last_success_at, h.last_failure_at, h.paused_at, s.oldest_due_at,
           i.oldest_message_at, t.expires_at as token_expires_at, t.updated_at as token_updated_at,
           coalesce(h.last_error_code, '') as error_code, coalesce(h.last_error, '') as error,
           coalesce(h.paused_by, '') as paused_by, coalesce(h.reason, '') as reason,
           coalesce(s.open, 0) as open, coalesce(s.dead, 0) as dead,
           coalesce(i.waiting, 0) as waiting, coalesce(c.parked, 0) as parked
    from unnest(cast(:names as text[])) as asked (name)
    left join connection_health h on h.connection = asked.name
    left join connection_token t on t.connection = asked.name
    left join (select connection, count(*) filter (where state <> 'dead') as open,
                      count(*) filter (where state = 'dead') as dead,
                      min(run_at) filter (where state in ('pending', 'unknown') and run_at <= :at) as oldest_due_at
               from step where state not in ('done', 'cancelled') and connection = any(:names) group by 1) s
           on s.connection = asked.name
    left join (select connection, count(*) as waiting, min(run_at) as oldest_message_at from inbox
               where state = 'received' and connection = any(:names) group by 1) i on i.connection = asked.name
    left join (select k.connection, count(*) as parked from case_file f
               join inbox_key k on k.inbox_id = cast(f.detail ->> 'inbox' as bigint)
               where f.state = 'open' and k.connection = any(:names) group by 1) c on c.connection = asked.name
    order by asked.name"""
"""What is parked is counted by its cases: the inbox has no index for it, and every parked message has a case."""


class PollView(Document):
    """One thing that a connection is asked for; `watermark` is up to when it is known."""

    connection: str
    name: str
    run_at: datetime
    watermark: datetime
    lease_until: datetime | None
    failures: int
    last_success_at: datetime | None
    last_error: str

    def under_way(self, at: datetime) -> bool:
        """Whether it is due or being asked for at this moment."""
        return self.run_at <= at or (self.lease_until is not None and self.lease_until > at)


class Health(Document):
    """How one connection fares; counts are of this moment, times empty where nothing happened yet."""

    connection: str
    last_success_at: datetime | None
    last_failure_at: datetime | None
    error_code: str
    error: str
    paused_at: datetime | None
    paused_by: str
    reason: str
    open: int
    dead: int
    oldest_due_at: datetime | None
    waiting: int
    oldest_message_at: datetime | None
    parked: int
    token_expires_at: datetime | None
    token_updated_at: datetime | None
    polls: tuple[PollView, ...] = ()

    def state(self, at: datetime) -> str:
        """Say in one word how it fares: paused, failing, token_ends, lagging, silent or working."""
        if self.paused_at:
            return "paused"
        if self.last_failure_at and (not self.last_success_at or self.last_failure_at > self.last_success_at):
            return "failing"
        if any(poll.failures and poll.name != PROBE for poll in self.polls):
            return "failing"
        if self.token_expires_at and self.token_expires_at < at + self._margin:
            return "token_ends"
        if any(since is not None and since < at - LAG for since in (self.oldest_due_at, self.oldest_message_at)):
            return "lagging"
        return "working" if self.last_success_at else "silent"

    @property
    def _margin(self) -> timedelta:
        return RENEWED_MARGIN if any(poll.name == TOKEN for poll in self.polls) else TOKEN_MARGIN


def healths(session: Session, connections: Sequence[str], at: datetime) -> list[Health]:
    """Give the health of these connections by name; the caller, who knows the settings, says whose they are."""
    names = sorted(connections)
    found = [Health.model_validate(one) for one in records(session, FIGURES, names=names, at=at)]
    polls = polls_of(session, names)
    return [
        one.model_copy(update={"polls": tuple(poll for poll in polls if poll.connection == one.connection)})
        for one in found
    ]


def polls_of(session: Session, connections: Sequence[str]) -> list[PollView]:
    """Give what these connections are asked for."""
    found = records(
        session,
        """select connection, name, run_at, watermark, lease_until, failures, last_success_at, last_error from poll
           where connection = any(:names) order by connection, name""",
        names=list(connections),
    )
    return [PollView.model_validate(one) for one in found]
