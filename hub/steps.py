"""The step table: whatever goes out is a row here before anything sends it, written with what caused it.

A step is one outbound call of a flow. Steps of one lane (`{entity}:{id}:{connection}`) run in the order they were
added; different lanes never wait for each other.

    waiting ─▶ pending ─▶ in_flight ─▶ done | pending | unknown | dead | cancelled
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Session

from hub.columns import Table, document, moment, number, one_of, sealed, words
from hub.database import copy, ring_after, rows, run
from hub.tracing import current_traceparent


class StepState(StrEnum):
    WAITING = "waiting"
    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    UNKNOWN = "unknown"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


OPEN = (StepState.WAITING, StepState.PENDING, StepState.IN_FLIGHT, StepState.UNKNOWN, StepState.DEAD)
"""States behind which a lane waits; a dead head parks its lane until a person decides."""


ONE_HEAD: Final = "uq_step_lane_in_flight"
"""The rule that one call of a lane at most is under way."""


class StepColumns(Table):
    """What a live step and a finished one have in common.

    `order_id` is the order it is for, if it is for one. `doubt` says that a call may have been executed unheard;
    `unheard` counts such calls. `traceparent` continues the trace of what caused it (W3C), empty without one.
    """

    flow: str = words()
    lane: str = words()
    connection: str = words()
    idempotency_key: str = words()
    order_id: int | None = number(default=None)
    subject: dict[str, Any] = document()
    traceparent: str = words(default="")
    state: str = words()
    run_at: datetime = moment()
    attempts: int = number(default=0)
    token: int = number(default=0)
    doubt: bool = False
    unheard: int = number(default=0)
    lease_until: datetime | None = moment(default=None)
    last_error: str = words(default="")
    created_at: datetime = moment()


class Step(StepColumns, table=True):
    """A live step; its id is also its place in the lane, for ids rise under the entity's row lock."""

    __table_args__ = (
        one_of("state", StepState),
        UniqueConstraint("idempotency_key"),
        Index(
            "ix_step_due",
            "connection",
            "run_at",
            "id",
            postgresql_where=text("state in ('pending', 'unknown', 'in_flight')"),
        ),
        Index("ix_step_lane", "lane", "id", postgresql_where=text("state not in ('done', 'cancelled')")),
        Index("ix_step_waiting", "lane", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_step_in_flight", "connection", postgresql_where=text("state = 'in_flight'")),
        Index(ONE_HEAD, "lane", unique=True, postgresql_where=text("state = 'in_flight'")),
        Index("ix_step_order", "order_id"),
        Index("ix_step_connection", "connection", "id"),
        Index("ix_step_dead", "connection", "id", postgresql_where=text("state = 'dead'")),
        Index("ix_step_finished", "settled_at", postgresql_where=text("state in ('done', 'cancelled')")),
    )
    id: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    settled_at: datetime | None = moment(default=None)


class StepHistory(StepColumns, table=True):
    """A finished step, partitioned by month."""

    __table_args__ = (
        Index("ix_step_history_order", "order_id"),
        Index("ix_step_history_connection", "connection", "id"),
        {"postgresql_partition_by": "RANGE (settled_at)"},
    )
    id: int = number(primary_key=True)
    settled_at: datetime = moment(primary_key=True)


class Attempt(Table, table=True):
    """One call that was made for a step: request and answer sealed, partitioned by month."""

    __table_args__ = (Index("ix_attempt_step", "step_id"), {"postgresql_partition_by": "RANGE (started_at)"})
    step_id: int = number(primary_key=True)
    token: int = number(primary_key=True)
    started_at: datetime = moment(primary_key=True)
    finished_at: datetime = moment()
    outcome: str = words()
    error_code: str = words(default="")
    error: str = words(default="")
    exchanges: bytes | None = sealed(default=None)


class NewStep(msgspec.Struct, frozen=True):
    """A call to be made: `subject` holds ids only, never personal data; it belongs to the trace that adds it."""

    flow: str
    lane: str
    connection: str
    idempotency_key: str
    order_id: int | None
    subject: Mapping[str, Any]
    traceparent: str = ""


NEW_COLUMNS: Final = (
    *("flow", "lane", "connection", "idempotency_key", "order_id", "subject", "traceparent", "state", "run_at"),
    *("attempts", "token", "doubt", "unheard", "last_error", "created_at"),
)


def add(session: Session, steps: Sequence[NewStep], at: datetime, *, fresh_lanes: bool = False) -> None:
    """Write steps behind the open ones of their lanes, in the caller's transaction and under its entity's row lock.

    `fresh_lanes` promises that the lanes belong to entities this transaction has just made, so nothing is open there.
    """
    if not steps:
        return
    lanes = sorted({step.lane for step in steps})
    # Locking the open steps makes whoever settles one of them wait for us and then see what we added, or us for them.
    taken: set[str] = set()
    if not fresh_lanes:
        statement = """select lane from step where lane = any(:lanes)
                       and state in ('waiting', 'pending', 'in_flight', 'unknown', 'dead')
                       order by id for share"""
        taken = {found.lane for found in rows(session, statement, lanes=lanes)}
    here = current_traceparent()
    records: list[tuple[object, ...]] = []
    for step in steps:
        state = StepState.WAITING if step.lane in taken else StepState.PENDING
        taken.add(step.lane)
        head = (step.flow, step.lane, step.connection, step.idempotency_key, step.order_id, _written(step.subject))
        records.append((*head, step.traceparent or here, state, at, 0, 0, False, 0, "", at))
    copy(session, "step", NEW_COLUMNS, records)
    ring_after(session)


def _written(subject: Mapping[str, Any]) -> str:
    return msgspec.json.encode(subject).decode()


def promote(session: Session, lanes: Collection[str], at: datetime) -> int:
    """Let the next waiting step of each lane run, unless something before it is still open; give how many do."""
    changed = run(
        session,
        """with next as materialized (
               select distinct on (lane) id, lane from step where state = 'waiting' and lane = any(:lanes)
               order by lane, id)
           update step set state = 'pending', run_at = greatest(run_at, :at)  -- one in doubt may still land till then
           where coalesce(state, '') = 'waiting'  -- a row we waited for may be with a worker by now; no index wanted
             and id in (select next.id from next
                        where not exists (select 1 from step earlier where earlier.lane = next.lane
                                          and earlier.state in ('pending', 'in_flight', 'unknown', 'dead')))""",
        lanes=sorted(set(lanes)),
        at=at,
    )
    if changed:
        ring_after(session)
    return changed


def line_up(session: Session) -> list[str]:
    """Let calls that stand beside another open one of their lane wait behind it, and name the lanes.

    Whoever adds steps has a lock that keeps this from happening; where one had not, nobody could claim anything more.
    One whose call may have been executed waits as well, and keeps its doubt.
    """
    found = rows(
        session,
        """update step set state = 'waiting' where state in ('pending', 'unknown') and id in (
               select id from (
                   select id, row_number() over (
                       partition by lane order by state = 'pending', state = 'unknown', id) as nth
                   from step where state in ('pending', 'in_flight', 'unknown', 'dead')) head
               where nth > 1)
           returning lane""",
    )
    return sorted({one.lane for one in found})


def withdraw(session: Session, lane: str, flow: str, at: datetime) -> bool:
    """Cancel a step that was certainly never executed, and say whether that was still possible.

    A step that is dead without doubt was refused every time; it is taken away as well, so that its lane can go on.
    """
    changed = run(
        session,
        """update step set state = 'cancelled', settled_at = :at
           where lane = :lane and flow = :flow and state in ('waiting', 'pending', 'dead') and not doubt""",
        lane=lane,
        flow=flow,
        at=at,
    )
    if changed:
        promote(session, [lane], at)
    return bool(changed)


def move_finished(session: Session, before: datetime, limit: int = 5_000) -> int:
    """Move finished steps to the monthly history, in bulk; give how many."""
    columns = """id, flow, lane, connection, idempotency_key, order_id, subject, traceparent, state, run_at, attempts,
                 token, doubt, unheard, lease_until, last_error, created_at, settled_at"""
    return run(
        session,
        f"""with finished as (
                select id from step where state in ('done', 'cancelled') and settled_at < :before
                order by settled_at limit :limit for update skip locked),
            moved as (delete from step using finished where step.id = finished.id returning step.*)
            insert into step_history ({columns}) select {columns} from moved""",
        before=before,
        limit=limit,
    )


def wake_parked(session: Session, at: datetime, after: str = "", limit: int = 2_000) -> str:
    """Promote heads of lanes that nothing holds up any more; a net under `promote`, run by the sweep.

    Looks at some of the lanes behind `after` and gives the last of them, empty at the end: lanes that are parked behind
    a dead step are many, and looking at all of them each time would cost more than the work itself.
    """
    found = rows(
        session,
        """with recursive parked as (
               (select lane, 1 as n from step where state = 'waiting' and lane > :after order by lane limit 1)
               union all
               select (select s.lane from step s where s.state = 'waiting' and s.lane > parked.lane
                       order by s.lane limit 1), n + 1
               from parked where parked.lane is not null and n < :limit)
           select lane from parked where lane is not null""",
        after=after,
        limit=limit,
    )
    lanes = [one.lane for one in found]
    promote(session, lanes, at)
    return lanes[-1] if len(lanes) == limit else ""
