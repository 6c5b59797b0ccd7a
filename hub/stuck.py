"""What is stuck for the same reason: dead calls by partner, flow and error, parked messages by cause.

An act on all of them is shown first and then confirmed; `until` keeps what came in between out of it.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import records, rows
from hub.document import Document
from hub.repair import LIMIT
from hub.roles import Actor
from hub.scope import CASE_SEEN, scope

DEAD: Final = f"""from case_file c join step s on s.id = cast(c.detail ->> 'step' as bigint)
    left join lateral (select error_code from attempt where step_id = s.id and token = s.token limit 1) a on true
    where c.cause = 'step_dead' and c.state = 'open' and {CASE_SEEN}"""


class DeadGroup(Document):
    """Dead calls that failed alike; `error` is what the latest of them was told."""

    connection: str
    flow: str
    error_code: str
    error: str
    count: int
    oldest_at: datetime


def dead_groups(session: Session, actor: Actor, connections: Collection[str] = ()) -> list[DeadGroup]:
    """Group the dead calls that wait for a person, the largest group first."""
    found = records(
        session,
        f"""select s.connection, s.flow, coalesce(a.error_code, '') as error_code, count(*) as count,
                   min(c.created_at) as oldest_at, (array_agg(s.last_error order by s.id desc))[1] as error
            {DEAD} and s.state = 'dead' group by 1, 2, 3 order by count(*) desc, 1, 2, 3""",
        **scope(actor, connections),
    )
    return [DeadGroup.model_validate(one) for one in found]


def dead_like(
    session: Session,
    actor: Actor,
    connection: str,
    flow: str,
    error_code: str,
    until: datetime,
    connections: Collection[str] = (),
) -> list[int]:
    """Give the calls of one group whose cases were open at a time; some may have gone on since."""
    found = rows(
        session,
        f"""select s.id {DEAD} and s.connection = :connection and s.flow = :flow
              and coalesce(a.error_code, '') = :error_code and c.created_at <= :until
            order by s.id limit :limit""",
        connection=connection,
        flow=flow,
        error_code=error_code,
        until=until,
        limit=LIMIT,
        **scope(actor, connections),
    )
    return [one.id for one in found]


def things_of(
    session: Session, actor: Actor, case_ids: Collection[int], connections: Collection[str] = ()
) -> dict[str, list[int]]:
    """Give what these cases, open or not, are about: the numbers of `inbox` rows, `step`s and `order`s."""
    found = rows(
        session,
        f"""select c.detail ->> 'inbox' as inbox, c.detail ->> 'step' as step, c.order_id from case_file c
            where c.id = any(:ids) and {CASE_SEEN} order by c.id""",
        ids=sorted(case_ids),
        **scope(actor, connections),
    )
    return {
        "inbox": [int(one.inbox) for one in found if one.inbox],
        "step": [int(one.step) for one in found if one.step],
        "order": [one.order_id for one in found if one.order_id],
    }
