"""Runs of flows: every outbound call that is due, under way or over, with what was said in each of its attempts.

Live steps are few and counted; finished ones lie in the monthly history, where only a period is looked through.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import keyring_of, records, rows
from hub.document import Document
from hub.errors import NeedsOperator, NotFound
from hub.exchange import place
from hub.masking import mask, mask_url
from hub.replay_acts import HOLDING, REPEATABLE
from hub.roles import Actor
from hub.scope import STEP_SEEN, scope
from hub.tracing import trace_id_of

LOOK_BACK: Final = timedelta(days=1)
"""How far finished runs are looked for when no period is named."""

LANE_SHOWN: Final = 200
"""Calls of one lane that are shown, the newest."""

ENDED: Final = ("done", "cancelled")
COLUMNS: Final = """s.id, s.flow, s.connection, s.lane, s.state, s.doubt, s.attempts, s.token, s.order_id,
    s.idempotency_key, s.last_error, s.created_at, s.run_at, s.settled_at, s.traceparent"""
CONDITIONS: Final = {
    "id": "s.id = :id",
    "lane": "s.lane = :lane",
    "flow": "s.flow = :flow",
    "connection": "s.connection = :connection",
    "state": "s.state = :state",
    "order_ids": "s.order_id = any(:order_ids)",
    "error": """exists (select 1 from attempt a where a.step_id = s.id and a.token = s.token
                        and a.error_code = :error)""",
    "since": "s.created_at >= :since",
    "until": "s.created_at < :until",
    "before": "s.id < :before",
    "ended_since": "s.settled_at >= :ended_since",
}
ADORNED: Final = """
    select s.*, o.external_id, o.shop, a.took_s, a.error_code
    from (select * from found order by id desc limit :limit) s
    left join sales_order o on o.id = s.order_id
    left join lateral (
        select cast(extract(epoch from finished_at - started_at) as float8) as took_s, error_code from attempt
        where step_id = s.id order by token desc limit 1) a on true
    order by s.id desc"""


class Wanted(Document):
    """Which runs to list; what is empty does not matter."""

    flow: str = ""
    connection: str = ""
    state: str = ""
    error: str = ""
    order_ids: list[int] | None = None
    since: datetime | None = None
    until: datetime | None = None


class RunView(Document):
    """One outbound call; `took_s` and `error_code` are of its last attempt."""

    id: int
    flow: str
    connection: str
    lane: str
    state: str
    doubt: bool
    attempts: int
    token: int
    order_id: int | None
    idempotency_key: str
    last_error: str
    created_at: datetime
    run_at: datetime
    settled_at: datetime | None
    traceparent: str
    external_id: str | None
    shop: str | None
    took_s: float | None
    error_code: str | None

    @property
    def trace(self) -> str:
        """The trace that it belongs to, if it was traced."""
        return trace_id_of(self.traceparent)

    @property
    def cancellable(self) -> bool:
        """Whether it was certainly never executed, has not ended, and holds no stock."""
        return self.state in {"waiting", "pending", "dead"} and not self.doubt and self.flow not in HOLDING

    @property
    def skippable(self) -> bool:
        """Whether its lane may go on without it; one in doubt needs a person to say that this does not matter."""
        return self.state == "dead" and self.flow not in HOLDING

    @property
    def repeatable(self) -> bool:
        """Whether it has completed and may be made once more without harm."""
        return self.state == "done" and self.flow in REPEATABLE


class RunPage(Document):
    """Runs, the newest first; `next` is the cursor of the following page, None at the end."""

    runs: tuple[RunView, ...]
    next: int | None


class Said(Document):
    """One request and its answer, masked for the eye; without a status no answer came."""

    request: str
    request_body: str
    status: int | None
    answer_body: str
    seconds: float
    error: str


class AttemptView(Document):
    """One attempt; `unreadable` says why its exchanges cannot be shown."""

    token: int
    started_at: datetime
    finished_at: datetime
    outcome: str
    error_code: str
    error: str
    exchanges: tuple[Said, ...]
    unreadable: str = ""

    @property
    def took_s(self) -> float:
        return (self.finished_at - self.started_at).total_seconds()


def list_runs(
    session: Session,
    actor: Actor,
    wanted: Wanted,
    *,
    at: datetime,
    before: int | None,
    limit: int,
    connections: Collection[str] = (),
) -> RunPage:
    """Give a page of runs; `before` is the last run of the page before, `connections` whose orderless runs are seen.

    Without a period: live ones of any age, and those that ended within the last day; of one order all of them.
    """
    ended_since = None if wanted.order_ids else wanted.since or at - LOOK_BACK
    values = wanted.model_dump() | {"before": before}
    found = _find(session, scope(actor, connections), values, ended_since, limit + 1)
    return RunPage(runs=tuple(found[:limit]), next=found[limit - 1].id if len(found) > limit else None)


def get_run(session: Session, actor: Actor, step_id: int, connections: Collection[str] = ()) -> RunView:
    """Give one run, live or finished.

    Raises: NotFound, also for a run of another brand or shop.
    """
    found = _find(session, scope(actor, connections), {"id": step_id}, None, 1)
    if not found:
        raise NotFound(f"there is no run {step_id}", code="unknown_run")
    return found[0]


def lane_of(session: Session, actor: Actor, step_id: int, connections: Collection[str] = ()) -> Sequence[RunView]:
    """Give the calls of a call's lane in their order: what has finished of its order, what stands, what waits behind.

    Raises: NotFound.
    """
    run = get_run(session, actor, step_id, connections)
    orders = [run.order_id] if run.order_id else None
    values = {"lane": run.lane, "order_ids": orders}
    parts = ["step", *(["step_history"] if orders else [])]  # history has its index by order
    selects = [_select(part, where(values)) for part in parts]
    return _select_found(session, scope(actor, connections), selects, values, LANE_SHOWN)[::-1]


def attempts_of(session: Session, run: RunView, also: Sequence[str]) -> list[AttemptView]:
    """Give what was tried for a run, the latest first, masked; `also` are its order's personal values."""
    found = rows(
        session,
        """select token, started_at, finished_at, outcome, error_code, error, exchanges from attempt
           where step_id = :id order by token desc, started_at desc limit 50""",
        id=run.id,
    )
    return [_opened(session, run.id, one, also) for one in found]


