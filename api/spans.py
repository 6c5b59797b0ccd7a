"""Each call of the API as a span: it goes on with the caller's trace, or begins one."""

from typing import Final, final

from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.tracing import HEADER, span

TRACED: Final = "/v1/"
"""Health and figures are asked for all day, and belong to nothing."""

FAILED: Final = 500


@final
class Spans:
    """Put around the app; what the caller names in its address, query and body stays out of the span."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(TRACED):
            await self._app(scope, receive, send)
            return
        parent = next((value.decode("latin-1") for name, value in scope["headers"] if name == HEADER.encode()), "")
        with span(scope["method"], parent, SpanKind.SERVER) as one:

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    one.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= FAILED:
                        one.set_status(StatusCode.ERROR)
                await send(message)

            try:
                await self._app(scope, receive, told)
            finally:
                route = getattr(scope.get("route"), "path", "none")
                one.update_name(f"{scope['method']} {route}")
                one.set_attribute("http.route", route)
