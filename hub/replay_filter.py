"""Which calls or messages an act on many is about: a filter, as a person writes it and as the tables are asked."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import rows
from hub.document import Document, Moment, Text
from hub.errors import Malformed
from hub.inbox import InboxState
from hub.roles import Actor
from hub.scope import INBOX_SEEN, STEP_SEEN, scope
from hub.steps import StepState
from hub.unfit import malformed

LOOK_BACK: Final = timedelta(days=1)
"""How far finished calls are looked for when no period is named."""

ENDED: Final = frozenset({StepState.DONE, StepState.CANCELLED})
STUCK: Final = (InboxState.PARKED, InboxState.REFUSED)
AGO: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])")
UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
MANY: Final = ("orders", "ids")
NAMES: Final = {"order": "orders", "id": "ids"}
"""What a filter's words are called in the singular, for a person's sake."""


class What(StrEnum):
    """What is acted on: outbound calls, or messages in the inbox."""

    STEP = "step"
    MESSAGE = "message"


class Act(StrEnum):
    """What is done with each."""

    RETRY = "retry"
    SKIP = "skip"
    CANCEL = "cancel"
    REPLAY = "replay"
    DISCARD = "discard"


ACTS: Final[Mapping[What, Sequence[Act]]] = {
    What.STEP: (Act.RETRY, Act.SKIP, Act.CANCEL),
    What.MESSAGE: (Act.REPLAY, Act.DISCARD),
}

Word = Annotated[Text, Field(max_length=64)]
Id = Annotated[int, Field(ge=1, lt=2**63)]


class Filter(Document):
    """Which of them; what is empty does not matter.

    Without a state and without ids: the dead calls, or the messages that are parked or refused. `flow` and `orders`
    (the hub's numbers or the shops') are of calls, `kind` is of messages; a period is of when they were written down.
    """

    flow: Word = ""
    connection: Word = ""
    kind: Word = ""
    state: Word = ""
    error: Word = ""
    orders: Annotated[tuple[Word, ...], Field(max_length=1_000)] = ()
    ids: Annotated[tuple[Id, ...], Field(max_length=5_000)] = ()
    since: Moment | None = None
    until: Moment | None = None


class Wanted(Document):
    """What is wanted of whom.

    `again` also calls what has completed once more, where that is harmless. `although_it_may_have_been_executed` also
    skips calls of which nobody knows whether the partner has executed them.
    """

    what: What = What.STEP
    act: Act = Act.RETRY
    filter: Filter = Filter()
    again: bool = False
    although_it_may_have_been_executed: bool = False


def check_wanted(wanted: Wanted) -> None:
    """Refuse what cannot be meant.

    Raises: Malformed, naming the field.
    """
    if wanted.act not in ACTS[wanted.what]:
        possible = ", ".join(ACTS[wanted.what])
        raise Malformed(f"a {wanted.what} is not to {wanted.act}: choose {possible}", code="replay_act", field="act")
    foreign = ("kind",) if wanted.what is What.STEP else ("flow", "orders")
    for name in foreign:
        if getattr(wanted.filter, name):
            raise Malformed(f"{name} says nothing of a {wanted.what}", code="replay_filter", field=f"filter.{name}")
    states = StepState if wanted.what is What.STEP else InboxState
    if wanted.filter.state and wanted.filter.state not in list(states):
        raise Malformed(f"a {wanted.what} is {', '.join(states)}", code="replay_filter", field="filter.state")
    if wanted.again and wanted.act is not Act.RETRY:
        told = "only a call can be made again: a message that has become an order is never replayed"
        raise Malformed(told if wanted.what is What.MESSAGE else "again belongs to retry", code="again", field="again")
    if wanted.although_it_may_have_been_executed and wanted.act is not Act.SKIP:
        name = "although_it_may_have_been_executed"
        raise Malformed("only skipping needs this", code="replay_act", field=name)


def read_filter(text: str, at: datetime) -> Filter:
    """Read `connection=sap,error=http_500,order=123|456,since=2h`: words joined by commas, many values by |.

    Raises: Malformed, saying which words there are.
    """
    values: dict[str, Any] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        key, mark, value = part.partition("=")
        name = NAMES.get(key.strip(), key.strip())
        if not mark or name not in Filter.model_fields or not value.strip():
            known = ", ".join(
                {field: one for one, field in NAMES.items()}.get(name, name) for name in Filter.model_fields
            )
            raise Malformed(f"{part} is no part of a filter: write word=value, of {known}", code="replay_filter")
        if name in values:
            told = f"{key.strip()} stands twice: only orders and ids have many values, as {key.strip()}=A|B"
            raise Malformed(told, code="replay_filter")
        if name in {"since", "until"}:
            values[name] = moment_of(value, at)
        else:
            values[name] = tuple(value.split("|")) if name in MANY else value.strip()
    try:
        return Filter.model_validate(values)
    except ValidationError as error:
        raise malformed(error, "replay_filter") from error


def moment_of(text: str, at: datetime) -> datetime:
    """Read `2h`, `3d`, `30m` as so long ago, or a moment of ISO 8601; one without an offset is UTC.

    Raises: Malformed.
    """
    ago = AGO.fullmatch(text.strip())
    if ago:
        return at - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Malformed(f"{text} is no time: write 2h, 3d or 2026-11-11T10:00+08:00", code="moment") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def order_ids_of(session: Session, numbers: Collection[str]) -> list[int]:
    """Give the orders of these numbers, the hub's or any shop's; scope is for the query that uses them."""
    if not numbers:
        return []
    ours = [int(one) for one in numbers if one.isascii() and one.isdigit() and len(one) == 16]  # noqa: PLR2004 # hub.ids
    found = rows(
        session,
        """with recursive known as (
               (select shop from order_key order by shop limit 1)
               union all
               select (select shop from order_key where shop > known.shop order by shop limit 1) from known
               where known.shop is not null)
           select k.order_id from known join order_key k on k.shop = known.shop
           where k.external_id = any(:numbers) and k.payload_hash <> ''""",
        numbers=sorted(numbers),
    )
    return sorted({*ours, *(one.order_id for one in found)})


def find_steps(
    session: Session, actor: Actor, sought: Filter, at: datetime, limit: int, connections: Collection[str]
) -> Sequence[Row[Any]]:
    """Give id, state, flow, connection and doubt of the calls that match, the oldest first.

    States are written into the statement, as they stand in the indexes.
    """
    state = sought.state or ("" if sought.ids else StepState.DEAD)
    values: dict[str, Any] = {
        **sought.model_dump(exclude={"state", "kind", "orders", "ids"}),
        "state": state,
        "order_ids": order_ids_of(session, sought.orders) if sought.orders else None,
        "ids": list(sought.ids) or None,
    }
    conditions = {
        "state": f"s.state = '{state}'",
        "flow": "s.flow = :flow",
        "connection": "s.connection = :connection",
        "order_ids": "s.order_id = any(:order_ids)",
        "ids": "s.id = any(:ids)",
        "since": "s.created_at >= :since",
        "until": "s.created_at < :until",
        "error": """exists (select 1 from attempt a where a.step_id = s.id and a.token = s.token
                            and a.error_code = :error)""",
    }
    asked = [text for name, text in conditions.items() if values[name] not in (None, "")]
    parts = [_select_steps("step", [*asked, STEP_SEEN])]
    if state in {"", *ENDED}:
        finished = [] if sought.ids or sought.orders else ["s.settled_at >= :ended_since"]
        parts.append(_select_steps("step_history", [*asked, *finished, STEP_SEEN]))
    return rows(
        session,
        f"select * from ({' union all '.join(parts)}) found order by id limit :limit",
        **values,
        **scope(actor, connections),
        ended_since=sought.since or at - LOOK_BACK,
        limit=limit,
    )


def find_messages(
    session: Session, actor: Actor, sought: Filter, limit: int, connections: Collection[str]
) -> Sequence[Row[Any]]:
    """Give id, state, kind and connection of the messages that match, the oldest first."""
    states = [sought.state] if sought.state else [] if sought.ids else list(STUCK)
    values: dict[str, Any] = {
        **sought.model_dump(exclude={"state", "flow", "orders", "ids"}),
        "states": states or None,
        "ids": list(sought.ids) or None,
    }
    conditions = {
        "states": f"m.state in ({', '.join(repr(str(one)) for one in states)})",
        "kind": "m.kind = :kind",
        "connection": "m.connection = :connection",
        "ids": "(m.id, m.received_at) in (select inbox_id, received_at from inbox_key where inbox_id = any(:ids))",
        "since": "m.received_at >= :since",
        "until": "m.received_at < :until",
        "error": "m.error_code = :error",
    }
    asked = [text for name, text in conditions.items() if values[name] not in (None, "")]
    return rows(
        session,
        f"""select m.id, m.state, m.kind, m.connection from inbox m
            where {" and ".join([*asked, INBOX_SEEN])} order by m.id limit :limit""",
        **values,
        **scope(actor, connections),
        limit=limit,
    )


def _select_steps(table: str, conditions: Sequence[str]) -> str:
    return f"""(select s.id, s.state, s.flow, s.connection, s.doubt from {table} s
                where {" and ".join(conditions)} order by s.id limit :limit)"""
