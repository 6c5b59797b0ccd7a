"""Signing in and out: by name and password, slower after each failure, and written into the audit log."""

from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards.filters import span_of
from dashboards.pages import environment
from dashboards.texts import N_, Language, translate
from dashboards.visit import COOKIE, HOME, LANGUAGE_COOKIE, SIGN_IN, Here, console_of, language_of, local
from hub.audit import record
from hub.people import LONGEST, PersonView, find_hash, find_person, fits
from hub.visits import begin_visit, end_visit, find_visit, note_attempt, note_success

SEE_OTHER: Final = 303
WRONG: Final = N_("Name or password is wrong.")
WAIT: Final = N_("Too many failures: try again in %(span)s.")
BUSY: Final = N_("Too many sign in at this moment: try again.")
HASHING: Final = 4
"""Passwords that are looked at side by side: each takes 64 MiB and a good part of a core."""

_hashing: Final = BoundedSemaphore(HASHING)

router: Final = APIRouter()


@router.get(SIGN_IN)
def ask(request: Request, wanted: Annotated[str, Query(alias="next")] = HOME) -> Response:
    """Ask for name and password, unless somebody is signed in already."""
    with console_of(request).database.transaction() as session:
        if find_visit(session, request.cookies.get(COOKIE, ""), datetime.now(UTC)):
            return RedirectResponse(local(wanted), SEE_OTHER)
    return _form(language_of(request), local(wanted))


@router.post(SIGN_IN)
def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=LONGEST)],
    password: Annotated[str, Form(max_length=LONGEST)],
    wanted: Annotated[str, Form(alias="next")] = HOME,
) -> Response:
    """Begin a visit under a fresh id; whatever visit this browser had ends."""
    at, address, language = datetime.now(UTC), request.client.host if request.client else "", language_of(request)
    database, name = console_of(request).database, name.strip()
    if not _hashing.acquire(blocking=False):
        return _form(language, local(wanted), name=name, error=translate(language, BUSY), status=429)
    try:
        with database.transaction() as session:
            wait = note_attempt(session, name, address, at)
            known = find_hash(session, name)
        if wait is not None:
            text = translate(language, WAIT) % {"span": span_of(wait.total_seconds() + 1, language)}
            return _form(language, local(wanted), name=name, error=text, status=429)
        right = fits(known, password)
    finally:
        _hashing.release()
    with database.transaction() as session:
        person = find_person(session, name)
        # Who was shut out or given another password meanwhile is not let in by the old one.
        if not right or person is None or find_hash(session, name) != known:
            record(session, at, person.name if person else "unknown", "console.sign_in_failed", _subject(person))
            return _form(language, local(wanted), name=name, error=translate(language, WRONG), status=401)
        note_success(session, name, address)
        end_visit(session, request.cookies.get(COOKIE, ""), at)
        token = begin_visit(session, person.name, at)
        record(session, at, person.name, "console.sign_in", _subject(person))
    answer = RedirectResponse(local(wanted), SEE_OTHER)
    answer.set_cookie(COOKIE, token, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https")
    return answer


@router.post("/console/sign-out")
def sign_out(visit: Here) -> Response:
    """End the visit, also for whoever has copied the cookie."""
    end_visit(visit.session, visit.token, visit.at)
    record(visit.session, visit.at, visit.actor.name, "console.sign_out", f"person:{visit.actor.name}")
    answer = RedirectResponse(SIGN_IN, SEE_OTHER)
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.post("/console/sign-in/language")
def choose_language(
    language: Annotated[Language, Form()],
    wanted: Annotated[str, Form(alias="next")] = HOME,
) -> Response:
    """Keep a browser's language while nobody is signed in."""
    answer = RedirectResponse(f"{SIGN_IN}?{urlencode({'next': local(wanted)})}", SEE_OTHER)
    answer.set_cookie(LANGUAGE_COOKIE, language, path="/", max_age=365 * 86_400, samesite="lax", httponly=True)
    return answer


def _form(language: Language, wanted: str, *, name: str = "", error: str = "", status: int = 200) -> Response:
    template = environment(language).get_template("sign_in.html")
    return HTMLResponse(template.render(language=language, wanted=wanted, name=name, error=error), status)


def _subject(person: PersonView | None) -> str:
    """Name whom an entry is about; what was typed for an unknown name is not kept, for it may be a password."""
    return f"person:{person.name}" if person else "person:unknown"
