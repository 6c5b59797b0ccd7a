"""Taobao as the tests have it: its stand-in with one shop, and answers of single methods."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qs

import requests
import responses
from fastapi import FastAPI
from responses.matchers import query_param_matcher

from sandbox.baskets import StorefrontOrder
from sandbox.taobao import Config, application
from sandbox.taobao_books import Shop
from sandbox.taobao_trades import trade_of
from tests.connectors.exemplars import SECRET, TOKEN, URL
from tests.connectors.feed_contracts import SHOP, MarketContract

TRADE = "taobao/trade.json"
CONSIGNED = {"orders": {"order": [{"oid": "L1", "num": 2}, {"oid": "L2", "num": 1}]}}


def answered(method: str, **inner: object) -> bytes:
    return json.dumps({f"{method.removeprefix('taobao.').replace('.', '_')}_response": inner}).encode()


def refusal(sub_code: str = "", code: int = 15, sub_msg: str = "") -> bytes:
    return json.dumps(
        {"error_response": {"code": code, "msg": "no", "sub_code": sub_code, "sub_msg": sub_msg}}
    ).encode()


def on(method: str, answer: bytes) -> responses.BaseResponse:
    """Answer one method."""
    return responses.post(URL, answer, match=[asks(method)])


def asks(method: str) -> Any:  # noqa: ANN401 # a matcher of responses
    return query_param_matcher({"method": method}, strict_match=False)


def form_of(request: Any) -> dict[str, str]:  # noqa: ANN401 # a prepared request of requests
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


class Market(MarketContract):
    kind = "channels.taobao"
    fields: ClassVar = {"app_key": "k", "options": {"calls_per_s": "9999"}}
    path = "/router/rest"

    def application(self) -> FastAPI:
        shop = Shop(connection=SHOP, app_key="k", secret=SECRET.decode(), access=TOKEN.access, refresh=TOKEN.refresh)
        return application(Config(shops=(shop,), calls_per_s=9999))

    def put(self, url: str, placed: Sequence[StorefrontOrder]) -> None:
        self.put_trades(url, [trade_of(one) for one in placed])

    def put_trades(self, url: str, trades: Sequence[Mapping[str, object]]) -> None:
        new = {"connection": SHOP, "trades": trades, "hinted": 1}
        requests.post(f"{url}/trades", json=new, timeout=3).raise_for_status()

    def parcels(self, url: str) -> Mapping[str, int]:
        pages = requests.get(f"{url}/books", timeout=3).json()[SHOP].values()
        return {no: times for page in pages for no, times in page["parcels"].items()}
