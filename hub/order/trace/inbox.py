"""What came in for an order: each message opened and masked, as far as whoever asks may see it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import keyring_of, records
from hub.document import Document
from hub.errors import NeedsOperator, NotFound
from hub.inbox import place
from hub.masking import decoded, mask
from hub.order.reveal import known_values
from hub.roles import Actor
from hub.scope import INBOX_SEEN, scope


class TracedMessage(Document):
    """An inbox row; `shown` is its body, masked; `unreadable` says why it cannot be."""

    id: int
    received_at: datetime
    connection: str
    kind: str
    message_id: str
    state: str
    attempts: int
    order_id: int | None
    error_code: str
    error: str
    settled_at: datetime | None
    shown: str
    size: int
    unreadable: str = ""


def open_message(session: Session, actor: Actor, inbox_id: int, connections: Collection[str] = ()) -> TracedMessage:
    """Open a message that the actor may see: by its order, or by the connection that brought it.

    Raises: NotFound, also for somebody else's, and for one past its retention.
    """
    found = records(
        session,
        f"""select m.id, m.received_at, m.connection, m.kind, m.message_id, m.state, m.attempts, m.order_id,
                   m.error_code, m.error, m.settled_at, m.body
            from inbox_key k join inbox m on (m.id, m.received_at) = (k.inbox_id, k.received_at)
            where k.inbox_id = :id and {INBOX_SEEN}""",
        id=inbox_id,
        **scope(actor, connections),
    )
    if not found:
        raise NotFound(f"there is no message {inbox_id}, or its retention is over", code="inbox_row")
    values = found[0]
    try:
        body = keyring_of(session).open_body(bytes(values.pop("body")), place(inbox_id))
    except NeedsOperator as error:
        return TracedMessage(**values, shown="", size=0, unreadable=error.message)
    # Whoever sees the message by its connection sees it masked of its order's receiver as well.
    also = known_values(session, values["order_id"])
    return TracedMessage(**values, shown=mask(decoded(body), also), size=len(body))
