"""A message that cannot be used as it came is edited by a person and taken in as a new one, which names its origin.

The original stays as it came and is superseded; its id stays taken, so that the partner sending it once more brings
nothing back. The new message is known by its own bytes, as any message without an id.

Calls are not edited: what a call says is gathered from the hub's own rows each time it is made. Mend those.
"""

import difflib
import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import row, run
from hub.document import Document
from hub.errors import Conflict, Malformed, NotFound
from hub.inbox import Message, keep, message_id_of, read
from hub.masking import mask
from hub.replay_acts import REPLAYABLE, put_right, why
from hub.roles import Actor, Permission
from hub.scope import INBOX_SEEN, scope

LONGEST: Final = 1_048_576
"""Bytes of an edited message, as many as the API takes (limits.body_bytes)."""

COMPARED: Final = 1_000_000
"""Pairs of lines that are compared one by one; beyond, lines that stand in a hundred places only join others."""


class Change(Document):
    """How an edited message differs: a unified diff of what may be shown.

    `hidden` says that more was changed than shows: only masked values differ, or what lies beyond what is shown.
    """

    diff: str
    hidden: bool


def open_message(
    session: Session, actor: Actor, inbox_id: int, reason: str, at: datetime, connections: Collection[str] = ()
) -> str:
    """Give a stuck message's text with everything personal in it, for editing; the audit log keeps who looked.

    Raises: Unauthorised; NotFound; Malformed without a reason; Conflict when it is not stuck, or no text.
    """
    said = why(reason)
    message = _stuck(session, actor, inbox_id, connections)
    text, _ = _decode(message)
    record(session, at, actor.name, "inbox.reveal", f"inbox:{inbox_id}", reason=said)
    return text


def diff_of(session: Session, actor: Actor, inbox_id: int, edited: str, connections: Collection[str] = ()) -> Change:
    """Say how an edited text differs from a message, masked.

    Raises: Unauthorised; NotFound; Malformed for a text that will not do; Conflict as `open_message`.
    """
    message = _stuck(session, actor, inbox_id, connections)
    text, encoding = _decode(message)
    _check(text, edited, encoding)
    before, after = mask(text).splitlines(), mask(edited).splitlines()
    raw_before, raw_after = _lines(text), _lines(edited)
    if (len(before), len(after)) == (len(raw_before), len(raw_after)):
        diff = "\n".join(_unified(raw_before, raw_after, before, after))
    else:
        diff = "\n".join(_unified(before, after, before, after))
    return Change(diff=diff, hidden=not diff)


def edit_message(
    session: Session,
    actor: Actor,
    inbox_id: int,
    edited: str,
    reason: str,
    at: datetime,
    connections: Collection[str] = (),
) -> int:
    """Take an edited message in as a new one, supersede the original, and give the new one's number.

    Raises: Unauthorised; NotFound; Malformed without a reason, or for a text that will not do; Conflict when the
    original is not stuck any more, or the same bytes have come before (message_known).
    """
    said = why(reason)
    message = _stuck(session, actor, inbox_id, connections, lock=True)
    text, encoding = _decode(message)
    body = _check(text, edited, encoding)
    new_id, fresh = keep(session, message.connection, message.kind, message_id_of(body), body, at)
    if not fresh:
        raise Conflict(f"the same bytes came before as message {new_id}: see to that one", code="message_known")
    run(
        session,
        "update inbox set origin_id = :origin where id = :id and received_at = :at",
        origin=inbox_id,
        id=new_id,
        at=at,
    )
    run(
        session,
        """update inbox set state = 'superseded', settled_at = :at, error_code = '', error = ''
           where id = :id and received_at = :received_at""",
        at=at,
        id=inbox_id,
        received_at=message.received_at,
    )
    digests = {"was": message_id_of(message.body), "is": message_id_of(body)}
    put_right(session, actor, "inbox.edit", [f"inbox:{inbox_id}"], said, at, also={**digests, "new": new_id})
    return new_id


