"""Taobao's gateway as its sellers' software sees it: it checks every call, answers from its books, and can misbehave.

Run: `python -m sandbox.taobao --port P --config FILE`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import parse_qsl

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from sandbox.faults import Faults, misbehave
from sandbox.listen import run
from sandbox.taobao_books import Books, Shop
from sandbox.taobao_methods import ACTS
from sandbox.taobao_shelf import Listing
from sandbox.taobao_throttle import Throttle
from sandbox.taobao_wire import METHODS, Refused, check_call, check_fields, remote

_HINTED: Final = 0.5


class Config(BaseModel):
    """What the configuration file holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shops: tuple[Shop, ...]
    calls_per_s: int = Field(default=200, ge=1)


class NewTrades(BaseModel):
    """What POST /trades takes; a message is queued for the given share of them, the others must be asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: str
    trades: Sequence[dict[str, Any]]
    hinted: float = Field(default=_HINTED, ge=0, le=1)


class OneShop(BaseModel):
    """What POST /expire-token takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: str


class NewListings(BaseModel):
    """What POST /listings takes: places in a shop that offer something, and how many pieces they show at first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: str
    listings: Sequence[Listing]


@final
class Gateway:
    """Answers the calls of all shops; everything happens on the event loop, one call after the other."""

    def __init__(self, config: Config) -> None:
        self._books = {shop.connection: Books(shop, datetime.now(UTC)) for shop in config.shops}
        self._secrets = {shop.app_key: shop.secret for shop in config.shops}
        self._throttle = Throttle(config.calls_per_s)
        self._numbers = count(1)
        self.faults = Faults(METHODS)

    async def route(self, request: Request) -> Response:
        body = await request.body()
        form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        named = {**request.query_params, **dict(form)}
        fault = self.faults.take(named.get("method", ""))
        if fault is None:
            return self._answer(named)
        business = self._json({"error_response": remote("isv.remote-business-error", "不能处理").answer})
        return await misbehave(fault, request, lambda: self._answer(named), business)

    async def take_trades(self, new: NewTrades) -> dict[str, int]:
        books = self._find(new.connection)
        for trade in new.trades:
            books.put(trade, datetime.now(UTC), hinted=int(trade["tid"]) % 100 < new.hinted * 100)
        return {"trades": len(books.pages)}

    async def take_listings(self, new: NewListings) -> dict[str, int]:
        shelf = self._find(new.connection).shelf
        shelf.put(new.listings)
        return {"listings": len(shelf.listings)}

    async def shelves(self) -> JSONResponse:
        return JSONResponse({connection: books.shelf.shown() for connection, books in self._books.items()})

    async def expire_token(self, shop: OneShop) -> dict[str, str]:
        books = self._find(shop.connection)
        books.expire()
        return {"expired": books.access}

    async def books(self) -> JSONResponse:
        return JSONResponse(
            {
                connection: {tid: page.shown() for tid, page in books.pages.items()}
                for connection, books in self._books.items()
            }
        )

    def _find(self, connection: str) -> Books:
        books = self._books.get(connection)
        if books is None:
            raise HTTPException(404, "no such shop")
        return books

    def _answer(self, named: Mapping[str, str]) -> Response:
        now = datetime.now(UTC)
        try:
            method = check_call(named, self._secrets, now)
            self._throttle.pass_one()
            books = self._of_session(named, now) if method.in_session else self._of_refresh(named)
            check_fields(method, named)
            answer = ACTS[named["method"]](books, named, now)
        except Refused as refused:
            return self._json({"error_response": refused.answer})
        return self._json({f"{named['method'].removeprefix('taobao.').replace('.', '_')}_response": answer})

    def _of_session(self, named: Mapping[str, str], now: datetime) -> Books:
        """The shop whose token came with the call. Raises: Refused."""
        if not named.get("session"):
            raise Refused(26, "Missing session")
        for books in self._of_application(named):
            if books.takes(named["session"], now):
                return books
        raise Refused(27, "Invalid session", "invalid-sessionkey", "sessionkey is expired or not valid")

    def _of_refresh(self, named: Mapping[str, str]) -> Books:
        """The shop whose refresh token came with the call; a strange one is for its books to refuse."""
        of_application = self._of_application(named)
        refresh = named.get("refresh_token", "")
        return next((one for one in of_application if one.exchanges(refresh)), of_application[0])

    def _of_application(self, named: Mapping[str, str]) -> list[Books]:
        return [books for books in self._books.values() if books.shop.app_key == named["app_key"]]

    def _json(self, document: dict[str, dict[str, object]]) -> Response:
        for inner in document.values():
            inner["request_id"] = f"sandbox{next(self._numbers):08d}"
        return JSONResponse(document)


def healthz() -> dict[str, str]:
    return {"status": "ok"}


def application(config: Config) -> FastAPI:
    gateway = Gateway(config)
    app = FastAPI(title="Sandbox Taobao")
    app.add_api_route("/router/rest", gateway.route, methods=["POST"], response_model=None)
    app.add_api_route("/trades", gateway.take_trades, methods=["POST"])
    app.add_api_route("/listings", gateway.take_listings, methods=["POST"])
    app.add_api_route("/stock", gateway.shelves, methods=["GET"], response_model=None)
    app.add_api_route("/expire-token", gateway.expire_token, methods=["POST"])
    app.add_api_route("/books", gateway.books, methods=["GET"], response_model=None)
    app.add_api_route("/faults", gateway.faults.arm, methods=["POST"])
    app.add_api_route("/healthz", healthz, methods=["GET"])
    return app


def open_application(path: Path) -> FastAPI:
    return application(Config.model_validate_json(path.read_bytes()))


if __name__ == "__main__":
    run(open_application, "Taobao's gateway as its sellers' software sees it")
