import json
import time
from collections.abc import Iterator
from typing import Any, final

import pytest
import requests
from fastapi import FastAPI, Request, Response

from sandbox.kdniao import application
from sandbox.kdniao_accounts import Behaviour, Config, Customer
from sandbox.kdniao_wire import is_success, read_form, sign
from sandbox.listen import serving

PLAIN = Behaviour(delay_s=(0, 0.01), repeat=0, out_of_order=0, trouble=0, locker=0)
SB1 = {"ShipperCode": "YD", "LogisticCode": "SB1"}
WITHIN_S = 60.0


@final
class Hub:
    """Receives the aggregator's pushes; refuses the first few when told to."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.refuse = 0
        self.app = FastAPI()
        self.app.add_api_route("/hook", self.take, methods=["POST"], response_model=None)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        form = read_form(body)
        assert form["DataSign"] == sign("key-1", form["RequestData"])
        if self.refuse:
            self.refuse -= 1
            return Response(b'{"Success": false, "Reason": "busy"}')
        self.bodies.append(body)
        return Response(b'{"EBusinessID": "1000001", "UpdateTime": "", "Success": true, "Reason": ""}')

    def lists(self) -> list[list[str]]:
        """Give the actions of every push."""
        pushed = [json.loads(read_form(body)["RequestData"])["Data"][0] for body in self.bodies]
        return [[trace["Action"] for trace in one["Traces"]] for one in pushed]


@final
class Caller:
    """Calls the aggregator as a hub would."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, asked: dict[str, str], request_type: str = "1008", **changes: str) -> dict[str, Any]:
        content = json.dumps(asked)
        form = {
            "RequestData": content,
            "EBusinessID": "1000001",
            "RequestType": request_type,
            "DataSign": sign("key-1", content),
            "DataType": "2",
            **changes,
        }
        return requests.post(f"{self.url}/api/dist", data=form, timeout=3).json()

    def page(self, parcel: str = "YD/SB1") -> dict[str, Any]:
        return requests.get(f"{self.url}/books", timeout=3).json()["couriers"][parcel]

    def fault(self, mode: str, **more: object) -> None:
        order = {"method": "1008", "mode": mode, **more}
        requests.post(f"{self.url}/faults", json=order, timeout=3).raise_for_status()

    def wait_until(self, **wanted: object) -> dict[str, Any]:
        deadline = time.monotonic() + WITHIN_S
        while not wanted.items() <= (page := self.page()).items() and time.monotonic() < deadline:
            time.sleep(0.01)
        return page


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def behaviour() -> Behaviour:
    return PLAIN


@pytest.fixture
def kdniao(hub: Hub, behaviour: Behaviour) -> Iterator[Caller]:
    with serving(hub.app) as hub_url:
        ours = Customer(connection="couriers", business_id="1000001", key="key-1", webhook=f"{hub_url}/hook")
        with serving(application(Config(customers=(ours,), behaviour=behaviour))) as url:
            yield Caller(url)


@pytest.mark.parametrize(
    ("asked", "changes", "reason"),
    [
        (SB1, {"EBusinessID": "9"}, "EBusinessID不存在"),
        (SB1, {"DataSign": "x"}, "数据签名验证失败"),
        (SB1, {"DataType": "1"}, "DataType必须为2"),
        (SB1, {"RequestType": "1007"}, "RequestType不存在（1000001）"),
        (SB1, {"RequestData": "no", "DataSign": sign("key-1", "no")}, "RequestData不是JSON"),
        (SB1, {"RequestData": "[]", "DataSign": sign("key-1", "[]")}, "RequestData不是对象"),
        ({"ShipperCode": "YD"}, {}, "缺少必要参数LogisticCode"),
        ({**SB1, "ShipperCode": "YUNDA"}, {}, "快递公司编码不存在"),
        ({**SB1, "ShipperCode": "SF"}, {}, "CustomerName须为手机号后四位"),
        ({**SB1, "ShipperCode": "SF", "CustomerName": "42"}, {}, "CustomerName须为手机号后四位"),
    ],
)
def test_a_wrong_call_is_refused(asked: dict[str, str], changes: dict[str, str], reason: str, kdniao: Caller) -> None:
    answer = kdniao.call(asked, **changes)
    assert (answer["Success"], answer["Reason"]) == (False, reason)


