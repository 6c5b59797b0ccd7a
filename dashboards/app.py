"""The console: so far one read-only page behind a password, under a strict content policy."""

import hmac
from typing import Annotated, Final

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from dashboards.overview import look
from dashboards.page import STYLE, render
from hub.database import Database
from hub.language import preferred
from hub.settings import Settings

SECRET: Final = "console"  # noqa: S105 # the secret's name
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_password = HTTPBasic(realm="OMS")


def build(settings: Settings, database: Database) -> FastAPI:
    """Make the console over given parts; its password is the secret `console`.

    Raises: NeedsOperator when that secret is missing.
    """
    password = settings.secret(SECRET)
    app = FastAPI(title="OMS console", docs_url=None, redoc_url=None, openapi_url=None)

    def enter(credentials: Annotated[HTTPBasicCredentials, Depends(_password)]) -> str:
        """Let in who knows the password; the name is whoever they say they are, and may only look."""
        if not hmac.compare_digest(credentials.password.encode(), password):
            raise HTTPException(401, headers={"WWW-Authenticate": 'Basic realm="OMS"'})
        return credentials.username

    @app.get("/")
    def start() -> Response:
        return RedirectResponse("/console/overview")

    @app.get("/console/overview")
    def overview(request: Request, _viewer: Annotated[str, Depends(enter)], lang: str = "") -> Response:
        language = lang if lang in {"zh", "en"} else preferred(request.headers.get("accept-language", ""))
        with database.transaction() as session:
            seen = look(session, language)
        return HTMLResponse(render(seen, language), headers=HEADERS)

    @app.get("/console/style.css")
    def style() -> Response:
        return Response(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    return app
