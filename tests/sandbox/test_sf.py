import json
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final, final

import pytest
import requests

from sandbox.listen import serving
from sandbox.sf import Config, Customer, application
from sandbox.sf_wire import digest

ADDRESS: Final = {
    "province": "上海市",
    "city": "上海市",
    "county": "浦东新区",
    "address": "测试路1号",
    "contact": "仓管",
    "phone": "10000000009",
}
ASKED: Final = {
    "waybillNo": "SF0000000001",
    "serviceCode": "2",
    "role": "1",
    "payMode": "4",
    "monthlyCardNo": "7550000001",
    "newDestAddress": ADDRESS,
}


@final
class Caller:
    """Calls the gateway as a hub would."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, asked: object = ASKED, **changes: str) -> dict[str, Any]:
        data = asked if isinstance(asked, str) else json.dumps(asked, ensure_ascii=False)
        timestamp = changes.pop("timestamp", str(int(time.time() * 1000)))
        form = {
            "partnerID": "PARTNER",
            "requestID": "1",
            "serviceCode": "EXP_RECE_WANTED_INTERCEPT",
            "timestamp": timestamp,
            "msgDigest": digest("word", data, timestamp),
            "msgData": data,
            **changes,
        }
        return requests.post(f"{self.url}/std/service", data=form, timeout=3).json()

    def result(self, asked: object = ASKED) -> tuple[bool, str]:
        """Give whether the service agrees, and its code; the gateway lets the call through."""
        answer = self.call(asked)
        assert answer["apiResultCode"] == "A1000"
        told = json.loads(answer["apiResultData"])
        return told["success"], told["errorCode"]

    def books(self) -> dict[str, Any]:
        return requests.get(f"{self.url}/books", timeout=3).json()["intercepts"]


@contextmanager
def calling(per_s: int) -> Generator[Caller]:
    config = Config(customers=(Customer(partner_id="PARTNER", check_word="word"),), per_s=per_s)
    with serving(application(config)) as url:
        yield Caller(url)


@pytest.fixture
def caller() -> Iterator[Caller]:
    with calling(1_000) as made:
        yield made


def test_a_parcel_is_brought_back_once(caller: Caller) -> None:
    answer = json.loads(caller.call()["apiResultData"])
    assert (answer["success"], answer["errorCode"], answer["msgData"]["cusId"]) == (True, "S0000", "CUS00000001")
    assert caller.result() == (False, "20013")
    page = caller.books()["SF0000000001"]
    assert (page["receipts"], page["effects"], page["address"]) == (2, 1, "上海市 上海市 浦东新区 测试路1号")


@pytest.mark.parametrize(("last", "code"), [("7", "20011"), ("8", "20012")])
def test_some_waybills_are_refused(caller: Caller, last: str, code: str) -> None:
    assert caller.result({**ASKED, "waybillNo": f"SF{last}"}) == (False, code)
    assert caller.books() == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"msgDigest": "x"}, "A1006"),
        ({"partnerID": "OTHER"}, "A1001"),
        ({"requestID": ""}, "A1001"),
        ({"timestamp": "1700000000000"}, "A1002"),
        ({"timestamp": "now"}, "A1002"),
        ({"serviceCode": "EXP_RECE_CREATE_ORDER"}, "A1004"),
    ],
)
def test_the_gateway_lets_nothing_else_through(caller: Caller, changes: dict[str, str], code: str) -> None:
    answer = caller.call(**changes)
    assert (answer["apiResultCode"], answer["apiResultData"]) == (code, None)


@pytest.mark.parametrize(
    "asked",
    [
        {**ASKED, "newDestAddress": {**ADDRESS, "phone": ""}},
        {**ASKED, "newDestAddress": None},
        {**ASKED, "monthlyCardNo": ""},
        {**ASKED, "serviceCode": "3"},
        {**ASKED, "waybillNo": ""},
        {**ASKED, "orderId": "1"},
    ],
)
def test_what_is_missing_or_unknown_is_refused(caller: Caller, asked: dict[str, object]) -> None:
    assert caller.result(asked) == (False, "S0002")


def test_what_is_no_json_is_refused(caller: Caller) -> None:
    assert caller.result("{") == (False, "S0001")


def test_who_calls_too_often_is_turned_away() -> None:
    with calling(0) as caller:
        assert caller.call()["apiResultCode"] == "A1005"
        assert caller.books() == {}
