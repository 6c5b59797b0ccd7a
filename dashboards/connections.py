"""Connections: how each configured partner fares, and what a supervisor does with one; no secret is ever shown."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Response

from dashboards.actions import ActionKey, act
from dashboards.asked import moment_in, segment
from dashboards.pages import fragment, page, tagged_fragment
from dashboards.visit import Here, Visit
from hub.errors import Malformed, NotFound
from hub.gates import Breaker, limit_of
from hub.health import Health, healths
from hub.polls import ORDERS, PROBE
from hub.pulse import GateView, gates_of
from hub.roles import Permission
from hub.runs import Wanted, list_runs
from hub.scope import reach
from hub.settings import Connection, Settings
from hub.tending import ask_again, ask_for_probe, pause_for, resume_for, try_now

HOME: Final = "/console/connections"
GRAVITY: Final = ("paused", "failing", "token_ends", "lagging", "silent", "working")
"""What needs a person stands first."""

Act = Literal["pause", "resume", "ask-again", "try-now"]

router: Final = APIRouter()


@dataclass(frozen=True, slots=True)
class Line:
    """One configured connection with its health, its gate, and its state in one word."""

    name: str
    settings: Connection
    health: Health
    gate: GateView
    state: str

    @property
    def path(self) -> str:
        return f"{HOME}/{segment(self.name)}"

    @property
    def can_be_tested(self) -> bool:
        return any(poll.name == PROBE for poll in self.health.polls)

    @property
    def can_be_tried(self) -> bool:
        """Whether an open breaker holds calls back that a person may let through at once."""
        return self.gate.breaker == Breaker.OPEN and self.health.paused_at is None

    @property
    def is_asked_for_orders(self) -> bool:
        return any(poll.name == ORDERS for poll in self.health.polls)


@dataclass(frozen=True, slots=True)
class SecretAge:
    """Where a connection's secret comes from and, of a file, since when; never what it is."""

    source: Literal["file", "variable", "missing"]
    since: datetime | None = None


@router.get(HOME)
def connections(visit: Here) -> Response:
    visit.require(Permission.SEE_ORDERS)
    return page(visit, "connections.html", lines=_lines(visit))


@router.get("/console/connections-list")
def renewed(visit: Here) -> Response:
    """Give the table alone, to a page that asks for it again and again."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "connections_rows.html", lines=_lines(visit))


@router.get("/console/connections/{name}")
def connection(visit: Here, name: str) -> Response:
    return page(visit, "connection.html", act=None, **_detail(visit, name))


@router.get("/console/connections/{name}/state")
def renewed_state(visit: Here, name: str) -> Response:
    """Give the health of one connection alone, as above."""
    return tagged_fragment(visit, "connection_state.html", **_detail(visit, name))


@router.get("/console/connections/{name}/{doing}")
def ask(visit: Here, name: str, doing: Act) -> Response:
    """Ask for the reason of an act, in the drawer."""
    visit.require(Permission.BULK)
    told: dict[str, Any] = {**_detail(visit, name), "act": doing}
    if visit.target("drawer"):
        return fragment(visit, "connection_act.html", **told)
    return page(visit, "connection.html", **told)


@router.post("/console/connections/{name}/pause")
def pause(visit: Here, name: str, action_key: ActionKey, reason: Annotated[str, Form()] = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        pause_for(visit.session, visit.actor, name, _settings_of(visit, name), reason, visit.at)
        return visit.say("%(name)s is paused: nothing is sent or asked for.", name=name)

    return act(visit, action_key, work, then=f"{HOME}/{segment(name)}")


@router.post("/console/connections/{name}/resume")
def resume(visit: Here, name: str, action_key: ActionKey, reason: Annotated[str, Form()] = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        resume_for(visit.session, visit.actor, name, _settings_of(visit, name), reason, visit.at)
        return visit.say("%(name)s goes on: what waited is due at once.", name=name)

    return act(visit, action_key, work, then=f"{HOME}/{segment(name)}")


@router.post("/console/connections/{name}/test")
def test(visit: Here, name: str, action_key: ActionKey) -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        ask_for_probe(visit.session, visit.actor, name, _settings_of(visit, name), visit.at)
        return visit.say("A worker makes a harmless call now; its outcome is shown here.")

    return act(visit, action_key, work, then=f"{HOME}/{segment(name)}")


@router.post("/console/connections/{name}/try-now")
def let_probe(visit: Here, name: str, action_key: ActionKey, reason: Annotated[str, Form()] = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        try_now(visit.session, visit.actor, name, _settings_of(visit, name), reason, visit.at)
        return visit.say("One call of %(name)s is tried now; if it works, the others follow.", name=name)

    return act(visit, action_key, work, then=f"{HOME}/{segment(name)}")


@router.post("/console/connections/{name}/ask-again")
def ask_from(
    visit: Here,
    name: str,
    action_key: ActionKey,
    since: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        start = moment_in(since, visit.zone)
        if start is None:
            raise Malformed("name a date and a time", code="since_missing", field="since")
        ask_again(visit.session, visit.actor, name, _settings_of(visit, name), start, reason, visit.at)
        return visit.say("%(name)s is asked again for all that has changed since then.", name=name)

    return act(visit, action_key, work, then=f"{HOME}/{segment(name)}")


def secret_age(settings: Settings, name: str) -> SecretAge:
    """Say where a connection's secret comes from, and since when its file is as it is."""
    if os.environ.get(f"OMS_SECRET_{name.upper().replace('-', '_')}"):
        return SecretAge("variable")
    path = settings.secrets_folder / name if settings.secrets_folder else None
    if path is None or not path.is_file():
        return SecretAge("missing")
    return SecretAge("file", datetime.fromtimestamp(path.stat().st_mtime, UTC))


def _lines(visit: Visit) -> list[Line]:
    mine = reach(visit.actor, visit.console.settings.connections)
    found = healths(visit.session, list(mine), visit.at)
    gates = gates_of(visit.session, {name: limit_of(one) for name, one in mine.items()})
    lines = [
        Line(one.connection, mine[one.connection], one, gates[one.connection], one.state(visit.at)) for one in found
    ]
    return sorted(lines, key=lambda line: (GRAVITY.index(line.state), line.name))


def _settings_of(visit: Visit, name: str) -> Connection:
    """Give a connection that this person may see.

    Raises: NotFound.
    """
    mine = reach(visit.actor, visit.console.settings.connections)
    if name not in mine:
        raise NotFound(f"there is no connection {name}", code="unknown_connection")
    return mine[name]


def _detail(visit: Visit, name: str) -> dict[str, Any]:
    visit.require(Permission.SEE_ORDERS)
    settings = _settings_of(visit, name)
    (health,) = healths(visit.session, [name], visit.at)
    gate = gates_of(visit.session, {name: limit_of(settings)})[name]
    wanted = Wanted(connection=name)
    return {
        "line": Line(name, settings, health, gate, health.state(visit.at)),
        "secret": secret_age(visit.console.settings, name),
        "recent": list_runs(visit.session, visit.actor, wanted, at=visit.at, before=None, limit=10).runs,
    }
