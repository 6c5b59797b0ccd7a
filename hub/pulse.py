"""The pulse of the engine as a person looks at it: what is done every so often, what is asked for, how gates stand."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy.orm import Session

from hub.database import records
from hub.document import Document
from hub.gates import Breaker, Limit, refilled
from hub.health import LAG, PollView
from hub.polls import PROBE
from hub.schedules import AHEAD, RunState, slot_of

MISSED: Final = timedelta(minutes=1)
"""How long a schedule of short periods may be late before it counts as overdue: workers start and stop."""

RECENT: Final = timedelta(days=1)
"""How far back the failures of a schedule are counted."""

SHOWN_RUNS: Final = 20

SCHEDULES: Final = """
    select s.name, s.every_s, s.paused_at, s.paused_by, s.reason, last.slot, last.state as run_state, last.started_at,
           last.finished_at, last.lease_until, coalesce(failed.count, 0) as failed, failed.error, failed.failed_at
    from schedule s
    left join lateral (select slot, state, started_at, finished_at, lease_until from schedule_run
                       where name = s.name and slot <= :latest order by slot desc limit 1) last on true
    left join lateral (select count(*), max(finished_at) as failed_at,
                              (array_agg(error order by slot desc))[1] as error from schedule_run
                       where name = s.name and state = 'failed' and started_at >= :since) failed on true
    where :name = '' or s.name = :name
    order by s.name"""

POLLS: Final = """
    select p.connection, p.name, p.run_at, p.watermark, p.lease_until, p.failures, p.last_success_at, p.last_error,
           p.paused_at, h.paused_at is not null as connection_paused,
           coalesce(told.actor, '') as paused_by, coalesce(told.reason, '') as reason
    from poll p
    left join connection_health h on h.connection = p.connection
    left join lateral (select actor, detail ->> 'reason' as reason from audit_entry
                       where p.paused_at is not null and subject = 'poll:' || p.connection || '/' || p.name
                         and act = 'poll.pause' order by id desc limit 1) told on true
    where p.connection = any(:connections)
    order by p.connection, p.name"""

GATES: Final = """
    select named.connection, coalesce(g.breaker, 'closed') as breaker, coalesce(g.failures, 0) as failures,
           coalesce(g.opens, 0) as opens, g.opened_at, g.open_until, g.not_before, g.tokens, g.refilled_at,
           g.probe_step,
           (select count(*) from step where state = 'in_flight' and connection = named.connection) as under_way
    from unnest(cast(:names as text[])) as named (connection)
    left join connection_gate g on g.connection = named.connection"""


class ScheduleView(Document):
    """One thing that is done every so often, with its last run; `failed` counts the runs of a day that failed."""

    name: str
    every_s: int
    paused_at: datetime | None
    paused_by: str
    reason: str
    slot: datetime | None
    run_state: str | None
    started_at: datetime | None
    finished_at: datetime | None
    lease_until: datetime | None
    failed: int
    error: str | None
    failed_at: datetime | None

    def state(self, at: datetime) -> str:
        """Say in one word how it fares: paused, never, overdue, running, failed or done."""
        if self.paused_at:
            return "paused"
        if self.slot is None:
            return "never"
        every = timedelta(seconds=self.every_s)
        died = self.run_state == RunState.RUNNING and self.lease_until is not None and self.lease_until < at
        if died or self.slot + every + max(every, MISSED) < at:
            return "overdue"
        return self.run_state or "never"

    def next_at(self, at: datetime) -> datetime:
        """Give the slot that is to be done next; it lies in the past when that is due."""
        every = timedelta(seconds=self.every_s)
        current = slot_of(every, at)
        return current if self.slot is None or self.slot < current else self.slot + every

    @property
    def took_s(self) -> float | None:
        """How long the last run took; None while it runs."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at and self.started_at else None


class SlotView(Document):
    """One run of a schedule."""

    slot: datetime
    state: str
    token: int
    started_at: datetime
    finished_at: datetime | None
    error: str

    @property
    def took_s(self) -> float | None:
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


class PollLine(PollView):
    """One poll with whether a person has paused it, or its whole connection is paused."""

    paused_at: datetime | None
    paused_by: str
    reason: str
    connection_paused: bool

    def state(self, at: datetime) -> str:
        """Say in one word how it fares: paused, held, running, failing, on_demand, overdue, never or good."""
        asked_only = self.name == PROBE and self.run_at > at
        for state, holds in (
            ("paused", self.paused_at is not None),
            ("held", self.connection_paused and self.name != PROBE),
            ("running", self.lease_until is not None and self.lease_until > at),
            ("failing", self.failures > 0),
            ("on_demand", asked_only),
            ("overdue", self.run_at < at - LAG),
            ("never", self.last_success_at is None),
        ):
            if holds:
                return state
        return "good"


class GateView(Document):
    """How the gate of one connection stands, and the limits that its settings name."""

    connection: str
    breaker: str
    failures: int
    opens: int
    opened_at: datetime | None
    open_until: datetime | None
    not_before: datetime | None
    tokens: Decimal | None
    refilled_at: datetime | None
    probe_step: int | None
    under_way: int
    rate_per_s: float | None = None
    burst: int = 1
    at_once: int | None = None

    def left(self, at: datetime) -> int | None:
        """Say how many calls the rate limit allows now; None without such a limit."""
        if self.rate_per_s is None:
            return None
        if self.tokens is None or self.refilled_at is None:
            return self.burst
        return max(0, int(refilled(self.tokens, self.refilled_at, Limit(self.rate_per_s, self.burst), at)))

    def wish(self, at: datetime) -> datetime | None:
        """Give until when the partner wishes no call; None when it has no such wish."""
        return self.not_before if self.not_before is not None and self.not_before > at else None

    def waits(self, at: datetime) -> datetime | None:
        """Give until when an open breaker lets nothing through; None when the next call may be its probe."""
        held = self.breaker != Breaker.CLOSED and self.open_until is not None and self.open_until > at
        return self.open_until if held else None


def schedules_of(session: Session, at: datetime, name: str = "") -> list[ScheduleView]:
    """Give what is done every so often, or the one of a name."""
    found = records(session, SCHEDULES, since=at - RECENT, latest=at + AHEAD, name=name)
    return [ScheduleView.model_validate(one) for one in found]


def slots_of(session: Session, name: str) -> list[SlotView]:
    """Give the last runs of a schedule and its failures of the last month, the latest first."""
    found = records(
        session,
        """select slot, state, token, started_at, finished_at, error from schedule_run
           where name = :name and (state = 'failed' or slot in (
               select slot from schedule_run where name = :name order by slot desc limit :limit))
           order by slot desc limit :most""",
        name=name,
        limit=SHOWN_RUNS,
        most=2 * SHOWN_RUNS,
    )
    return [SlotView.model_validate(one) for one in found]


def poll_lines(session: Session, connections: Collection[str]) -> list[PollLine]:
    """Give what these connections are asked for, by connection and name."""
    return [PollLine.model_validate(one) for one in records(session, POLLS, connections=sorted(connections))]


def gates_of(session: Session, limits: Mapping[str, Limit]) -> dict[str, GateView]:
    """Give how the gates of these connections stand; one that never held anything back stands open."""
    names: Sequence[str] = sorted(limits)
    return {
        one["connection"]: GateView.model_validate(
            one
            | {
                "rate_per_s": limits[one["connection"]].rate_per_s,
                "burst": limits[one["connection"]].burst,
                "at_once": limits[one["connection"]].at_once,
            }
        )
        for one in records(session, GATES, names=names)
    }
