"""What came in, as a person looks through it: a page of messages at a time, and what became of one."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.database import records, row
from hub.document import Document
from hub.roles import Actor
from hub.scope import INBOX_SEEN, scope

LOOK_BACK: Final = timedelta(days=7)
"""How far messages are looked for when no period is named."""

CONDITIONS: Final = {
    "connection": "m.connection = :connection",
    "kind": "m.kind = :kind",
    "state": "m.state = :state",
    "error": "m.error_code = :error",
    "since": "m.received_at >= :since",
    "until": "m.received_at < :until",
    "before": "m.id < :before",
}


class Wanted(Document):
    """Which messages to list; what is empty does not matter."""

    connection: str = ""
    kind: str = ""
    state: str = ""
    error: str = ""
    since: datetime | None = None
    until: datetime | None = None


class LetterView(Document):
    """One message without its body; `external_id` is the shop's number of the order it became or is about."""

    id: int
    received_at: datetime
    connection: str
    kind: str
    message_id: str
    state: str
    attempts: int
    order_id: int | None
    external_id: str | None
    error_code: str
    error: str
    settled_at: datetime | None


class LetterPage(Document):
    """Messages, the newest first; `next` is the cursor of the following page, None at the end."""

    letters: tuple[LetterView, ...]
    next: int | None


class Deed(Document):
    """What a person did about a message."""

    at: datetime
    actor: str
    act: str
    reason: str
    new: int | None


class Kin(Document):
    """Which message this one was edited from, and what people did about it, the latest first."""

    origin_id: int | None
    deeds: tuple[Deed, ...]


def list_letters(
    session: Session,
    actor: Actor,
    wanted: Wanted,
    *,
    at: datetime,
    before: int | None,
    limit: int,
    connections: Collection[str] = (),
) -> LetterPage:
    """Give a page of messages of a period, or of the last week; `before` is the last message of the page before."""
    values: dict[str, Any] = {**wanted.model_dump(), "since": wanted.since or at - LOOK_BACK, "before": before}
    asked = [condition for name, condition in CONDITIONS.items() if values[name] not in (None, "")]
    found = records(
        session,
        f"""select m.id, m.received_at, m.connection, m.kind, m.message_id, m.state, m.attempts, m.order_id,
                   m.error_code, m.error, m.settled_at, n.external_id
            from (select * from inbox m where {" and ".join([*asked, INBOX_SEEN])} order by m.id desc limit :limit) m
            left join sales_order n on n.id = m.order_id order by m.id desc""",
        **values,
        **scope(actor, connections),
        limit=limit + 1,
    )
    page = tuple(LetterView.model_validate(one) for one in found[:limit])
    return LetterPage(letters=page, next=page[-1].id if len(found) > limit else None)


def kin_of(session: Session, inbox_id: int) -> Kin:
    """Give where a message comes from and what was done about it; who may see it was asked before."""
    origin = row(
        session,
        """select m.origin_id from inbox_key k join inbox m on (m.id, m.received_at) = (k.inbox_id, k.received_at)
           where k.inbox_id = :id""",
        id=inbox_id,
    )
    deeds = records(
        session,
        """select at, actor, act, coalesce(detail ->> 'reason', '') as reason, cast(detail ->> 'new' as bigint) as new
           from audit_entry where subject = :subject order by id desc limit 20""",
        subject=f"inbox:{inbox_id}",
    )
    return Kin(origin_id=origin.origin_id if origin else None, deeds=tuple(Deed.model_validate(one) for one in deeds))
