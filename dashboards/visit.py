"""A visit: who asks, in which language, at which moment, and the one transaction that the whole request works in."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from dashboards.texts import Language, translate
from hub.database import Database, run
from hub.language import preferred
from hub.people import PersonView, Theme
from hub.roles import Actor, Permission
from hub.settings import Settings
from hub.visits import find_visit

COOKIE: Final = "oms_visit"
LANGUAGE_COOKIE: Final = "oms_language"
LOOK_LIMIT: Final = "set local statement_timeout = '5s'"
POLL: Final = "x-poll"
"""The header of a page that renews itself: such a look is not a sign that a person is there."""

HOME: Final = "/console/overview"
SIGN_IN: Final = "/console/sign-in"


@dataclass(frozen=True, slots=True)
class Console:
    """The parts of one console process."""

    settings: Settings
    database: Database

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.business_zone)


class SignInNeededError(Exception):
    """Nobody is signed in; `wanted` is where to go on afterwards."""

    def __init__(self, wanted: str) -> None:
        super().__init__("sign in first")
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a person who is signed in; `session` commits when the handler has returned."""

    person: str
    actor: Actor
    language: Language
    session: Session
    at: datetime
    request: Request
    theme: Theme
    notice: str

    @property
    def console(self) -> Console:
        return console_of(self.request)

    @property
    def zone(self) -> ZoneInfo:
        """The business zone: the one in which times are shown."""
        return self.console.zone

    @property
    def token(self) -> str:
        return self.request.cookies[COOKIE]

    @property
    def in_part(self) -> bool:
        """Say whether htmx asks for a part of the page and not for the whole."""
        return by_htmx(self.request)

    def target(self, name: str) -> bool:
        """Say whether htmx will put the answer into the element of this id."""
        return self.request.headers.get("hx-target", "").partition("#")[2] == name

    def require(self, permission: Permission) -> None:
        """Stop who may not.

        Raises: Unauthorised with the code forbidden.
        """
        self.actor.require(permission)

    def say(self, msgid: str, **values: object) -> str:
        """Give a text of the catalogue in this person's language, with its values put in."""
        text = translate(self.language, msgid)
        return text % values if values else text


def console_of(request: Request) -> Console:
    return cast("Console", request.app.state.console)


def by_htmx(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def language_of(request: Request, chosen: str = "") -> Language:
    """Choose a language: what the person or this browser has chosen, else what the browser asks for."""
    wish = chosen or request.cookies.get(LANGUAGE_COOKIE, "")
    found = wish if wish in {"zh", "en"} else preferred(request.headers.get("accept-language", ""))
    return "en" if found == "en" else "zh"


def open_visit(request: Request) -> Generator[Visit]:
    """Open the visit of a request.

    Raises: SignInNeededError.
    """
    console = console_of(request)
    at = datetime.now(UTC)
    with console.database.transaction() as session:
        if request.method == "GET":  # whoever only looks may be told to look at less; an act is finished
            run(session, LOOK_LIMIT)
        token = request.cookies.get(COOKIE, "")
        found = find_visit(session, token, at, used=POLL not in request.headers) if token else None
        if found is None:
            raise SignInNeededError(wanted_of(request))
        visit = _visit(request, session, at, *found)
        request.state.visit = visit
        yield visit


def wanted_of(request: Request) -> str:
    """Give the page to come back to after signing in: the one asked for, or the one that a part was asked for from."""
    if by_htmx(request):
        try:
            current = urlsplit(request.headers.get("hx-current-url", HOME))
        except ValueError:  # a bracket that does not close
            return HOME
        return local(f"{current.path}?{current.query}" if current.query else current.path)
    if request.method != "GET":
        return HOME
    return local(f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path)


def local(path: str) -> str:
    """Give a path if it is one of the console's own, else its first page: nobody is led to another host."""
    plain = path.startswith("/console/") and not set(path) & {"\\", "\r", "\n"} and "//" not in path.partition("?")[0]
    return path if plain else HOME


def _visit(request: Request, session: Session, at: datetime, person: PersonView, notice: str) -> Visit:
    return Visit(
        person=person.display,
        actor=person.actor(),
        language=language_of(request, person.language),
        session=session,
        at=at,
        request=request,
        theme=person.theme,
        notice=notice,
    )


Here = Annotated[Visit, Depends(open_visit, scope="function")]
"""What a handler takes: `def orders(visit: Here) -> Response`. The transaction ends before the answer leaves."""