def _stuck(
    session: Session, actor: Actor, inbox_id: int, connections: Collection[str], *, lock: bool = False
) -> Message:
    """Open a message that may be edited.

    Raises: Unauthorised; NotFound; Conflict.
    """
    actor.require(Permission.BULK)
    actor.require(Permission.UNMASK)
    seen = row(
        session,
        f"""select 1 from inbox_key k join inbox m on (m.id, m.received_at) = (k.inbox_id, k.received_at)
            where k.inbox_id = :id and {INBOX_SEEN}""",
        id=inbox_id,
        **scope(actor, connections),
    )
    if seen is None:
        raise NotFound(f"inbox row {inbox_id} is not there, or past its retention", code="inbox_row")
    message = read(session, inbox_id, lock=lock)
    if message.state not in REPLAYABLE:
        raise Conflict(f"message {inbox_id} is {message.state}: only what is stuck is edited", code="inbox_state")
    return message


def _decode(message: Message) -> tuple[str, str]:
    """Give a message's text and the encoding it came in, which the edited one keeps.

    Raises: Conflict when it is no text.
    """
    for encoding in ("utf-8", "gb18030"):
        try:
            return message.body.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise Conflict(f"message {message.id} is no text: it cannot be edited", code="message_binary")


def _check(text: str, edited: str, encoding: str) -> bytes:
    """Give the bytes of an edited text.

    Raises: Malformed when it is empty, the same, too long, or begins as JSON and is none.
    """
    if edited == text or not edited.strip():
        raise Malformed("nothing was changed" if edited.strip() else "the text is empty", code="edit", field="body")
    try:
        body = edited.encode(encoding)
        if edited.lstrip()[0] in "{[":
            json.loads(edited)
    except UnicodeEncodeError as error:
        raise Malformed(f"this cannot be written in {encoding}", code="edit", field="body") from error
    except json.JSONDecodeError as error:
        told = f"this is no JSON: {error.msg}, line {error.lineno} column {error.colno}"
        raise Malformed(told, code="edit", field="body") from error
    except (RecursionError, ValueError) as error:
        told = "this is nested too deep, or holds a number of too many digits"
        raise Malformed(told, code="edit", field="body") from error
    if len(body) > LONGEST:
        raise Malformed(f"a message has at most {LONGEST} bytes", code="edit", field="body")
    return body


def _lines(text: str) -> Sequence[str]:
    """Lay a text out as masking does, as far as it is JSON."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2).splitlines()
    except (ValueError, RecursionError):
        return text.strip().splitlines()


def _unified(
    before: Sequence[str],
    after: Sequence[str],
    shown_before: Sequence[str],
    shown_after: Sequence[str],
    around: int = 3,
) -> Iterator[str]:
    """Compare by `before` and `after`, and show the lines that stand in their places: so a masked change shows too.

    Only what lies between the first and the last change is compared, for comparing takes the square of it.
    """
    low, high = _bounds(before, after, around)
    before, shown_before = before[low : len(before) - high], shown_before[low : len(shown_before) - high]
    after, shown_after = after[low : len(after) - high], shown_after[low : len(shown_after) - high]
    quickly = len(before) * len(after) > COMPARED
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=quickly)
    for group in matcher.get_grouped_opcodes(around):
        first, last = group[0], group[-1]
        yield f"@@ -{low + first[1] + 1},{last[2] - first[1]} +{low + first[3] + 1},{last[4] - first[3]} @@"
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in shown_before[start:end])
                continue
            yield from (f"-{line}" for line in shown_before[start:end])
            yield from (f"+{line}" for line in shown_after[new_start:new_end])


def _bounds(before: Sequence[str], after: Sequence[str], around: int) -> tuple[int, int]:
    """Say how many lines at the beginning and at the end are the same, but for those `around` a change."""
    most = min(len(before), len(after))
    low = next((no for no in range(most) if before[no] != after[no]), most)
    high = next((no for no in range(most - low) if before[-1 - no] != after[-1 - no]), most - low)
    return max(0, low - around), max(0, high - around)
