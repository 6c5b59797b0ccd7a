"""Messages: what came in, found by filter; replayed, set aside, or edited and taken in as a new one."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards.actions import ActionKey, act, act_towards
from dashboards.aim import Aim
from dashboards.asked import Place, address, moment_in
from dashboards.case_look import connections_of
from dashboards.pages import fragment, page, tagged_fragment
from dashboards.visit import Here, Visit
from dashboards.words import INBOX, MESSAGE
from hub.letters import Wanted, kin_of, list_letters
from hub.order.trace.inbox import open_message
from hub.repair import discard_message, replay_message
from hub.replay_acts import REPLAYABLE
from hub.replay_edit import diff_of, edit_message
from hub.replay_edit import open_message as open_unmasked
from hub.replay_filter import What
from hub.roles import Permission

PAGE: Final = 50
HOME: Final = "/console/messages"
ONE: Final = HOME + "/{inbox_id:id}"

Reason = Annotated[str, Form(max_length=500)]
Body = Annotated[str, Form()]

router: Final = APIRouter()


class Look(BaseModel):
    """What the address of the list asks for; `from` and `to` are local times of the business zone."""

    model_config = ConfigDict(frozen=True)

    connection: str = ""
    kind: str = ""
    state: str = ""
    error: str = ""
    from_: str = Field(default="", alias="from")
    to: str = ""
    cursor: Place | None = None

    def wanted(self, visit: Visit) -> Wanted:
        return Wanted(
            connection=self.connection,
            kind=self.kind,
            state=self.state,
            error=self.error.strip(),
            since=moment_in(self.from_, visit.zone),
            until=moment_in(self.to, visit.zone),
        )

    def link(self, path: str = HOME, **changes: object) -> str:
        """Write this question again, for another page, state or message."""
        return address(path, **{**self.model_dump(), **changes})

    @property
    def narrows(self) -> bool:
        return any((self.connection, self.kind, self.state, self.error, self.from_, self.to))

    @property
    def all_link(self) -> str:
        """Lead to an act on all that match."""
        return Aim.model_validate({"what": What.MESSAGE, **self.model_dump(by_alias=True, exclude={"cursor"})}).link()


Asked = Annotated[Look, Query()]


@router.get(HOME)
def messages(visit: Here, look: Asked) -> Response:
    visit.require(Permission.SEE_ORDERS)
    if visit.target("messages"):
        part = fragment(visit, "messages_list.html", **_list(visit, look))
        part.headers["HX-Push-Url"] = look.link()
        return part
    return page(visit, "messages.html", drawer="", **_list(visit, look))


@router.get(HOME + "/list")
def renewed(visit: Here, look: Asked) -> Response:
    """Give the list alone, to a page that asks for it again and again."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "messages_rows.html", **_list(visit, look))


@router.get(ONE)
def message(visit: Here, inbox_id: int, look: Asked) -> Response:
    visit.require(Permission.SEE_ORDERS)
    return _show(visit, look, "message_inbox.html", **_told(visit, inbox_id))


@router.post(ONE + "/replay")
def replay(visit: Here, inbox_id: int, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.REPLAY)

    def work() -> str:
        replay_message(visit.session, visit.actor, inbox_id, reason, visit.at, connections_of(visit))
        return visit.say("The message waits for the worker again.")

    return act(visit, action_key, work, then=f"{HOME}/{inbox_id}")


@router.post(ONE + "/discard")
def discard(visit: Here, inbox_id: int, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.REPLAY)

    def work() -> str:
        discard_message(visit.session, visit.actor, inbox_id, reason, visit.at, connections_of(visit))
        return visit.say("The message is set aside for good.")

    return act(visit, action_key, work, then=f"{HOME}/{inbox_id}")


@router.get(ONE + "/edit")
def ask(visit: Here, inbox_id: int) -> Response:
    """Ask why a message is to be opened for editing; nothing of it is shown yet."""
    _may_edit(visit)
    return _show(visit, Look(), "message_edit.html", **_told(visit, inbox_id), text=None, change=None)


@router.post(ONE + "/open")
def unmask(visit: Here, inbox_id: int, reason: Reason = "") -> Response:
    """Show a message unmasked for editing, on this answer alone; each look is audited."""
    _may_edit(visit)
    text = open_unmasked(visit.session, visit.actor, inbox_id, reason, visit.at, connections_of(visit))
    return _show(visit, Look(), "message_edit.html", **_told(visit, inbox_id), text=text, change=None)


@router.post(ONE + "/preview")
def preview(visit: Here, inbox_id: int, body: Body = "") -> Response:
    """Show what was changed, before anything is taken in."""
    _may_edit(visit)
    text = _typed(body)
    change = diff_of(visit.session, visit.actor, inbox_id, text, connections_of(visit))
    return _show(visit, Look(), "message_edit.html", **_told(visit, inbox_id), text=text, change=change)


@router.post(ONE + "/edit")
def edit(visit: Here, inbox_id: int, action_key: ActionKey, body: Body = "", reason: Reason = "") -> Response:
    _may_edit(visit)

    def work() -> tuple[str, str]:
        mine = connections_of(visit)
        new = edit_message(visit.session, visit.actor, inbox_id, _typed(body), reason, visit.at, mine)
        told = visit.say("Message %(new)s takes the place of %(id)s.", new=new, id=inbox_id)
        return told, f"{HOME}/{new}"

    return act_towards(visit, action_key, work)


def _typed(body: str) -> str:
    """Give what was typed with its own line ends: a browser sends others (HTML, "constructing the entry list")."""
    return body.replace("\r\n", "\n")


def _may_edit(visit: Visit) -> None:
    visit.require(Permission.BULK)
    visit.require(Permission.UNMASK)


def _told(visit: Visit, inbox_id: int) -> dict[str, Any]:
    found = open_message(visit.session, visit.actor, inbox_id, connections_of(visit))
    return {
        "message": found,
        "kin": kin_of(visit.session, inbox_id),
        "stuck": found.state in REPLAYABLE,
        "comparable": False,
        "compared": None,
        "view": "",
    }


def _show(visit: Visit, look: Look, drawer: str, **told: Any) -> Response:  # noqa: ANN401 # what a template takes
    if visit.target("drawer"):
        return fragment(visit, drawer, behind=look.link(), **told)
    return page(visit, "messages.html", **{**_list(visit, look), **told, "behind": look.link(), "drawer": drawer})


def _list(visit: Visit, look: Look) -> dict[str, Any]:
    mine = connections_of(visit)
    found = list_letters(
        visit.session,
        visit.actor,
        look.wanted(visit),
        at=visit.at,
        before=look.cursor,
        limit=PAGE,
        connections=mine,
    )
    return {"look": look, "found": found, "states": list(INBOX), "kinds": list(MESSAGE), "connections": mine}
