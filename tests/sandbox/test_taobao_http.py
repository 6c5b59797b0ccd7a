import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, final

import pytest
import requests

from sandbox.listen import serving
from sandbox.taobao import Config, application
from sandbox.taobao_books import Shop
from sandbox.taobao_wire import CONFIRM, CONSUME, LIST, READ, REFRESH, SEND, signature, write_time

_SHOP = Shop(connection="tb", app_key="k", secret="s", access="a", refresh="r")
_TRADE: dict[str, Any] = {
    "tid": 100,
    "status": "WAIT_SELLER_SEND_GOODS",
    "type": "fixed",
    "oaid": "token",
    "orders": {"order": [{"oid": 101, "num": 3, "status": "WAIT_SELLER_SEND_GOODS"}, {"oid": 102, "num": 1}]},
}


@final
class Caller:
    """Calls the gateway as a seller's software would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = "a"

    def call(self, method: str, **fields: str) -> dict[str, Any]:
        query = {"method": method, "app_key": "k", "session": self.session, "timestamp": write_time(datetime.now(UTC))}
        query |= {"v": "2.0", "format": "json", "sign_method": "md5"}
        query["sign"] = signature("s", {**query, **fields})
        answer: dict[str, Any] = requests.post(f"{self.url}/router/rest", params=query, data=fields, timeout=3).json()
        return next(iter(answer.values()))

    def turn(self, handle: str, **order: object) -> Any:  # noqa: ANN401 # whatever JSON the handle answers
        return requests.post(f"{self.url}/{handle}", json=order, timeout=3).json()

    def put(self, *trades: dict[str, Any], hinted: float = 1) -> None:
        self.turn("trades", connection="tb", trades=trades, hinted=hinted)

    def list(self, minutes: int = 60, **fields: str) -> dict[str, Any]:
        at = datetime.now(UTC)
        window = {"start_modified": write_time(at - timedelta(minutes=minutes)), "end_modified": write_time(at)}
        return self.call(LIST, **{"fields": "tid,status", **window, **fields})

    def send(self, packages: dict[str, dict[str, int]], **parts: bool) -> str:
        """Tell of packages, pieces by sub-order in each; gives the code of a refusal."""
        pkgs = [
            {"out_sid": no, "company_code": "SF", "goods": [{"sub_tid": oid, "num": num} for oid, num in goods.items()]}
            for no, goods in packages.items()
        ]
        status = [{"sub_tid": oid.removeprefix("o"), "is_part_consign": part} for oid, part in parts.items()]
        told = {"consign_type": "1", "consign_pkgs": json.dumps(pkgs), "consign_status": json.dumps(status)}
        return self.call(SEND, tid="100", **told).get("sub_code", "").rpartition(":")[2]

    def page(self) -> dict[str, Any]:
        return requests.get(f"{self.url}/books", timeout=3).json()["tb"]["100"]


@pytest.fixture
def top() -> Iterator[Caller]:
    with serving(application(Config(shops=(_SHOP,), calls_per_s=1_000))) as url:
        yield Caller(url)


def test_a_page_says_whether_there_is_another(top: Caller) -> None:
    top.put(*({**_TRADE, "tid": n} for n in range(1, 6)))
    pages = [top.list(page_no=str(n), page_size="2", use_has_next="true") for n in (1, 2, 3)]
    assert [page["has_next"] for page in pages] == [True, True, False]
    assert [row["tid"] for page in pages for row in page["trades"]["trade"]] == [5, 4, 3, 2, 1]
    assert top.list(page_size="2")["total_results"] == 5


def test_a_list_holds_only_what_was_asked_for(top: Caller) -> None:
    top.put(_TRADE)
    assert top.list()["trades"]["trade"] == [{"tid": 100, "status": "WAIT_SELLER_SEND_GOODS"}]
    assert "trades" not in top.list(status="WAIT_BUYER_PAY")
    assert "trades" not in top.list(type="cod,step")
    assert "trades" in top.list(type="guarantee_trade")


@pytest.mark.parametrize("fields", [{"page_size": "101"}, {"page_size": "0"}, {"page_no": "0"}])
def test_a_page_that_cannot_be_is_refused(fields: dict[str, str], top: Caller) -> None:
    assert top.list(60, **fields)["sub_code"] == "isv.invalid-parameter:page_size"


def test_a_window_of_more_than_a_day_is_refused(top: Caller) -> None:
    assert top.list(24 * 60 + 1)["sub_code"] == "isv.invalid-parameter:end_modified"
    assert top.list(0)["sub_code"] == "isv.invalid-parameter:end_modified"


def test_an_oaid_needs_the_five_fields(top: Caller) -> None:
    top.put(_TRADE)
    five = "receiver_name,receiver_address,created,receiver_mobile,receiver_phone"
    assert "oaid" not in top.call(READ, fields="tid,oaid", tid="100")["trade"]
    assert top.call(READ, fields=f"oaid,{five}", tid="100")["trade"]["oaid"] == "token"
    assert top.call(READ, fields="tid", tid="7")["sub_code"] == "isv.trade-not-exist"


def test_messages_come_until_they_are_confirmed(top: Caller) -> None:
    top.put(_TRADE, {**_TRADE, "tid": 99}, hinted=0.5)
    first = top.call(CONSUME, quantity="10")["messages"]["tmc_message"]
    assert first == top.call(CONSUME, quantity="10")["messages"]["tmc_message"]
    assert [json.loads(one["content"])["tid"] for one in first] == [100]
    assert top.call(CONFIRM, s_message_ids=str(first[0]["id"]))["is_success"] is True
    assert "messages" not in top.call(CONSUME)


@pytest.mark.parametrize("quantity", ["9", "201"])
def test_a_quantity_out_of_bounds_is_refused(quantity: str, top: Caller) -> None:
    assert top.call(CONSUME, quantity=quantity)["sub_code"] == "isv.invalid-parameter:quantity"


def test_a_trade_goes_in_parts_and_its_packages_are_shown(top: Caller) -> None:
    top.put(_TRADE)
    assert not top.send({"SB1": {"101": 1}, "SB2": {"101": 1, "102": 1}}, o101=True, o102=False)
    assert top.page()["status"] == "SELLER_CONSIGNED_PART"
    assert not top.send({"SB3": {"101": 1}}, o101=False)
    trade = top.call(READ, fields="orders,combine_logistics_details", tid="100")["trade"]
    assert [line["invoice_no"] for line in trade["orders"]["order"]] == ["SB3", "SB2"]
    assert len(trade["combine_logistics_details"]["combine_logistics_detail"]) == 4
    assert top.page() == {
        "parcels": {"SB1": 1, "SB2": 1, "SB3": 1},
        "repeats": 0,
        "status": "WAIT_BUYER_CONFIRM_GOODS",
        "lines": {"101": {"num": 3, "shipped": 3}, "102": {"num": 1, "shipped": 1}},
    }


def test_a_package_told_again_is_refused_counted_and_has_no_effect(top: Caller) -> None:
    top.put(_TRADE)
    assert [top.send({"SB1": {"101": 1}}, o101=True) for _ in range(3)] == ["", "B04", "B04"]
    page = top.page()
    assert (page["parcels"], page["repeats"], page["lines"]["101"]["shipped"]) == ({"SB1": 1}, 2, 1)


@pytest.mark.parametrize(
    ("packages", "parts", "code"),
    [
        ({"SB1": {"101": 4}}, {"o101": False}, "P38"),
        ({"SB1": {"103": 1}}, {"o103": False}, "P38"),
        ({"SB1": {"101": 1}}, {"o101": False}, "P38"),
        ({"SB1": {"101": 3}}, {"o101": True}, "P38"),
        ({"SB1": {"101": 3}}, {}, "P38"),
        ({"SB1": {"101": 0}}, {"o101": True}, "consign_pkgs"),
        ({"": {"101": 1}}, {"o101": True}, "consign_pkgs"),
    ],
)
def test_packages_that_are_not_true_are_refused_whole(
    packages: dict[str, dict[str, int]], parts: dict[str, bool], code: str, top: Caller
) -> None:
    top.put(_TRADE)
    assert top.send(packages, **parts) == code
    assert top.page()["parcels"] == {}


def test_a_trade_that_is_closed_or_unknown_takes_no_package(top: Caller) -> None:
    assert top.send({"SB1": {"101": 1}}, o101=True) == "B01"
    top.put({**_TRADE, "status": "TRADE_CLOSED"})
    assert top.send({"SB1": {"101": 1}}, o101=True) == "B04"


def test_a_token_ends_and_the_next_one_is_taken(top: Caller) -> None:
    assert top.turn("expire-token", connection="tb") == {"expired": "a"}
    assert top.list()["code"] == 27
    token = json.loads(top.call(REFRESH, refresh_token="r")["token_result"])
    top.session = token["access_token"]
    assert "total_results" in top.list()
    assert token["expire_time"] > datetime.now(UTC).timestamp() * 1000


def test_a_refresh_token_is_exchanged_once_but_for_a_lost_answer(top: Caller) -> None:
    results = [json.loads(top.call(REFRESH, refresh_token="r")["token_result"]) for _ in range(2)]
    assert results[0]["access_token"] == results[1]["access_token"]
    top.call(REFRESH, refresh_token=results[0]["refresh_token"])
    assert top.call(REFRESH, refresh_token="r")["code"] == 27


def test_a_call_without_a_session_is_refused(top: Caller) -> None:
    top.session = ""
    assert top.list()["code"] == 26


def test_faults_come_by_method(top: Caller) -> None:
    top.put(_TRADE)
    top.turn("faults", method=SEND, mode="business")
    top.turn("faults", method=SEND, mode="lost_answer")
    assert top.list()["total_results"] == 1
    assert top.send({"SB1": {"101": 1}}, o101=True) == "isv.remote-business-error"
    with pytest.raises(requests.ConnectionError):
        top.send({"SB1": {"101": 1}}, o101=True)
    assert top.page()["parcels"] == {"SB1": 1}


def test_a_shop_that_is_not_there_has_no_books(top: Caller) -> None:
    assert top.turn("trades", connection="nobody", trades=[]) == {"detail": "no such shop"}
    assert top.turn("expire-token", connection="nobody") == {"detail": "no such shop"}
