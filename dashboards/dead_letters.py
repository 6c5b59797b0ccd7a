"""Dead letters: calls that have stopped, grouped by partner, flow and error; each group is acted on as a whole."""

from typing import Any, Final

from fastapi import APIRouter, Response

from dashboards.aim import Aim
from dashboards.asked import address
from dashboards.case_look import connections_of
from dashboards.pages import page, tagged_fragment
from dashboards.visit import Here, Visit
from hub.replay_filter import ACTS, What
from hub.roles import Permission
from hub.steps import StepState
from hub.stuck import DeadGroup, dead_groups

HOME: Final = "/console/dead-letters"

router: Final = APIRouter()


@router.get(HOME)
def dead_letters(visit: Here, connection: str = "", q: str = "") -> Response:
    visit.require(Permission.SEE_ORDERS)
    return page(visit, "dead_letters.html", **_list(visit, connection, q))


@router.get(HOME + "/list")
def renewed(visit: Here, connection: str = "", q: str = "") -> Response:
    """Give the groups alone, to a page that asks for them again and again."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "dead_letters_rows.html", **_list(visit, connection, q))


def _list(visit: Visit, connection: str, q: str) -> dict[str, Any]:
    every = dead_groups(visit.session, visit.actor, connections_of(visit))
    found = [one for one in every if connection in {"", one.connection} and _says(one, q)]
    return {
        "groups": [(one, _runs_of(one), _acts_on(one)) for one in found],
        "total": sum(one.count for one in found),
        "connection": connection,
        "q": q,
        "connections": sorted({one.connection for one in every}),
        "again": address(HOME + "/list", connection=connection, q=q),
    }


def _says(group: DeadGroup, q: str) -> bool:
    """Look for what was typed in the errors of a group."""
    return q.strip().casefold() in f"{group.error_code} {group.error} {group.flow}".casefold()


def _runs_of(group: DeadGroup) -> str:
    return address(
        "/console/runs",
        connection=group.connection,
        flow=group.flow,
        state=StepState.DEAD,
        error=group.error_code,
    )


def _acts_on(group: DeadGroup) -> list[tuple[str, str]]:
    """Give the acts on a whole group with their addresses; a filter cannot name those that failed without a code."""
    if not group.error_code:
        asked = {"connection": group.connection, "flow": group.flow}
        return [("retry", address("/console/exceptions/alike", **asked))]
    aim = Aim(
        what=What.STEP,
        flow=group.flow,
        connection=group.connection,
        error=group.error_code,
        state=StepState.DEAD,
    )
    return [(one.value, aim.link(act=one.value)) for one in ACTS[What.STEP]]
