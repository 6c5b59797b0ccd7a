"""An aggregator of couriers that speaks Kdniao: its one address, its books, and faults on request.

Run: `python -m sandbox.kdniao --port P --config FILE`.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from sandbox.faults import Faults, misbehave
from sandbox.kdniao_accounts import Config, Customer, read_config
from sandbox.kdniao_books import Books, Page
from sandbox.kdniao_journey import plan
from sandbox.kdniao_road import Road
from sandbox.kdniao_wire import Refused, failure, read_call, read_form, success
from sandbox.listen import run

SUBSCRIBE: Final = ("1008", "8008")
QUERY: Final = ("1002", "8001")


@final
class Aggregator:
    """Answers calls, each named by its RequestType, and shows the books."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._books = Books()
        self._road = Road(self._books)
        self._acts = {**dict.fromkeys(SUBSCRIBE, self._subscribe), **dict.fromkeys(QUERY, self._query)}
        self.faults = Faults(self._acts)

    def close(self) -> None:
        self._road.close()

    async def take(self, request: Request) -> Response:
        form = read_form(await request.body())
        fault = self.faults.take(form.get("RequestType", ""))
        if fault is None:
            return self._answer(form)
        refused = Refused("快递单号格式错误")
        business = _json(failure(form.get("EBusinessID", ""), datetime.now(UTC), refused))
        return await misbehave(fault, request, lambda: self._answer(form), business)

    async def books(self) -> JSONResponse:
        return JSONResponse(self._books.shown([one.connection for one in self._config.customers]))

    def _answer(self, form: Mapping[str, str]) -> Response:
        now = datetime.now(UTC)
        try:
            customer = self._customer(form)
            act = self._acts.get(form.get("RequestType", ""), _unknown)
            return _json(act(customer, read_call(customer, form), now))
        except Refused as refused:
            return _json(failure(form.get("EBusinessID", ""), now, refused))

    def _customer(self, form: Mapping[str, str]) -> Customer:
        for customer in self._config.customers:
            if customer.business_id == form.get("EBusinessID"):
                return customer
        raise Refused("EBusinessID不存在")

    def _subscribe(self, customer: Customer, asked: Mapping[str, str], now: datetime) -> bytes:
        shipper, number = asked["ShipperCode"], asked["LogisticCode"]
        legs = plan(f"{shipper}/{number}", self._config.behaviour)
        page, new = self._books.subscribe(Page(customer, shipper, number, legs))
        if new:
            self._road.take_in(page)
        return success(customer.business_id, now)

    def _query(self, customer: Customer, asked: Mapping[str, str], now: datetime) -> bytes:
        shipper, number = asked["ShipperCode"], asked["LogisticCode"]
        known = self._books.query(customer.connection, f"{shipper}/{number}")
        if known is None:
            known = {"ShipperCode": shipper, "LogisticCode": number, "State": "0", "StateEx": "0", "Traces": ()}
            known = {**known, "Reason": "暂无轨迹信息"}
        return success(customer.business_id, now, known)


def _unknown(customer: Customer, _asked: Mapping[str, str], _now: datetime) -> bytes:
    raise Refused(f"RequestType不存在（{customer.business_id}）")


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json; charset=utf-8")


def healthz() -> dict[str, str]:
    return {"status": "ok"}


def application(config: Config) -> FastAPI:
    aggregator = Aggregator(config)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        aggregator.close()

    app = FastAPI(title="Sandbox Kdniao", lifespan=lifespan)
    app.add_api_route("/api/dist", aggregator.take, methods=["POST"], response_model=None)
    app.add_api_route("/books", aggregator.books, methods=["GET"], response_model=None)
    app.add_api_route("/faults", aggregator.faults.arm, methods=["POST"])
    app.add_api_route("/healthz", healthz, methods=["GET"])
    return app


def open_application(path: Path) -> FastAPI:
    return application(read_config(path))


if __name__ == "__main__":
    run(open_application, "An aggregator of couriers that speaks Kdniao")
