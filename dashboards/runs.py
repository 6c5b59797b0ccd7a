"""Runs: every outbound call of the flows, live while one looks, with what was said in each attempt in a drawer."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards.actions import ActionKey, act
from dashboards.aim import Aim
from dashboards.asked import Place, address, moment_in, orders_of
from dashboards.case_look import connections_of
from dashboards.pages import fragment, page, tagged_fragment
from dashboards.visit import Here, Visit
from dashboards.words import FLOW, STEP
from hub.live_counts import count_live
from hub.order.reveal import known_values
from hub.repair import cancel_step, retry_step
from hub.replay_filter import What
from hub.replay_steps import skip_step
from hub.roles import Permission
from hub.runs import RunView, Wanted, attempts_of, get_run, lane_of, list_runs

PAGE: Final = 50
BEFORE, BEHIND = 4, 8
"""How many runs of a lane are shown before the one that is looked at, and behind it."""

HOLDS_UP: Final = ("pending", "in_flight", "unknown", "dead")
HOME: Final = "/console/runs"

router: Final = APIRouter()


class Look(BaseModel):
    """What the address of the list asks for; `from` and `to` are local times of the business zone."""

    model_config = ConfigDict(frozen=True)

    flow: str = ""
    connection: str = ""
    state: str = ""
    error: str = ""
    order: str = ""
    from_: str = Field(default="", alias="from")
    to: str = ""
    cursor: Place | None = None

    def wanted(self, visit: Visit) -> Wanted:
        return Wanted(
            flow=self.flow,
            connection=self.connection,
            state=self.state,
            error=self.error.strip(),
            order_ids=orders_of(visit.session, visit.actor, self.order),
            since=moment_in(self.from_, visit.zone),
            until=moment_in(self.to, visit.zone),
        )

    def link(self, path: str = HOME, **changes: object) -> str:
        """Write this question again, for another page, state or run."""
        return address(path, **{**self.model_dump(), **changes})

    @property
    def narrows(self) -> bool:
        return any((self.flow, self.connection, self.state, self.error, self.order, self.from_, self.to))

    @property
    def all_link(self) -> str:
        """Lead to an act on all that match."""
        aimed = self.model_dump(by_alias=True, exclude={"cursor"})
        return Aim.model_validate({"what": What.STEP, **aimed}).link()


Asked = Annotated[Look, Query()]


@router.get(HOME)
def runs(visit: Here, look: Asked) -> Response:
    visit.require(Permission.SEE_ORDERS)
    if visit.target("runs"):
        part = fragment(visit, "runs_list.html", **_list(visit, look))
        part.headers["HX-Push-Url"] = look.link()
        return part
    return page(visit, "runs.html", run=None, **_list(visit, look))


@router.get("/console/runs/list")
def renewed(visit: Here, look: Asked) -> Response:
    """Give the list alone, to a page that asks for it again and again."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "runs_rows.html", **_list(visit, look))


@router.get("/console/runs/{step_id:id}")
def run(visit: Here, step_id: int, look: Asked) -> Response:
    visit.require(Permission.SEE_ORDERS)
    found = get_run(visit.session, visit.actor, step_id, connections_of(visit))
    told: dict[str, Any] = {
        "run": found,
        "attempts": attempts_of(visit.session, found, known_values(visit.session, found.order_id)),
        "look": look,
        "behind": look.link(),
        **_lane(visit, found),
    }
    if visit.target("drawer"):
        return fragment(visit, "run.html", **told)
    return page(visit, "runs.html", **{**_list(visit, look), **told})


@router.post("/console/runs/{step_id:id}/retry")
def retry(visit: Here, step_id: int, action_key: ActionKey, reason: Annotated[str, Form()] = "") -> Response:
    visit.require(Permission.REPLAY)

    def work() -> str:
        retry_step(visit.session, visit.actor, step_id, reason, visit.at, connections_of(visit))
        return visit.say("Run %(id)s is due again; what may have been executed is not done twice.", id=step_id)

    return act(visit, action_key, work, then=f"{HOME}/{step_id}")


@router.post("/console/runs/{step_id:id}/cancel")
def cancel(visit: Here, step_id: int, action_key: ActionKey, reason: Annotated[str, Form()] = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        cancel_step(visit.session, visit.actor, step_id, reason, visit.at, connections_of(visit))
        return visit.say("Run %(id)s is cancelled; its lane goes on.", id=step_id)

    return act(visit, action_key, work, then=f"{HOME}/{step_id}")


@router.post("/console/runs/{step_id:id}/skip")
def skip(
    visit: Here,
    step_id: int,
    action_key: ActionKey,
    reason: Annotated[str, Form()] = "",
    in_doubt: Annotated[bool, Form()] = False,  # noqa: FBT002 # a box of the form
) -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        skip_step(
            visit.session,
            visit.actor,
            step_id,
            reason,
            visit.at,
            although_it_may_have_been_executed=in_doubt,
            connections=connections_of(visit),
        )
        return visit.say("Run %(id)s is given up; its lane goes on.", id=step_id)

    return act(visit, action_key, work, then=f"{HOME}/{step_id}")


def _lane(visit: Visit, run: RunView) -> dict[str, Any]:
    """Give what stands around a run in its lane, and which one it waits for."""
    lane = lane_of(visit.session, visit.actor, run.id, connections_of(visit))
    place = next((no for no, one in enumerate(lane) if one.id == run.id), 0)
    first = max(0, place - BEFORE)
    holder = next((one for one in lane if one.state in HOLDS_UP), None)
    return {
        "lane": lane[first : place + 1 + BEHIND],
        "earlier": first,
        "later": max(0, len(lane) - place - 1 - BEHIND),
        "holder": holder.id if holder else None,
    }


def _list(visit: Visit, look: Look) -> dict[str, Any]:
    wanted, mine = look.wanted(visit), connections_of(visit)
    found = list_runs(visit.session, visit.actor, wanted, at=visit.at, before=look.cursor, limit=PAGE, connections=mine)
    return {
        "look": look,
        "found": found,
        "counts": count_live(visit.session, visit.actor, wanted, mine),
        "states": list(STEP),
        "flows": list(FLOW),
        "connections": mine,
    }
