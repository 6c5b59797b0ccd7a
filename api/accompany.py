"""Give each request an id, a line in the log, and its place in the figures."""

import re
import time
import uuid
from typing import Final, final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import REQUESTS, SECONDS

FAILED: Final = 500
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")

_log = structlog.get_logger()


@final
class Accompany:
    """Put around the app; written for the server's own interface, for the framework's costs as much as the rest."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        offered = Headers(scope=scope).get("x-request-id", "")
        request_id = offered if REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.monotonic()
        status = FAILED  # unless an answer comes: a failure of ours is answered outside of here

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            structlog.contextvars.clear_contextvars()
            _count(scope, request_id, status, time.monotonic() - started)


def _count(scope: Scope, request_id: str, status: int, seconds: float) -> None:
    """Write a request into the figures and the log."""
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"]
    REQUESTS.labels(method, route, status).inc()
    SECONDS.labels(method, route).observe(seconds)
    _log.info("request", request_id=request_id, method=method, route=route, status=status, seconds=round(seconds, 4))
