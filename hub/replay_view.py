"""Jobs that repair many calls or messages, as people and programs see them: how far, and what became of each."""

from datetime import datetime
from typing import Final

from pydantic import computed_field
from sqlalchemy.orm import Session

from hub.database import records
from hub.document import Document
from hub.errors import NotFound
from hub.replay_filter import Act, Filter, What
from hub.replay_table import ItemState, JobState
from hub.roles import Actor, Permission
from hub.scope import scope


class JobView(Document):
    """A job and how far it is; `in_doubt` says that it skips what may have been executed."""

    id: int
    what: What
    act: Act
    filter: Filter
    again: bool
    in_doubt: bool
    reason: str
    actor: str
    brands: tuple[str, ...]
    shops: tuple[str, ...]
    rate_per_s: float
    state: JobState
    total: int
    done: int
    left_out: int
    failed: int
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None

    @computed_field
    @property
    def waiting(self) -> int:
        return self.total - self.done - self.left_out - self.failed


class JobPage(Document):
    """Jobs, the newest first; `next` is the cursor of the following page, None at the end."""

    jobs: tuple[JobView, ...]
    next: int | None


class ItemView(Document):
    """One thing of a job; `outcome` is what it was left in or why it failed, `now` the state it is in today."""

    place: int
    thing_id: int
    state: ItemState
    outcome: str
    acted_at: datetime | None
    now: str


class ItemPage(Document):
    """Things of a job in their order; `next` is the cursor of the following page, None at the end."""

    items: tuple[ItemView, ...]
    next: int | None


VIEW: Final = ", ".join(f"j.{column}" for column in JobView.model_fields)

JOB_SEEN: Final = """(:every_brand or cardinality(j.brands) > 0 and j.brands <@ cast(:brands as text[]))
    and (:every_shop or cardinality(j.shops) > 0 and j.shops <@ cast(:shops as text[]))"""
"""Of replay_job j: what was confirmed by somebody who could see no more than who asks."""

NOW: Final = {
    What.STEP: """coalesce((select s.state from step s where s.id = i.thing_id),
                           (select h.state from step_history h where h.id = i.thing_id limit 1), '')""",
    What.MESSAGE: """coalesce((select m.state from inbox_key k join inbox m on (m.id, m.received_at)
                               = (k.inbox_id, k.received_at) where k.inbox_id = i.thing_id), '')""",
}


def get_job(session: Session, actor: Actor, job_id: int) -> JobView:
    """Give one job.

    Raises: Unauthorised; NotFound, also for a job of somebody who could see more.
    """
    actor.require(Permission.SEE_ORDERS)
    statement = f"select {VIEW} from replay_job j where j.id = :id and {JOB_SEEN}"
    found = records(session, statement, id=job_id, **scope(actor))
    if not found:
        raise NotFound(f"there is no job {job_id}", code="unknown_job")
    return JobView.model_validate(found[0])


def list_jobs(
    session: Session, actor: Actor, *, before: int | None = None, limit: int = 50, state: str = ""
) -> JobPage:
    """Give a page of jobs; `before` is the last job of the page before.

    Raises: Unauthorised.
    """
    actor.require(Permission.SEE_ORDERS)
    found = records(
        session,
        f"""select {VIEW} from replay_job j
            where (cast(:before as bigint) is null or j.id < :before) and (:state = '' or j.state = :state)
              and {JOB_SEEN} order by j.id desc limit :limit""",
        before=before,
        state=state,
        limit=limit + 1,
        **scope(actor),
    )
    page = tuple(JobView.model_validate(one) for one in found[:limit])
    return JobPage(jobs=page, next=page[-1].id if len(found) > limit else None)


def list_items(
    session: Session, actor: Actor, job_id: int, *, after: int = 0, limit: int = 100, state: str = ""
) -> ItemPage:
    """Give a page of a job's things; `after` is the last place of the page before.

    Raises: Unauthorised; NotFound.
    """
    job = get_job(session, actor, job_id)
    found = records(
        session,
        f"""select i.place, i.thing_id, i.state, i.outcome, i.acted_at, {NOW[job.what]} as now from replay_item i
            where i.job_id = :id and i.place > :after and (:state = '' or i.state = :state)
            order by i.place limit :limit""",
        id=job_id,
        after=after,
        state=state,
        limit=limit + 1,
    )
    page = tuple(ItemView.model_validate(one) for one in found[:limit])
    return ItemPage(items=page, next=page[-1].place if len(found) > limit else None)
