"""The gate before every request: an id, a strict content policy, no foreign writer, no body without measure."""

import re
import uuid
from typing import Final
from urllib.parse import unquote_plus, urlsplit

import structlog
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.faults import problem
from dashboards.headers import HEADERS

KEPT: Final = "/console/static/"
"""What browsers may keep, for good where the address names the content; all else is of a moment and never stored."""

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LENGTH_DIGITS: Final = 15
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Gate:
    """Let requests pass to the app, or stop them."""

    def __init__(self, app: ASGIApp, body_bytes: int) -> None:
        self._app = app
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        offered = request.headers.get("x-request-id", "")
        request.state.request_id = offered if REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(MutableHeaders(scope=message), request)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request.state.request_id):
            refusal = self._refusal(request)
            answer = self._app if refusal is None else problem(request, *refusal)
            await answer(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> tuple[int, str] | None:
        """Say why a request does not get further: status and code."""
        if "\0" in request.scope["path"] + unquote_plus(request.scope["query_string"].decode("latin-1")):
            return 422, "malformed"
        if request.method in SAFE:
            return None
        if not is_same_origin(request.headers):
            return 403, "cross_origin"
        length = request.headers.get("content-length", "")
        if not length.isdecimal():
            return 411, "length_missing"
        too_large = len(length) > LENGTH_DIGITS or int(length) > self._body_bytes
        return (413, "body_too_large") if too_large else None


def is_same_origin(headers: Headers) -> bool:
    """Say whether a page of ours sent this: by Sec-Fetch-Site, else by Origin, for plain HTTP has only that."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    try:
        origin = urlsplit(headers.get("origin", ""))
    except ValueError:  # a bracket that does not close
        return False
    return bool(origin.netloc) and origin.netloc == headers.get("host", "")


def _dress(headers: MutableHeaders, request: Request) -> None:
    headers.update(HEADERS)
    headers["X-Request-Id"] = request.state.request_id
    kept = request.url.path.startswith(KEPT)
    good = "max-age=31536000, immutable" if request.url.query.startswith("v=") else "max-age=3600"
    headers.setdefault("Cache-Control", good if kept else "no-store")