def _find(
    session: Session, seen: Mapping[str, Any], values: Mapping[str, Any], ended_since: datetime | None, limit: int
) -> list[RunView]:
    parts = [_select("step", where(values))]
    if values.get("state", "") in {"", *ENDED}:
        parts.append(_select("step_history", where({**values, "ended_since": ended_since})))
    return _select_found(session, seen, parts, {**values, "ended_since": ended_since}, limit)


def _select_found(
    session: Session, seen: Mapping[str, Any], parts: Sequence[str], values: Mapping[str, Any], limit: int
) -> list[RunView]:
    statement = f"with found as ({' union all '.join(parts)}) {ADORNED}"
    found = records(session, statement, **values, **seen, limit=limit)
    return [RunView.model_validate(one) for one in found]


def _select(table: str, where: str) -> str:
    return f"(select {COLUMNS} from {table} s where {where} order by s.id desc limit :limit)"


def where(values: Mapping[str, Any]) -> str:
    """Write only the conditions that are asked for, so that each has its index."""
    return " and ".join([*asked(values), STEP_SEEN])


def asked(values: Mapping[str, Any]) -> list[str]:
    """Give the conditions that these values ask for; what is empty does not matter."""
    return [condition for name, condition in CONDITIONS.items() if values.get(name) not in (None, "")]


def _opened(session: Session, step_id: int, attempt: Row[Any], also: Sequence[str]) -> AttemptView:
    view = AttemptView(
        token=attempt.token,
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
        outcome=attempt.outcome,
        error_code=attempt.error_code,
        error=mask(attempt.error, also),
        exchanges=(),
    )
    if attempt.exchanges is None:
        return view
    try:
        opened = keyring_of(session).open_body(bytes(attempt.exchanges), place(step_id, attempt.token))
    except NeedsOperator as error:
        return view.model_copy(update={"unreadable": error.message})
    return view.model_copy(update={"exchanges": tuple(_masked(one, also) for one in json.loads(opened))})


def _masked(heard: dict[str, Any], also: Sequence[str]) -> Said:
    return Said(
        request=mask_url(heard["request"], also),
        request_body=mask(heard["request_body"], also),
        status=heard["status"],
        answer_body=mask(heard["answer_body"], also),
        seconds=heard["seconds"],
        error=mask(heard["error"], also),
    )
