"""Every error as problem+json (RFC 9457): a stable code, a title in the caller's language, what to do, a request id."""

import math
from collections.abc import Mapping
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from api.surroundings import TooLarge
from api.titles import GENERAL, TITLES
from hub.errors import Conflict, HubError, Malformed, NeedsOperator, NoStock, NotFound, TryLater, Unauthorised
from hub.inventory.ledger import Shortage
from hub.language import preferred
from hub.unfit import placed, said_of

STATUSES: Final[Mapping[type[HubError], int]] = {
    TooLarge: 413,
    Malformed: 422,
    Unauthorised: 401,
    NotFound: 404,
    NoStock: 409,
    Conflict: 409,
    NeedsOperator: 500,
}
"""Everything else of hub.errors is 503: the same request may succeed later."""

BY_CODE: Final[Mapping[str, int]] = {
    "malformed": 422,
    "wrong_encoding": 400,
    "body_cut": 400,
    "forbidden": 403,
    "hub_full": 429,
    "hot_queue": 429,
    "hot_busy": 429,
}
UNAVAILABLE: Final = 503
LATER: Final = frozenset({429, UNAVAILABLE})
RETRY_S: Final = 2

_log = structlog.get_logger()


def status_of(error: HubError) -> int:
    """Give the HTTP status of an error."""
    if error.code in BY_CODE:
        return BY_CODE[error.code]
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), UNAVAILABLE)


def problem_of(code: str, detail: str, status: int, request: Request, field: str = "") -> dict[str, object]:
    """Lay an error out; `title` is in the language of Accept-Language (Chinese unless English is preferred)."""
    language = preferred(request.headers.get("accept-language", ""))
    body: dict[str, object] = {
        "type": f"urn:oms:problem:{code}",
        "title": TITLES.get(code, GENERAL).say(language),
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": getattr(request.state, "request_id", ""),
    }
    return {**body, "field": field} if field else body


def install(app: FastAPI) -> None:
    """Answer every error of the app in this one shape."""
    app.add_exception_handler(HubError, _hub_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OperationalError, _database_away)
    app.add_exception_handler(PoolTimeout, _database_away)
    app.add_exception_handler(500, _our_fault)


def _answer(
    request: Request, status: int, code: str, detail: str, field: str = "", after_s: float = RETRY_S
) -> JSONResponse:
    headers = {"Retry-After": f"{max(1, math.ceil(after_s))}"} if status in LATER else None
    body = problem_of(code, detail, status, request, field)
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def _hub_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HubError):
        raise error
    wish_s = error.after_s if isinstance(error, TryLater) else None
    detail = error.say(preferred(request.headers.get("accept-language", "")))
    if isinstance(error, Shortage):  # not everybody may know how stock is spread
        detail = f"not enough stock: {', '.join(sorted({key.sku for key in error.keys}))}"
    return _answer(request, status_of(error), error.code, detail, error.field, wish_s or RETRY_S)


def _validation_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    field, cause = said_of(error.errors()[0], at=1)
    detail = placed(field, cause).say(preferred(request.headers.get("accept-language", "")))
    return _answer(request, 422, "malformed", detail, field)


def _http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "malformed")
    asked = f"{request.method} {request.url.path} is nothing that the API has: see /docs"
    return _answer(request, error.status_code, code, str(error.detail) if code == "malformed" else asked)


def _database_away(request: Request, error: Exception) -> JSONResponse:
    _log.warning("api.database_away", error=type(error).__name__)
    return _answer(request, UNAVAILABLE, "database_away", "the database did not answer; nothing is lost, send it again")


def _our_fault(request: Request, _error: Exception) -> JSONResponse:
    return _answer(request, 500, "our_fault", "tell us the request_id")
