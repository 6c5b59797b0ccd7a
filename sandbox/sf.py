"""SF Express on Fengqiao, as far as parcels are brought back: its one address, its books, and faults on request.

A waybill is refused as its number says: one that ends in 7 has been delivered, one that ends in 8 was not picked up.
Run: `python -m sandbox.sf --port P --config FILE`.
"""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final, final
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from sandbox.faults import Faults, misbehave
from sandbox.listen import run
from sandbox.sf_wire import Refused, Turned, check_form, done, passed, read_asked, read_form, refusal, turned

INTERCEPT: Final = "EXP_RECE_WANTED_INTERCEPT"
FATES: Final[Mapping[str, Refused]] = {
    "7": Refused("20011", "运单已签收，不支持截单退回"),
    "8": Refused("20012", "运单未揽收，不支持截单退回"),
}
ALREADY: Final = Refused("20013", "运单已存在转寄退回指令")


class Customer(BaseModel):
    """One account: its partnerID and its check word."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partner_id: str
    check_word: str


class Config(BaseModel):
    """What the configuration file holds; of each account `per_s` calls in one second are let through."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customers: tuple[Customer, ...]
    per_s: int = 30


@dataclass(slots=True)
class Page:
    """One waybill: how often it was asked for, and what is being done about it."""

    number: str
    address: str
    payer: str
    receipts: int = 1
    effects: int = 1


@final
class Gateway:
    """Answers calls, each named by its serviceCode, and shows the books."""

    def __init__(self, config: Config) -> None:
        self._customers = {one.partner_id: one for one in config.customers}
        self._per_s = config.per_s
        self._lock = threading.Lock()
        self._pages: dict[str, Page] = {}
        self._numbers = count(1)
        self._second = (0, 0)
        self.faults = Faults([INTERCEPT])

    async def take(self, request: Request) -> Response:
        form = read_form(await request.body())
        fault = self.faults.take(form.get("serviceCode", ""))
        if fault is None:
            return self._answer(form)
        business = _json(passed(uuid4().hex, refusal(FATES["7"])))
        return await misbehave(fault, request, lambda: self._answer(form), business)

    async def books(self) -> JSONResponse:
        with self._lock:
            return JSONResponse({"intercepts": {waybill: asdict(page) for waybill, page in self._pages.items()}})

    def _answer(self, form: Mapping[str, str]) -> Response:
        answer_id = uuid4().hex
        try:
            self._let_in(form)
            result = done(self._stop(form["msgData"]))
        except Turned as why:
            return _json(turned(answer_id, why))
        except Refused as why:
            result = refusal(why)
        return _json(passed(answer_id, result))

    def _let_in(self, form: Mapping[str, str]) -> None:
        """Look at a call as the gateway does. Raises: Turned."""
        now = datetime.now(UTC)
        customer = self._customers.get(form.get("partnerID", ""))
        if customer is None:
            raise Turned("A1001", "必传参数不可为空: partnerID")
        check_form(form, customer.check_word, now)
        if form["serviceCode"] != INTERCEPT:
            raise Turned("A1004", "无对应服务权限")
        with self._lock:
            second, calls = self._second
            self._second = (int(now.timestamp()), calls + 1 if second == int(now.timestamp()) else 1)
            if self._second[1] > self._per_s:
                raise Turned("A1005", "流量受控")

    def _stop(self, data: str) -> str:
        """Bring a parcel back, once, and give the number of that. Raises: Refused."""
        asked = read_asked(data)
        if (fate := FATES.get(asked.waybill_no[-1])) is not None:
            raise fate
        to = asked.new_dest_address
        with self._lock:
            known = self._pages.get(asked.waybill_no)
            if known is not None:
                known.receipts += 1
                raise ALREADY
            number = f"CUS{next(self._numbers):08d}"
            place = " ".join(filter(None, (to.province, to.city, to.county, to.address)))
            self._pages[asked.waybill_no] = Page(number, place, asked.pay_mode)
            return number


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json; charset=utf-8")


def healthz() -> dict[str, str]:
    return {"status": "ok"}


def application(config: Config) -> FastAPI:
    gateway = Gateway(config)
    app = FastAPI(title="Sandbox SF")
    app.add_api_route("/std/service", gateway.take, methods=["POST"], response_model=None)
    app.add_api_route("/books", gateway.books, methods=["GET"], response_model=None)
    app.add_api_route("/faults", gateway.faults.arm, methods=["POST"])
    app.add_api_route("/healthz", healthz, methods=["GET"])
    return app


def open_application(path: Path) -> FastAPI:
    return application(Config.model_validate_json(path.read_bytes()))


if __name__ == "__main__":
    run(open_application, "SF Express on Fengqiao")
