"""Runs for programs of operations: every outbound call, live or finished, with what was said in its attempts."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import Operator
from api.surroundings import Hub, TheHub
from hub.document import PRINTABLE, Document, Moment
from hub.order.reveal import known_values
from hub.replay_filter import order_ids_of
from hub.roles import Actor, Permission
from hub.runs import AttemptView, RunPage, RunView, Wanted, attempts_of, get_run, lane_of, list_runs
from hub.scope import reach

router = APIRouter(prefix="/v1/runs", tags=["runs · 调用"])

Word = Annotated[str, Query(max_length=64, pattern=PRINTABLE)]
Id = Annotated[int, Path(ge=1, lt=2**63)]


class RunDetail(Document):
    """A call with its attempts, the latest first and masked, and its whole lane, the oldest first."""

    run: RunView
    attempts: tuple[AttemptView, ...]
    lane: tuple[RunView, ...]


@router.get("", summary="调用列表 · List calls")
def list_page(
    hub: TheHub,
    caller: Operator,
    cursor: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    flow: Word = "",
    connection: Word = "",
    state: Word = "",
    error: Word = "",
    order: Word = "",
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
) -> RunPage:
    """List calls, the newest first; `next` of one page is the `cursor` of the following one.

    `order` is the hub's number or a shop's own. Finished calls are those of the last day unless `since` or `order` is
    named.
    """
    caller.require(Permission.SEE_ORDERS)
    with hub.database.transaction() as session:
        wanted = Wanted(
            flow=flow,
            connection=connection,
            state=state,
            error=error,
            order_ids=order_ids_of(session, [order]) or [0] if order else None,
            since=since,
            until=until,
        )
        mine = connections_of(hub, caller)
        return list_runs(session, caller, wanted, at=hub.now(), before=cursor, limit=limit, connections=mine)


@router.get("/{run_id}", summary="查看一次调用 · Get a call")
def get_one(hub: TheHub, caller: Operator, run_id: Id) -> RunDetail:
    """Give a call, what was said in its attempts without anybody's personal data, and the lane it stands in."""
    caller.require(Permission.SEE_ORDERS)
    mine = connections_of(hub, caller)
    with hub.database.transaction() as session:
        run = get_run(session, caller, run_id, mine)
        return RunDetail(
            run=run,
            attempts=tuple(attempts_of(session, run, known_values(session, run.order_id))),
            lane=tuple(lane_of(session, caller, run_id, mine)),
        )


def connections_of(hub: Hub, caller: Actor) -> Sequence[str]:
    """Name the connections whose own calls and messages a caller may see."""
    return list(reach(caller, hub.settings.connections))
