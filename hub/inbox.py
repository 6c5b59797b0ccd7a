"""The inbox: whatever comes in is kept here, sealed, before anything reads it, or with what came of it (`take_in`).

A row is received → done (it became `order_id`) | refused (the sender was told why) | parked (a case tells a person) |
superseded (set aside by a person, or taken back at its channel before it was placed). Equal bytes from one connection
are one row.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.database import copy, keyring_of, ring_after, row, rows, run
from hub.errors import NeedsOperator, NotFound
from hub.failpoints import reach
from hub.inbox_table import Arrival, InboxState, Message, Verdict

FIRST_LOOK: Final = timedelta(seconds=5)
"""How long the request that brought a row may work on it before the sweep takes it over."""

STANDING: Final = ("state", "run_at", "attempts", "order_id", "error_code", "error", "settled_at")
COLUMNS: Final = "id, received_at, connection, kind, message_id, state, attempts, order_id, error_code, error, body"


def message_id_of(body: bytes) -> str:
    """Name a message that has no id of its own by its bytes."""
    return hashlib.sha256(body).hexdigest()


def keep(
    session: Session, connection: str, kind: str, message_id: str, body: bytes, at: datetime, *, attended: bool = False
) -> tuple[int, bool]:
    """Keep a message, and give its row id and whether it is new; the same message again gives the first row.

    `attended` says that the request which brought it will work on it at once: the sweep leaves it alone for a while.
    """
    return keep_all(session, kind, [Arrival(connection, message_id, body)], at, attended=attended)[0]


def keep_all(
    session: Session, kind: str, arrivals: Sequence[Arrival], at: datetime, *, attended: bool = False
) -> list[tuple[int, bool]]:
    """Keep many messages of a kind at once; give for each its row id and whether it is new, as `keep` does."""
    ids, new = _named(session, kind, arrivals, at)
    first_look = at + FIRST_LOOK if attended else at
    received = (InboxState.RECEIVED, first_look, 0, None, "", "", None)
    fresh = {ids[key]: one for one in reversed(arrivals) if (key := one[:2]) in new}
    _write(session, [(_unwritten(inbox_id, kind, one, at), received) for inbox_id, one in sorted(fresh.items())])
    if fresh and not attended:
        ring_after(session)
    return [(ids[one[:2]], one[:2] in new) for one in arrivals]


def take_in(session: Session, kind: str, arrivals: Sequence[Arrival], at: datetime) -> list[Message]:
    """Take messages in that this very transaction settles, and give each, open; equal ones are one.

    A new one becomes a row when it is settled, once and as it stays; a transaction that fails, or that settles less,
    must keep it by another (`keep_all`). One that was there is locked and given as it stands; one whose row is past its
    retention becomes a row again.
    """
    ids, new = _named(session, kind, arrivals, at)
    taken = {ids[key]: _unwritten(ids[key], kind, one, at) for one in reversed(arrivals) if (key := one[:2]) in new}
    if known := set(ids.values()) - taken.keys():
        taken |= {one.id: one for one in read_all(session, sorted(known))}
    if lost := set(ids.values()) - taken.keys():
        run(session, "update inbox_key set received_at = :at where inbox_id = any(:ids)", at=at, ids=sorted(lost))
        forgotten = {ids[key]: one for one in arrivals if ids[key := one[:2]] in lost}
        taken |= {inbox_id: _unwritten(inbox_id, kind, one, at) for inbox_id, one in forgotten.items()}
    return [taken[ids[one[:2]]] for one in arrivals]


def _named(
    session: Session, kind: str, arrivals: Sequence[Arrival], at: datetime
) -> tuple[dict[tuple[str, str], int], set[tuple[str, str]]]:
    """Give the row id of each (connection, message id), and which of them are new."""
    keys = sorted({(one.connection, one.message_id) for one in arrivals})
    columns = {"connections": [key[0] for key in keys], "message_ids": [key[1] for key in keys]}
    made = rows(
        session,
        """insert into inbox_key (connection, kind, message_id, inbox_id, received_at)
           select connection, :kind, message_id, nextval(pg_get_serial_sequence('inbox', 'id')), :at
           from unnest(cast(:connections as text[]), cast(:message_ids as text[])) as new (connection, message_id)
           on conflict do nothing returning connection, message_id, inbox_id""",
        kind=kind,
        at=at,
        **columns,
    )
    ids = {(one.connection, one.message_id): one.inbox_id for one in made}
    new = set(ids)
    if len(ids) < len(keys):
        known = rows(
            session,
            """select connection, message_id, inbox_id from inbox_key
               where kind = :kind and (connection, message_id) in (
                   select * from unnest(cast(:connections as text[]), cast(:message_ids as text[])))""",
            kind=kind,
            **columns,
        )
        ids |= {(one.connection, one.message_id): one.inbox_id for one in known}
    if len(ids) < len(keys):
        raise NotFound("the inbox key vanished while it was read", code="inbox_key")
    return ids, new


def _unwritten(inbox_id: int, kind: str, one: Arrival, at: datetime) -> Message:
    message_id, state = one.message_id, InboxState.RECEIVED
    return Message(inbox_id, at, one.connection, kind, message_id, state, 0, None, "", "", one.body, unwritten=True)


def _write(session: Session, new: Sequence[tuple[Message, tuple[object, ...]]]) -> None:
    """Write rows, each of a message and how it stands: as STANDING names it."""
    if not new:
        return
    ring = keyring_of(session)
    columns = ("id", "received_at", "connection", "kind", "message_id", "body", *STANDING)
    records = [
        (
            *(one.id, one.received_at, one.connection, one.kind, one.message_id),
            *(ring.seal_body(one.body, place(one.id)), *standing),
        )
        for one, standing in new
    ]
    copy(session, "inbox", columns, records)
    reach("intake.kept")


def place(inbox_id: int) -> str:
    """Name where an inbox body belongs, for its seal."""
    return f"inbox|body|{inbox_id}"


def read(session: Session, inbox_id: int, *, lock: bool = False) -> Message:
    """Open one row.

    Raises: NotFound.
    """
    key = row(session, "select received_at from inbox_key where inbox_id = :id", id=inbox_id)
    if key is None:
        raise NotFound(f"inbox row {inbox_id} is not there", code="inbox_row")
    statement = f"select {COLUMNS} from inbox where id = :id and received_at = :at {'for update' if lock else ''}"
    found = rows(session, statement, id=inbox_id, at=key.received_at)
    if not found:
        raise NotFound(f"inbox row {inbox_id} is past its retention", code="inbox_row")
    return _opened(session, found)[0]


def read_all(session: Session, inbox_ids: Sequence[int]) -> list[Message]:
    """Open and lock rows, in the order of their ids; those past their retention are left out."""
    found = rows(
        session,
        f"""select {COLUMNS} from inbox where id = any(:ids) and received_at = any(
                select received_at from inbox_key where inbox_id = any(:ids))
            order by id for update""",
        ids=sorted(set(inbox_ids)),
    )
    return _opened(session, found)


def claim(session: Session, kinds: Sequence[str], limit: int, at: datetime) -> list[Message]:
    """Take the oldest due rows of these kinds for this transaction; nobody else sees them until it ends.

    Of each kind the first are read off the index in their order: what else waits costs nothing, however much it is.
    """
    found = rows(
        session,
        f"""select {COLUMNS} from unnest(cast(:kinds as text[])) as asked (of_kind) cross join lateral (
                select {COLUMNS}, run_at from inbox where state = 'received' and kind = of_kind and run_at <= :at
                order by run_at, id limit :limit for update skip locked) due
            order by run_at, id limit :limit""",
        kinds=list(kinds),
        at=at,
        limit=limit,
    )
    return [message for row in found if (message := _readable(session, row, at)) is not None]


def settle(
    session: Session,
    message: Message,
    state: InboxState,
    at: datetime,
    *,
    order_id: int | None = None,
    code: str = "",
    error: str = "",
) -> None:
    """Say what became of a message."""
    settle_all(session, [Verdict(message, state, order_id, code, error)], at)


def settle_all(session: Session, verdicts: Sequence[Verdict], at: datetime) -> None:
    """Say what became of many messages at once, as `settle` does of one."""
    unwritten = [one for one in verdicts if one.message.unwritten]
    _write(
        session,
        [(one.message, (one.state, at, 1, one.order_id, one.code, one.error, at)) for one in unwritten],
    )
    verdicts = [one for one in verdicts if not one.message.unwritten]
    if not verdicts:
        return
    run(
        session,
        """update inbox set state = new.state, settled_at = :at, order_id = coalesce(new.order_id, inbox.order_id),
                            error_code = new.code, error = new.error, attempts = attempts + 1
           from unnest(cast(:ids as bigint[]), cast(:moments as timestamptz[]), cast(:states as text[]),
                       cast(:orders as bigint[]), cast(:codes as text[]), cast(:errors as text[]))
                as new (id, received_at, state, order_id, code, error)
           where inbox.id = new.id and inbox.received_at = new.received_at""",
        at=at,
        ids=[one.message.id for one in verdicts],
        moments=[one.message.received_at for one in verdicts],
        states=[one.state for one in verdicts],
        orders=[one.order_id for one in verdicts],
        codes=[one.code for one in verdicts],
        errors=[one.error for one in verdicts],
    )


def postpone(session: Session, inbox_id: int, until: datetime) -> int:
    """Let a message that failed by a fault of ours wait, and give how often it has been tried; 0 if it is settled."""
    found = row(
        session,
        """update inbox set attempts = attempts + 1, run_at = :until where id = :id and state = 'received'
           returning attempts""",
        id=inbox_id,
        until=until,
    )
    return found.attempts if found else 0


def reopen(session: Session, inbox_id: int, at: datetime) -> Message:
    """Let a parked or refused message be tried again, after what it named was mended.

    Raises: NotFound.
    """
    message = read(session, inbox_id, lock=True)
    run(
        session,
        """update inbox set state = 'received', run_at = :at, attempts = 0, error_code = '', error = ''
           where id = :id and received_at = :received_at and state in ('parked', 'refused')""",
        at=at,
        id=inbox_id,
        received_at=message.received_at,
    )
    return message


def _readable(session: Session, found: Row[Any], at: datetime) -> Message | None:
    """Open a claimed row; one that no key opens is parked, so that it does not hold up the others."""
    try:
        return _opened(session, [found])[0]
    except NeedsOperator as error:
        message = Message(*found)
        settle(session, message, InboxState.PARKED, at, code=error.code, error=error.message)
        case = NewCase("our_fault", f"inbox:{message.id}", "", error.message, message.order_id, {"inbox": message.id})
        open_cases(session, [case], at)
        return None


def _opened(session: Session, found: Sequence[Row[Any]]) -> list[Message]:
    ring = keyring_of(session)
    opened: list[list[Any]] = [[*one[:-1], ring.open_body(one.body, place(one.id))] for one in found]
    return [Message(*values) for values in opened]
