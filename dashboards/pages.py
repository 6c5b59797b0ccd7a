"""Pages and their parts, rendered from templates in a person's language; and JSON that is sent only when it is new."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboards import chores, filters, words
from dashboards.screen import Screen
from dashboards.texts import Language, translate, translations
from dashboards.visit import Visit
from hub.visits import leave_notice

TEMPLATES: Final = Path(__file__).parent / "templates"
STATIC: Final = Path(__file__).parent / "static"
PUBLIC: Final = "/console/static/"
NOT_MODIFIED: Final = 304


@cache
def environment(language: Language) -> Environment:
    """Give the templates in a language; everything put in is escaped, and what is not there is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    given = cast("Any", made)  # the extension adds its method at run time, and globals may be of any kind
    given.install_gettext_translations(translations(language), newstyle=True)
    given.globals.update(
        word=words.speaker(language),
        cause=words.cause_speaker(language),
        case_how=words.hint_speaker(language),
        remedy_of=words.remedy_of,
        chore=chores.chore_speaker(language),
        poll_does=chores.poll_speaker(language),
        new_key=new_key,
        asset=asset,
    )
    given.filters.update({write.__name__: write for write in filters.EVERY})
    return made


@cache
def asset(name: str) -> str:
    """Give the address of a file of ours, with a mark of its content so that browsers may keep it for good."""
    return f"{PUBLIC}{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def new_key() -> str:
    """Make the key of one rendered form."""
    return uuid.uuid4().hex


def page(visit: Visit, template: str, **values: object) -> HTMLResponse:
    """Render a whole page; what the last act left to be told is told and taken away."""
    if visit.notice:
        leave_notice(visit.session, visit.token, "")
    return HTMLResponse(_render(visit, template, {"notice": visit.notice, **values}))


def fragment(visit: Visit, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Render a part of a page, for htmx."""
    return HTMLResponse(_render(visit, template, values), status)


def tagged_fragment(visit: Visit, template: str, **values: object) -> Response:
    """Render a part that a page asks for again and again: 304 while it stays the same."""
    return tagged(visit.request, _render(visit, template, values).encode(), "text/html; charset=utf-8")


def tagged_json(request: Request, value: object) -> Response:
    """Answer with JSON under an ETag, or with 304 when the asker has it already (RFC 9110 §13.1.2)."""
    return tagged(request, json.dumps(value, ensure_ascii=False, default=str).encode(), "application/json")


def tagged(request: Request, body: bytes, media_type: str) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if tag in known:
        return Response(status_code=NOT_MODIFIED, headers={"ETag": tag})
    return Response(body, media_type=media_type, headers={"ETag": tag})


def screens_of(visit: Visit) -> list[Screen]:
    """Give the lines of the navigation that a person may follow."""
    every: tuple[Screen, ...] = visit.request.app.state.screens
    return [one for one in every if one.least is None or visit.actor.may(one.least)]


def _render(visit: Visit, template: str, values: Mapping[str, object]) -> str:
    path, reachable = visit.request.url.path, screens_of(visit)
    given = {
        "visit": visit,
        "screens": [(one, translate(visit.language, one.label), path.startswith(one.path)) for one in reachable],
        "reachable": frozenset(one.key for one in reachable),
        "may": visit.actor.may,
    }
    return environment(visit.language).get_template(template).render({**given, **values})
