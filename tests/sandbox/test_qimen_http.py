import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, final

import pytest
import requests
from fastapi import FastAPI, Request, Response

from sandbox.listen import serving
from sandbox.qimen import application
from sandbox.qimen_sites import Behaviour, Config, Site
from sandbox.qimen_wire import (
    Refused,
    failure,
    is_signed,
    node,
    read_request,
    sign,
    signed_query,
    success,
    text_of,
    written,
)

WriteOrder = Callable[..., bytes]
_WITHIN_S = 60.0
_CANCEL = written(node("request", node("warehouseCode", "SH01"), node("orderCode", "FO-1")))


@final
class Hub:
    """Receives the warehouse's pushes; refuses the first few when told to."""

    def __init__(self) -> None:
        self.pushes: list[tuple[str, str]] = []
        self.refuse = 0
        self.app = FastAPI()
        self.app.add_api_route("/hook", self.take, methods=["POST"], response_model=None)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        query = dict(request.query_params)
        assert is_signed("secret-east", query, body)
        if self.refuse:
            self.refuse -= 1
            return Response(failure(Refused("busy", "later")))
        root = read_request(body)
        states = ("process/processStatus", "deliveryOrder/status", "checkTime", "items/item/quantity")
        state = next((found for path in states if (found := text_of(root, path))), "")
        self.pushes.append((query["method"], state))
        return Response(success("ok"))

    def wait_for(self, count: int) -> list[tuple[str, str]]:
        deadline = time.monotonic() + _WITHIN_S
        while len(self.pushes) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.pushes


@final
class Caller:
    """Calls the warehouse as a hub would."""

    def __init__(self, url: str, site: Site) -> None:
        self.url = url
        self.site = site

    def call(self, method: str, body: bytes, *, tamper: dict[str, str] | None = None, secret: str = "") -> str:
        """The code of the answer, after changing the query and signing it again."""
        query = {
            **signed_query(
                method,
                app_key=self.site.app_key,
                customer_id=self.site.customer_id,
                secret="",
                body=body,
                now=datetime.now(UTC),
            ),
            **(tamper or {}),
        }
        query["sign"] = sign(secret or self.site.secret, query, body)
        answer = requests.post(f"{self.url}/router", params=query, data=body, timeout=3)
        answer.raise_for_status()
        return answer.text.partition("<code>")[2].partition("</code>")[0]

    def create(self, body: bytes) -> str:
        return self.call("deliveryorder.create", body)

    def turn(self, handle: str, **order: object) -> Any:  # noqa: ANN401 - whatever JSON the handle answers
        return requests.post(f"{self.url}/{handle}", json=order, timeout=3).json()

    def page(self) -> dict[str, Any]:
        books = requests.get(f"{self.url}/books", timeout=3).json()
        return books["documents"]["wms-east"]["FO-1"]

    def wait_for(self, status: str) -> dict[str, Any]:
        deadline = time.monotonic() + _WITHIN_S
        while (page := self.page())["status"] != status and time.monotonic() < deadline:
            time.sleep(0.01)
        return page


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour(delay_s=(0, 0.01))


@pytest.fixture
def wms(hub: Hub, site: Site, behaviour: Behaviour) -> Iterator[Caller]:
    with serving(hub.app) as hub_url:
        ours = site.model_copy(update={"webhook": f"{hub_url}/hook"})
        with serving(application(Config(sites=(ours,), behaviour=behaviour))) as url:
            yield Caller(url, ours)


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        ({"app_key": "nobody"}, "invalid-app-key"),
        ({"customerId": "C9"}, "invalid-customer"),
        ({"timestamp": "2026-01-01 00:00:00"}, "invalid-timestamp"),
        ({"timestamp": "now"}, "invalid-timestamp"),
        ({"format": "json"}, "invalid-parameter"),
        ({"method": "order.explode"}, "invalid-method"),
    ],
)
def test_a_wrong_query_is_refused(tamper: dict[str, str], code: str, wms: Caller) -> None:
    assert wms.call("order.cancel", _CANCEL, tamper=tamper) == code


def test_a_wrong_secret_is_an_illegal_request(wms: Caller) -> None:
    assert wms.call("order.cancel", _CANCEL, secret="guessed") == "sign-check-failure"


def test_a_timestamp_counts_in_china_time(wms: Caller) -> None:
    utc = datetime.now(UTC) + timedelta(minutes=1)
    assert wms.call("order.cancel", _CANCEL, tamper={"timestamp": f"{utc:%Y-%m-%d %H:%M:%S}"}) == "invalid-timestamp"


def test_refusals_are_in_the_books(wms: Caller) -> None:
    wms.call("order.cancel", _CANCEL)
    refusals = requests.get(f"{wms.url}/books", timeout=3).json()["refusals"]
    assert refusals == [{"connection": "C1", "method": "order.cancel", "code": "order-not-found", "count": 1}]


def test_the_prefix_is_accepted(wms: Caller, write_order: WriteOrder) -> None:
    assert wms.call("taobao.qimen.deliveryorder.create", write_order()) == "0"


def test_a_document_is_accepted_and_shipped(wms: Caller, hub: Hub, write_order: WriteOrder) -> None:
    wms.create(write_order())
    assert hub.wait_for(2) == [("orderprocess.report", "ACCEPT"), ("deliveryorder.confirm", "DELIVERED")]
    page = wms.wait_for("shipped")
    assert [push["quantities"] for push in page["pushes"]] == [{}, {"1": 2, "2": 3}]


