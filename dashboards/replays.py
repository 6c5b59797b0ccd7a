"""Jobs that repair many runs or messages: counted first, confirmed with a reason, followed, paused and stopped."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, ConfigDict

from dashboards.actions import ActionKey, act, act_towards
from dashboards.aim import JOBS, Aimed
from dashboards.asked import Place, address
from dashboards.case_look import connections_of
from dashboards.pages import fragment, page, tagged_fragment
from dashboards.visit import Here, Visit
from hub.replay_table import ItemState, JobState
from hub.replay_view import get_job, list_items, list_jobs
from hub.replays import FASTEST, SLOWEST, TYPED_ABOVE, dry_run, pause_job, resume_job, set_rate, start_job, stop_job
from hub.roles import Permission

RATE: Final = 5
"""Things a second, unless somebody says otherwise."""

PAGE: Final = 50
JOB: Final = JOBS + "/{job_id:id}"

Reason = Annotated[str, Form(max_length=500)]
Rate = Annotated[float, Form()]
Doing = Literal["pause", "resume", "stop", "rate"]

router: Final = APIRouter()


class Look(BaseModel):
    """What the address of the list asks for."""

    model_config = ConfigDict(frozen=True)

    state: str = ""
    cursor: Place | None = None

    def link(self, path: str = JOBS, **changes: object) -> str:
        return address(path, **{**self.model_dump(), **changes})


Asked = Annotated[Look, Query()]


@router.get(JOBS)
def jobs(visit: Here, look: Asked) -> Response:
    visit.require(Permission.SEE_ORDERS)
    return page(visit, "replays.html", drawer="", **_list(visit, look))


@router.get(JOBS + "/list")
def renewed(visit: Here, look: Asked) -> Response:
    """Give the list alone, to a page that asks for it again and again."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "replays_rows.html", **_list(visit, look))


@router.get(JOBS + "/new")
def new(visit: Here, aim: Aimed) -> Response:
    """Count what an act on many would meet; nothing is done yet."""
    visit.require(Permission.BULK)
    wanted = aim.wanted(visit)
    told: dict[str, Any] = {
        "aim": aim,
        "wanted": wanted,
        "outlook": dry_run(visit.session, visit.actor, wanted, visit.at, connections_of(visit)),
        "rate": RATE,
        "slowest": SLOWEST,
        "fastest": FASTEST,
        "typed_above": TYPED_ABOVE,
        "behind": aim.behind,
    }
    if visit.target("drawer"):
        return fragment(visit, "replay_new.html", **told)
    return page(visit, "replays.html", **{**_list(visit, Look()), **told, "drawer": "replay_new.html"})


@router.post(JOBS)
def start(
    visit: Here,
    aim: Aimed,
    action_key: ActionKey,
    reason: Reason = "",
    rate_per_s: Rate = RATE,
    confirm: Annotated[int | None, Form()] = None,
) -> Response:
    """Fix what was counted and let the job begin."""
    visit.require(Permission.BULK)

    def work() -> tuple[str, str]:
        job_id = start_job(
            visit.session,
            visit.actor,
            aim.wanted(visit),
            visit.at,
            reason=reason,
            rate_per_s=rate_per_s,
            confirm=confirm,
            connections=connections_of(visit),
        )
        return visit.say("Job %(id)s has begun; it goes on without this page.", id=job_id), f"{JOBS}/{job_id}"

    return act_towards(visit, action_key, work)


@router.get(JOB)
def job(visit: Here, job_id: int, items: str = "", after: Place = 0) -> Response:
    visit.require(Permission.SEE_ORDERS)
    return page(visit, "replay.html", doing="", **_detail(visit, job_id, items, after))


@router.get(JOB + "/state")
def renewed_job(visit: Here, job_id: int, items: str = "", after: Place = 0) -> Response:
    """Give one job's progress alone, as above."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "replay_state.html", **_detail(visit, job_id, items, after))


@router.get(JOB + "/{doing}")
def ask(visit: Here, job_id: int, doing: Doing) -> Response:
    """Ask for the reason of an act, in the drawer."""
    visit.require(Permission.BULK)
    told: dict[str, Any] = {**_detail(visit, job_id, "", 0), "doing": doing, "slowest": SLOWEST, "fastest": FASTEST}
    if visit.target("drawer"):
        return fragment(visit, "replay_act.html", **told)
    return page(visit, "replay.html", **told)


@router.post(JOB + "/pause")
def pause(visit: Here, job_id: int, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        pause_job(visit.session, visit.actor, job_id, reason, visit.at)
        return visit.say("Job %(id)s rests until somebody resumes it.", id=job_id)

    return act(visit, action_key, work, then=f"{JOBS}/{job_id}")


@router.post(JOB + "/resume")
def resume(visit: Here, job_id: int, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        resume_job(visit.session, visit.actor, job_id, reason, visit.at)
        return visit.say("Job %(id)s goes on.", id=job_id)

    return act(visit, action_key, work, then=f"{JOBS}/{job_id}")


@router.post(JOB + "/stop")
def stop(visit: Here, job_id: int, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        stop_job(visit.session, visit.actor, job_id, reason, visit.at)
        return visit.say("Job %(id)s is stopped; what it had not come to stays as it is.", id=job_id)

    return act(visit, action_key, work, then=f"{JOBS}/{job_id}")


@router.post(JOB + "/rate")
def change_rate(visit: Here, job_id: int, action_key: ActionKey, rate_per_s: Rate = RATE) -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        set_rate(visit.session, visit.actor, job_id, rate_per_s, visit.at)
        return visit.say("Job %(id)s goes on at %(rate)s a second.", id=job_id, rate=f"{rate_per_s:g}")

    return act(visit, action_key, work, then=f"{JOBS}/{job_id}")


def _list(visit: Visit, look: Look) -> dict[str, Any]:
    state = look.state if look.state in list(JobState) else ""
    found = list_jobs(visit.session, visit.actor, before=look.cursor, limit=PAGE, state=state)
    return {"look": look, "found": found, "states": list(JobState)}


def _detail(visit: Visit, job_id: int, items: str, after: int) -> dict[str, Any]:
    found = get_job(visit.session, visit.actor, job_id)
    state = items if items in list(ItemState) else ""
    return {
        "job": found,
        "path": f"{JOBS}/{job_id}",
        "behind": f"{JOBS}/{job_id}",
        "items": list_items(visit.session, visit.actor, job_id, after=after, limit=PAGE, state=state),
        "shown": state,
        "after": after,
        "query": address("", items=state, after=after or ""),
        "item_states": list(ItemState),
    }
