"""The tables of jobs that repair many calls or messages."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index, text

from hub.columns import Table, document, moment, names, number, one_of, price, words
from hub.replay_filter import Act, What


class JobState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"


class ItemState(StrEnum):
    """What became of a thing: acted on, left alone because it had moved on, or failed by a fault of ours."""

    WAITING = "waiting"
    DONE = "done"
    LEFT = "left"
    FAILED = "failed"


class ReplayJob(Table, table=True):
    """One act on many; `refilled_at` is up to when its rate has been used."""

    __table_args__ = (
        one_of("what", What),
        one_of("act", Act),
        one_of("state", JobState),
        Index("ix_replay_job_running", "refilled_at", postgresql_where=text("state = 'running'")),
    )
    id: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    what: str = words()
    act: str = words()
    filter: dict[str, Any] = document()
    again: bool = False
    in_doubt: bool = False
    reason: str = words()
    actor: str = words()
    brands: list[str] = names()
    shops: list[str] = names()
    connections: list[str] = names()
    rate_per_s: Decimal = price()
    state: str = words()
    total: int = number()
    done: int = number(default=0)
    left_out: int = number(default=0)
    failed: int = number(default=0)
    refilled_at: datetime = moment()
    created_at: datetime = moment()
    updated_at: datetime = moment()
    ended_at: datetime | None = moment(default=None)


class ReplayItem(Table, table=True):
    """One thing of a job, at its place."""

    __table_args__ = (
        one_of("state", ItemState),
        Index("ix_replay_item_waiting", "thing_id", "job_id", postgresql_where=text("state = 'waiting'")),
        Index("ix_replay_item_next", "job_id", "place", postgresql_where=text("state = 'waiting'")),
    )
    job_id: int = number(primary_key=True, sa_column_args=[ForeignKey("replay_job.id", ondelete="cascade")])
    place: int = number(primary_key=True)
    thing_id: int = number()
    state: str = words()
    outcome: str = words(default="")
    acted_at: datetime | None = moment(default=None)