def test_sf_is_followed_with_a_phones_tail(kdniao: Caller) -> None:
    assert kdniao.call({**SB1, "ShipperCode": "SF", "CustomerName": "0042"})["Success"]
    assert kdniao.page("SF/SB1")["effects"] == 1


def test_a_parcel_is_told_with_its_growing_list_until_it_is_delivered(kdniao: Caller, hub: Hub) -> None:
    kdniao.call(SB1)
    assert kdniao.wait_until(pushed="delivered")["state"] == "delivered"
    lists = hub.lists()
    assert lists[-1][-1] == "301"
    assert lists == [lists[-1][:length] for length in range(1, len(lists) + 1)]


def test_subscribing_again_is_counted_and_begins_nothing(kdniao: Caller, hub: Hub) -> None:
    assert all(kdniao.call(SB1, kind)["Success"] for kind in ("1008", "8008", "1008"))
    page = kdniao.wait_until(pushed="delivered")
    assert (page["receipts"], page["effects"]) == (3, 1)
    assert len(hub.bodies) == page["sent"] == len(hub.lists()[-1])


def test_a_push_is_repeated_until_it_is_acknowledged(kdniao: Caller, hub: Hub) -> None:
    hub.refuse = 2
    kdniao.call(SB1)
    page = kdniao.wait_until(pushed="delivered")
    assert page["sent"] == page["acknowledged"] + 2


@pytest.mark.parametrize("behaviour", [PLAIN.model_copy(update={"repeat": 1.0})])
def test_a_repeated_push_is_the_same_bytes(kdniao: Caller, hub: Hub) -> None:
    kdniao.call(SB1)
    kdniao.wait_until(pushed="delivered")
    assert hub.bodies[0] == hub.bodies[1]


@pytest.mark.parametrize("behaviour", [PLAIN.model_copy(update={"out_of_order": 1.0})])
def test_an_older_list_comes_after_a_newer_one(kdniao: Caller, hub: Hub) -> None:
    kdniao.call(SB1)
    kdniao.wait_until(pushed="delivered")
    lengths = [len(actions) for actions in hub.lists()]
    assert lengths[:5] == [1, 2, 1, 3, 2]
    assert kdniao.page()["pushed"] == "delivered"


def test_a_parcel_can_be_asked_for(kdniao: Caller) -> None:
    kdniao.call(SB1)
    kdniao.wait_until(pushed="delivered")
    answer = kdniao.call(SB1, "8001")
    assert (answer["Success"], answer["State"], answer["Traces"][-1]["Action"]) == (True, "3", "301")


def test_a_parcel_that_nobody_sent_has_no_log(kdniao: Caller) -> None:
    answer = kdniao.call(SB1, "1002")
    assert (answer["Success"], answer["State"], answer["Traces"]) == (True, "0", [])


def test_a_lost_answer_is_a_subscription_made(kdniao: Caller) -> None:
    kdniao.fault("lost_answer")
    with pytest.raises(requests.ConnectionError):
        kdniao.call(SB1)
    kdniao.call(SB1)
    assert (kdniao.page()["receipts"], kdniao.page()["effects"]) == (2, 1)


def test_a_business_fault_is_a_refusal(kdniao: Caller) -> None:
    kdniao.fault("business")
    assert [kdniao.call(SB1)["Success"] for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    ("status", "body"), [(200, b""), (200, b"[]"), (200, b'{"Success": "true"}'), (500, b'{"Success": true}')]
)
def test_only_success_is_success(status: int, body: bytes) -> None:
    assert not is_success(status, body)
