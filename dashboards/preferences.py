"""How a person likes to see the console: language and theme, kept with the person."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from dashboards.visit import HOME, Here, local
from hub.people import Theme, prefer

SEE_OTHER: Final = 303

router: Final = APIRouter()


@router.post("/console/preferences/language")
def choose_language(
    visit: Here,
    language: Annotated[str, Form(pattern="^(zh|en)$")],
    wanted: Annotated[str, Form(alias="next")] = HOME,
) -> Response:
    prefer(visit.session, visit.actor.name, visit.at, language=language)
    return RedirectResponse(local(wanted), SEE_OTHER)


@router.post("/console/preferences/theme")
def choose_theme(
    visit: Here,
    theme: Annotated[Theme, Form()],
    wanted: Annotated[str, Form(alias="next")] = HOME,
) -> Response:
    prefer(visit.session, visit.actor.name, visit.at, theme=theme)
    return RedirectResponse(local(wanted), SEE_OTHER)
