"""A warehouse that speaks Qimen: its router, its books, and the handles a test turns.

Run: `python -m sandbox.qimen --port P --config FILE`.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, final

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from sandbox.faults import Faults, misbehave
from sandbox.listen import run
from sandbox.qimen_books import Books
from sandbox.qimen_floor import Floor
from sandbox.qimen_order import read_delivery_order
from sandbox.qimen_query import QUERY, Shelves
from sandbox.qimen_returns import CREATE as RETURN
from sandbox.qimen_returns import Returns
from sandbox.qimen_sites import Config, Site, read_config
from sandbox.qimen_steering import PushOrder, push_chosen
from sandbox.qimen_stock import StockPush, push_stock
from sandbox.qimen_wire import (
    TOLERANCE,
    Refused,
    bare_method,
    failure,
    is_signed,
    node,
    read_request,
    read_time,
    success,
    text_of,
    write_time,
)

CREATE: Final = "deliveryorder.create"
CANCEL: Final = "order.cancel"
_FIXED = {"format": "xml", "v": "2.0", "sign_method": "md5"}


class HoldOrder(BaseModel):
    """What POST /hold takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: bool


def find_site(config: Config, query: Mapping[str, str], body: bytes, now: datetime) -> Site:
    """The site that signed the call. Raises: Refused, in the order a router checks."""
    keyed = [site for site in config.sites if site.app_key == query.get("app_key")]
    if not keyed:
        raise Refused("invalid-app-key", "Unknown app_key")
    site = next((one for one in keyed if one.customer_id == query.get("customerId")), None)
    if not is_signed((site or keyed[0]).secret, query, body):
        raise Refused("sign-check-failure", "Illegal request")
    for name, value in _FIXED.items():
        if query.get(name) != value:
            raise Refused("invalid-parameter", f"{name} must be {value}")
    try:
        age = abs(now - read_time(query.get("timestamp", "")))
    except ValueError as error:
        raise Refused("invalid-timestamp", "timestamp is not YYYY-MM-DD HH:MM:SS") from error
    if age > TOLERANCE:
        raise Refused("invalid-timestamp", "timestamp is more than ten minutes off GMT+8")
    if site is None:
        raise Refused("invalid-customer", "Unknown customerId")
    return site


@final
class Router:
    """Answers Qimen calls and shows the books."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._books = Books()
        self._floor = Floor(config, self._books)
        self.shelves = Shelves()
        self.returns = Returns(self._floor, lambda: config.behaviour.delay_s[1])
        self._methods = {
            CREATE: self._create,
            CANCEL: self._cancel,
            QUERY: self.shelves.answer,
            RETURN: self.returns.create,
        }
        self.faults = Faults(self._methods)

    def close(self) -> None:
        self._floor.close()

    async def route(self, request: Request) -> Response:
        body = await request.body()
        query = dict(request.query_params)
        fault = self.faults.take(bare_method(query.get("method", "")))
        if fault is None:
            return self._answer(query, body)
        business = _xml(failure(Refused("ITEM_NOT_EXIST", "the item does not exist")))
        return await misbehave(fault, request, lambda: self._answer(query, body), business)

    async def books(self) -> JSONResponse:
        return JSONResponse(self._books.shown() | {"returns": self.returns.shown()})

    def push(self, wanted: PushOrder) -> JSONResponse:
        entry = self._books.find(wanted.code, wanted.connection)
        if entry is None:
            raise HTTPException(404, "no such document")
        return JSONResponse(asdict(push_chosen(self._books, self._floor, entry, wanted)))

    def stock(self, wanted: StockPush) -> dict[str, list[bool]]:
        site = next((one for one in self._config.sites if one.connection == wanted.connection), None)
        if site is None:
            raise HTTPException(404, "no such connection")
        return {"acknowledged": push_stock(site, self._floor, wanted)}

    def hold(self, order: HoldOrder) -> dict[str, bool]:
        self._floor.hold(on=order.on)
        return {"on": order.on}

    def _answer(self, query: Mapping[str, str], body: bytes) -> Response:
        method = bare_method(query.get("method", ""))
        try:
            site = find_site(self._config, query, body, datetime.now(UTC))
            return _xml(self._methods.get(method, _unknown)(site, body))
        except Refused as refused:
            self._books.count_refusal(query.get("customerId", ""), method, refused.code)
            return _xml(failure(refused))

    def _create(self, site: Site, body: bytes) -> bytes:
        order = read_delivery_order(read_request(body), site)
        known = self._books.find(order.code, site.connection)
        entry, new = self._books.create(order if known else self.shelves.assign(order))
        if new:
            self._floor.take_in(entry)
        return success(
            "ok",
            node("createTime", write_time(datetime.now(UTC))),
            node("deliveryOrderId", entry.order.wms_id),
            node("warehouseCode", entry.order.warehouse),
            node("logisticsCode", entry.order.logistics_code),
        )

    def _cancel(self, site: Site, body: bytes) -> bytes:
        root = read_request(body)
        for name in ("warehouseCode", "orderCode"):
            if not text_of(root, name):
                raise Refused("missing-parameter", f"{name} is required")
        return success(self._books.cancel(site.connection, text_of(root, "orderCode")))


def _unknown(site: Site, _: bytes) -> bytes:
    raise Refused("invalid-method", f"customer {site.customer_id} has no such method here")


def _xml(body: bytes) -> Response:
    return Response(body, media_type="text/xml;charset=utf-8")


def healthz() -> dict[str, str]:
    return {"status": "ok"}


def application(config: Config) -> FastAPI:
    router = Router(config)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        router.close()

    app = FastAPI(title="Sandbox Qimen warehouse", lifespan=lifespan)
    app.add_api_route("/router", router.route, methods=["POST"], response_model=None)
    app.add_api_route("/books", router.books, methods=["GET"], response_model=None)
    app.add_api_route("/faults", router.faults.arm, methods=["POST"])
    app.add_api_route("/push", router.push, methods=["POST"], response_model=None)
    app.add_api_route("/returned", router.returns.push, methods=["POST"], response_model=None)
    app.add_api_route("/stock", router.stock, methods=["POST"])
    app.add_api_route("/shelves", router.shelves.fill, methods=["POST"])
    app.add_api_route("/hold", router.hold, methods=["POST"])
    app.add_api_route("/healthz", healthz, methods=["GET"])
    return app


def open_application(path: Path) -> FastAPI:
    return application(read_config(path))


if __name__ == "__main__":
    run(open_application, "A warehouse that speaks Qimen")
