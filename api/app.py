"""Put the API together: routers, errors, request ids, figures."""

import re
import threading
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry

from api import docs, errors, health, orders, replays, runs, webhooks
from api.metrics import REQUESTS, SECONDS, Depths
from api.room import Room
from api.spans import Spans
from api.surroundings import Hub
from connectors.registry import Registry
from hub.address.warm import warm_up
from hub.database import Database
from hub.keyring import Keyring
from hub.log import start_logging
from hub.settings import Settings, settings
from hub.tracing import start_tracing

FAILED: Final = 500
DESCRIPTION: Final = """下单、查询、取消、回调；运维程序查看调用、批量修复。

请求中的金额为元（十进制字符串），应答中为分（整数）；时间带时区。

Place, look up and cancel orders; partners' webhooks; programs of operations look at calls and repair many.

Amounts are sent as decimal strings in yuan and answered in whole fen; times carry their offset.
"""

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")

_log = structlog.get_logger()


def build(configured: Settings, database: Database, connectors: Registry) -> FastAPI:
    """Make the app over given parts."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        database.close()

    app = FastAPI(
        title="OMS 订单中台 API",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.hub = Hub(database, connectors, configured, Room(database))
    app.state.registry = CollectorRegistry()
    for collector in (REQUESTS, SECONDS, Depths(database)):
        app.state.registry.register(collector)
    errors.install(app)
    app.middleware("http")(_accompany)
    app.add_middleware(Spans)
    for part in (orders, runs, replays, webhooks, health, docs):
        app.include_router(part.router)
    return app


def create() -> FastAPI:
    """Make the app from this process's settings; what uvicorn calls."""
    start_logging()
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    configured = settings()
    start_tracing(configured.telemetry, "oms-api")
    database = Database(configured.database_url, Keyring.read(configured.secret("keyring")), connections=20)
    return build(configured, database, Registry(configured))


async def _accompany(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Give each request an id, a line in the log, and its place in the figures."""
    offered = request.headers.get("x-request-id", "")
    request.state.request_id = offered if REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
    structlog.contextvars.bind_contextvars(request_id=request.state.request_id)
    started = time.monotonic()
    status = FAILED  # unless an answer comes: a failure of ours is answered outside of here
    try:
        response = await call_next(request)
        status = response.status_code
    finally:
        structlog.contextvars.clear_contextvars()
        _count(request, status, time.monotonic() - started)
    response.headers["X-Request-Id"] = request.state.request_id
    return response


def _count(request: Request, status: int, seconds: float) -> None:
    """Write a request into the figures and the log."""
    route = getattr(request.scope.get("route"), "path", "none")
    REQUESTS.labels(request.method, route, status).inc()
    SECONDS.labels(request.method, route).observe(seconds)
    _log.info(
        "request",
        request_id=request.state.request_id,
        method=request.method,
        route=route,
        status=status,
        seconds=round(seconds, 4),
    )
