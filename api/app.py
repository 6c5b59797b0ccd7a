"""Put the API together: routers, errors, request ids, figures."""

import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import Depends, FastAPI
from prometheus_client import CollectorRegistry

from api import (
    adjustments,
    docs,
    errors,
    flash_sales,
    gifts,
    health,
    holds,
    inventory,
    lot_blocks,
    order_changes,
    orders,
    presales,
    quotes,
    replays,
    reservations,
    return_list,
    returns,
    routing,
    rules,
    runs,
    webhooks,
)
from api.accompany import Accompany
from api.auth import gathered_nonces
from api.carts import gathered_carts
from api.inventory import gathered_promises
from api.metrics import REQUESTS, SECONDS, Depths
from api.placing import gathered
from api.query import known_query
from api.room import Room
from api.spans import Spans
from api.surroundings import Hub
from connectors.registry import Registry
from hub.address.warm import warm_up
from hub.calm import calm_collector
from hub.database import Database
from hub.inventory.crowd import Crowd
from hub.keyring import Keyring
from hub.log import start_logging
from hub.settings import Settings, settings
from hub.tracing import start_tracing

DESCRIPTION: Final = """下单、查询、取消、回调；运维程序查看调用、批量修复。

请求中的金额为元（十进制字符串），应答中为分（整数）；时间带时区。

Place, look up and cancel orders; partners' webhooks; programs of operations look at calls and repair many.

Amounts are sent as decimal strings in yuan and answered in whole fen; times carry their offset.
"""

SIGNED: Final = (
    *(orders, order_changes, returns, return_list, inventory, reservations, adjustments, lot_blocks, flash_sales),
    *(presales, quotes, routing, holds, rules, gifts, runs, replays),
)
"""What shops and programs call."""


def build(configured: Settings, database: Database, connectors: Registry) -> FastAPI:
    """Make the app over given parts."""
    zone = ZoneInfo(configured.business_zone)
    crowd = Crowd(database, lambda: datetime.now(zone))
    hub = Hub(database, connectors, configured, Room(database), crowd)
    gathers, carts = gathered(hub), gathered_carts(hub)
    nonces, promises = gathered_nonces(hub), gathered_promises(hub)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        gathers.close()
        for one in (carts, nonces, promises):
            one.close()
        crowd.close()
        database.close()

    app = FastAPI(
        title="OMS 订单中台 API",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.hub = hub
    app.state.gathers = gathers
    app.state.carts = carts
    app.state.nonces = nonces
    app.state.promises = promises
    app.state.registry = CollectorRegistry()
    for collector in (REQUESTS, SECONDS, Depths(database)):
        app.state.registry.register(collector)
    errors.install(app)
    app.add_middleware(Accompany)
    app.add_middleware(Spans)
    for part in SIGNED:
        app.include_router(part.router, dependencies=[Depends(known_query)])
    for part in (webhooks, health, docs):
        app.include_router(part.router)
    return app


def create() -> FastAPI:
    """Make the app from this process's settings; what uvicorn calls."""
    start_logging()
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    configured = settings()
    start_tracing(configured.telemetry, "oms-api")
    database = Database(configured.database_url, Keyring.read(configured.secret("keyring")), connections=20)
    return build(configured, database, Registry(configured))


def _warm_up() -> None:
    warm_up()
    calm_collector()
