"""The cases that wait, as staff work them off: by cause and age, whose they are, a page at a time."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.database import records, rows
from hub.document import Document
from hub.errors import NotFound
from hub.roles import Actor
from hub.scope import CASE_SEEN, scope

NOBODY: Final = "-"
"""As an assignee to look for: the cases that are nobody's."""

COLUMNS: Final = """c.id, c.cause, c.subject, c.brand, c.order_id, c.detail, c.message, c.state, c.times, c.assignee,
    c.created_at, c.updated_at, c.resolved_at, c.resolved_by, c.resolution"""


class CaseGroup(Document):
    """The open cases of one cause; `orders` counts the orders behind them, which a message may not have yet."""

    cause: str
    count: int
    orders: int
    unassigned: int
    oldest_at: datetime


class CaseView(Document):
    """One case; `detail` names the inbox row or the step that it is about."""

    id: int
    cause: str
    subject: str
    brand: str
    order_id: int | None
    detail: dict[str, Any]
    message: str
    state: str
    times: int
    assignee: str
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    resolved_by: str
    resolution: str


class Wanted(Document):
    """Which open cases to list; what is empty does not matter."""

    cause: str = ""
    assignee: str = ""
    connection: str = ""
    order_ids: list[int] | None = None
    before: datetime | None = None


class CasePage(Document):
    """Open cases, the oldest first; `next` is the cursor of the following page, None at the end."""

    cases: tuple[CaseView, ...]
    next: int | None


FILTER: Final = f"""c.state = 'open' and (:cause = '' or c.cause = :cause)
    and (:assignee = '' or c.assignee = case when :assignee = '-' then '' else :assignee end)
    and (cast(:order_ids as bigint[]) is null or c.order_id = any(:order_ids))
    and (:connection = '' or c.subject = 'connection:' || :connection
         or exists (select 1 from inbox_key k where k.inbox_id = cast(c.detail ->> 'inbox' as bigint)
                    and k.connection = :connection)
         or exists (select 1 from step s where s.id = cast(c.detail ->> 'step' as bigint)
                    and s.connection = :connection))
    and (cast(:before as timestamptz) is null or c.created_at < :before) and {CASE_SEEN}"""


def case_groups(
    session: Session, actor: Actor, wanted: Wanted | None = None, connections: Collection[str] = ()
) -> list[CaseGroup]:
    """Count the open cases by cause, the cause with the oldest first."""
    found = records(
        session,
        f"""select c.cause, count(*) as count, count(distinct c.order_id) as orders, min(c.created_at) as oldest_at,
                   count(*) filter (where c.assignee = '') as unassigned
            from case_file c where {FILTER} group by c.cause order by min(c.created_at), c.cause""",
        **(wanted or Wanted()).model_dump(),
        **scope(actor, connections),
    )
    return [CaseGroup.model_validate(one) for one in found]


def list_cases(
    session: Session, actor: Actor, wanted: Wanted, *, after: int | None, limit: int, connections: Collection[str] = ()
) -> CasePage:
    """Give a page of open cases; `after` is the last case of the page before."""
    found = records(
        session,
        f"""select {COLUMNS} from case_file c
            where {FILTER} and (cast(:after as bigint) is null or (c.created_at, c.id) > (
                select created_at, id from case_file where id = :after))
            order by c.created_at, c.id limit :limit""",
        **wanted.model_dump(),
        **scope(actor, connections),
        after=after,
        limit=limit + 1,
    )
    page = tuple(CaseView.model_validate(one) for one in found[:limit])
    return CasePage(cases=page, next=page[-1].id if len(found) > limit else None)


def get_case(session: Session, actor: Actor, case_id: int, connections: Collection[str] = ()) -> CaseView:
    """Give one case, open or closed.

    Raises: NotFound, also for a case of another brand or shop.
    """
    found = records(
        session,
        f"select {COLUMNS} from case_file c where c.id = :id and {CASE_SEEN}",
        id=case_id,
        **scope(actor, connections),
    )
    if not found:
        raise NotFound(f"there is no case {case_id}", code="unknown_case")
    return CaseView.model_validate(found[0])


def assignees(session: Session, actor: Actor, connections: Collection[str] = ()) -> Sequence[str]:
    """Name everybody who has an open case."""
    found = rows(
        session,
        f"""select distinct c.assignee from case_file c
            where c.state = 'open' and c.assignee <> '' and {CASE_SEEN} order by 1""",
        **scope(actor, connections),
    )
    return [one.assignee for one in found]


def cases_of(
    session: Session, actor: Actor, wanted: Wanted, limit: int, connections: Collection[str] = ()
) -> Sequence[int]:
    """Give the ids of the open cases that match, the oldest first."""
    found = rows(
        session,
        f"select c.id from case_file c where {FILTER} order by c.created_at, c.id limit :limit",
        **wanted.model_dump(),
        **scope(actor, connections),
        limit=limit,
    )
    return [one.id for one in found]
