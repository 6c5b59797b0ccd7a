"""The schedule: what the workers do every so often and what partners are asked for; a supervisor pauses any of it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Response

from dashboards.actions import ActionKey, act
from dashboards.asked import segment
from dashboards.case_look import connection_of, connections_of
from dashboards.pages import fragment, page, tagged_fragment
from dashboards.visit import Here, Visit
from hub.errors import NotFound
from hub.pulse import PollLine, poll_lines, schedules_of, slots_of
from hub.roles import Permission
from hub.tending import pause_poll, pause_schedule, resume_poll, resume_schedule

HOME: Final = "/console/schedule"
CHORE: Final = HOME + "/chores/{name}"
POLL: Final = HOME + "/polls/{connection}/{name}"
GRAVITY: Final = ("overdue", "failed", "paused", "never", "running", "done")
POLL_GRAVITY: Final = ("overdue", "failing", "paused", "held", "never", "running", "good", "on_demand")
"""What needs a person stands first."""

Reason = Annotated[str, Form(max_length=500)]

router: Final = APIRouter()


@router.get(HOME)
def schedule(visit: Here) -> Response:
    visit.require(Permission.SEE_ORDERS)
    return page(visit, "schedule.html", drawer="", **_list(visit))


@router.get("/console/schedule/list")
def renewed(visit: Here) -> Response:
    """Give the tables alone, to a page that asks for them again and again."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "schedule_rows.html", **_list(visit))


@router.get(CHORE)
def chore(visit: Here, name: str) -> Response:
    """Show one schedule with its runs, and what a supervisor does with it."""
    visit.require(Permission.SEE_ORDERS)
    found = schedules_of(visit.session, visit.at, name)
    if not found:
        raise NotFound(f"there is no schedule {name}", code="unknown_schedule")
    return _show(visit, "schedule_chore.html", one=found[0], slots=slots_of(visit.session, name))


@router.get(POLL)
def poll(visit: Here, connection: str, name: str) -> Response:
    """Show one poll of a connection, and what a supervisor does with it."""
    visit.require(Permission.SEE_ORDERS)
    return _show(visit, "schedule_poll.html", one=_poll(visit, connection, name))


@router.post(CHORE + "/pause")
def pause(visit: Here, name: str, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        pause_schedule(visit.session, visit.actor, name, reason, visit.at)
        return visit.say("%(name)s is paused until somebody resumes it.", name=name)

    return act(visit, action_key, work, then=f"{HOME}/chores/{segment(name)}")


@router.post(CHORE + "/resume")
def resume(visit: Here, name: str, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        resume_schedule(visit.session, visit.actor, name, reason, visit.at)
        return visit.say("%(name)s goes on with its next slot.", name=name)

    return act(visit, action_key, work, then=f"{HOME}/chores/{segment(name)}")


@router.post(POLL + "/pause")
def pause_asking(visit: Here, connection: str, name: str, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        one = connection_of(visit, connection)
        pause_poll(visit.session, visit.actor, connection, one, name, reason, visit.at)
        return visit.say("%(name)s is paused until somebody resumes it.", name=f"{connection}/{name}")

    return act(visit, action_key, work, then=f"{HOME}/polls/{segment(connection)}/{segment(name)}")


@router.post(POLL + "/resume")
def resume_asking(visit: Here, connection: str, name: str, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        one = connection_of(visit, connection)
        resume_poll(visit.session, visit.actor, connection, one, name, reason, visit.at)
        return visit.say("%(name)s is asked for again, from where it had stopped.", name=f"{connection}/{name}")

    return act(visit, action_key, work, then=f"{HOME}/polls/{segment(connection)}/{segment(name)}")


def _show(visit: Visit, drawer: str, **told: Any) -> Response:  # noqa: ANN401 # what a template takes
    if visit.target("drawer"):
        return fragment(visit, drawer, behind=HOME, **told)
    return page(visit, "schedule.html", **{**_list(visit), **told, "behind": HOME, "drawer": drawer})


def _list(visit: Visit) -> dict[str, Any]:
    chores = schedules_of(visit.session, visit.at)
    polls = poll_lines(visit.session, connections_of(visit))
    return {
        "chores": sorted(chores, key=lambda one: GRAVITY.index(one.state(visit.at))),
        "polls": sorted(polls, key=lambda one: POLL_GRAVITY.index(one.state(visit.at))),
        "everywhere": not (visit.actor.brands or visit.actor.shops),
    }


def _poll(visit: Visit, connection: str, name: str) -> PollLine:
    connection_of(visit, connection)
    found = [one for one in poll_lines(visit.session, [connection]) if one.name == name]
    if not found:
        raise NotFound(f"{connection} is not asked for {name}", code="unknown_schedule")
    return found[0]