def test_creating_again_changes_nothing_but_the_count(wms: Caller, hub: Hub, write_order: WriteOrder) -> None:
    assert [wms.create(write_order()) for _ in range(3)] == ["0", "0", "0"]
    assert wms.create(write_order(shopNick="另一家店")) == "duplicate-order"
    assert len(hub.wait_for(2)) == 2
    page = wms.page()
    assert (page["creates"], page["documents"]) == (3, 1)


@pytest.mark.parametrize("behaviour", [Behaviour(reject=1, delay_s=(0, 0))])
def test_a_rejected_document_is_reported_and_left(wms: Caller, hub: Hub, write_order: WriteOrder) -> None:
    wms.create(write_order())
    assert hub.wait_for(1) == [("orderprocess.report", "REJECT")]
    assert wms.wait_for("rejected")["status"] == "rejected"


@pytest.mark.parametrize("behaviour", [Behaviour(two_confirms=1, delay_s=(0, 0))])
def test_two_confirms_come_in_order(wms: Caller, hub: Hub, write_order: WriteOrder) -> None:
    wms.create(write_order())
    assert [state for _, state in hub.wait_for(3)] == ["ACCEPT", "PARTDELIVERED", "DELIVERED"]
    codes = [push["out_biz_code"] for push in wms.page()["pushes"]]
    assert len(set(codes)) == 3


def test_a_push_is_repeated_until_it_is_acknowledged(wms: Caller, hub: Hub, write_order: WriteOrder) -> None:
    hub.refuse = 2
    wms.create(write_order())
    assert [state for _, state in hub.wait_for(2)] == ["ACCEPT", "DELIVERED"]
    report = wms.page()["pushes"][0]
    assert (report["sent"], report["acknowledged"]) == (3, True)


def test_a_held_document_can_be_cancelled_and_is_not_shipped(wms: Caller, hub: Hub, write_order: WriteOrder) -> None:
    wms.turn("hold", on=True)
    wms.create(write_order())
    assert [wms.call("order.cancel", _CANCEL) for _ in range(2)] == ["0", "0"]
    wms.turn("hold", on=False)
    time.sleep(0.2)
    assert hub.pushes == []
    assert wms.page()["status"] == "cancelled"


def test_a_shipped_document_cannot_be_cancelled(wms: Caller, write_order: WriteOrder) -> None:
    wms.create(write_order())
    wms.wait_for("shipped")
    assert wms.call("order.cancel", _CANCEL) == "cancel-refused"


@pytest.mark.parametrize(
    ("kind", "quantities"),
    [
        ("over", {"1": 3, "2": 3}),
        ("short", {"1": 2, "2": 2}),
        ("whole", {"1": 2, "2": 3}),
        ("batch_mismatch", {"1": 2, "2": 3}),
        ("report", {}),
    ],
)
def test_a_test_may_push_what_it_likes(
    kind: str, quantities: dict[str, int], wms: Caller, hub: Hub, write_order: WriteOrder
) -> None:
    wms.turn("hold", on=True)
    wms.create(write_order())
    push = wms.turn("push", code="FO-1", kind=kind)
    assert (push["quantities"], push["acknowledged"]) == (quantities, True)
    assert [state for _, state in hub.pushes] == ["EXCEPTION" if kind == "report" else "DELIVERED"]


def test_a_lost_answer_is_a_document_made(wms: Caller, write_order: WriteOrder) -> None:
    wms.turn("faults", method="deliveryorder.create", mode="lost_answer")
    with pytest.raises(requests.ConnectionError):
        wms.create(write_order())
    assert wms.create(write_order()) == "0"
    assert wms.page()["creates"] == 2


@pytest.mark.parametrize("mode", ["reset", "timeout"])
def test_a_call_cut_off_before_its_time_is_not_executed(mode: str, wms: Caller, write_order: WriteOrder) -> None:
    wms.turn("faults", method="deliveryorder.create", mode=mode, seconds=0.05)
    with pytest.raises(requests.ConnectionError):
        wms.create(write_order())
    wms.create(write_order())
    assert wms.page()["creates"] == 1


def test_a_business_fault_is_a_failure_of_the_item(wms: Caller, write_order: WriteOrder) -> None:
    assert wms.turn("faults", method="deliveryorder.create", mode="business", count=2) == {"armed": 2}
    assert [wms.create(write_order()) for _ in range(3)] == ["ITEM_NOT_EXIST", "ITEM_NOT_EXIST", "0"]


@pytest.mark.parametrize(("kind", "method"), [("count", "inventory.report"), ("change", "stockchange.report")])
def test_stock_is_reported_as_often_as_a_test_wishes(wms: Caller, hub: Hub, kind: str, method: str) -> None:
    report = {"kind": kind, "warehouse": "SH01", "owner": "OWNER", "out_biz_code": "B1", "times": 2}
    hub.refuse = 1
    answer = wms.turn("stock", connection="wms-east", items=[{"sku": "apple", "quantity": "-3"}], **report)
    assert answer == {"acknowledged": [False, True]}
    assert [one for one, _ in hub.pushes] == [method]


def test_stock_of_an_unknown_site_is_not_reported(wms: Caller, hub: Hub) -> None:
    report = {"kind": "count", "warehouse": "SH01", "owner": "OWNER", "out_biz_code": "B1"}
    assert wms.turn("stock", connection="nowhere", items=[], **report) == {"detail": "no such connection"}
    assert hub.pushes == []
