"""One order the whole way: shop, API, worker, a warehouse over real HTTP, its webhooks, and the shop told back."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, final
from uuid import uuid4

import pytest
import requests
from structlog.testing import capture_logs

from api.app import build
from commands.books import compare_storefronts, compare_warehouses
from commands.conservation import Verdict, verify
from connectors.registry import Registry
from flows.worker import Worker
from hub.aftersale.decide import approve_return
from hub.database import Database, run
from hub.inventory.ledger import drift
from hub.keyring import Keyring
from hub.merge.policy import ShopPolicy, set_policy
from hub.partitions import make_partitions
from hub.roles import SYSTEM
from sandbox import qimen, storefront
from sandbox.listen import serving
from sandbox.qimen_sites import Behaviour, Config, Site
from sandbox.shopper import Shopper
from tests.hub.making import stock
from tests.staging import SHOPS, SITES, encoded, order_of, secret_of, settings_in, signed

WITHIN_S: Final = 60.0
Json = dict[str, Any]


@final
class Journey:
    """The running company, and handles to turn."""

    def __init__(self, api: str, wms: str, mall: str, database: Database) -> None:
        self._api = api
        self._wms = wms
        self._mall = mall
        self._database = database
        self._shopper = Shopper(api, "mall-pc", secret_of("mall-pc"))
        self._accepted: dict[tuple[str, str], str] = {}

    def place(self, number: str = "T1", pieces: dict[str, int] | None = None) -> str:
        answer = self._shopper.post_order(order_of(number, pieces))
        assert answer.status_code == 201, answer.text
        self._accepted["pc", number] = "mall-pc"
        return str(answer.json()["id"])

    def push_in(self, number: str = "T1") -> str:
        """Place an order by webhook, and wait until the worker has placed it."""
        assert self._shopper.push_order(order_of(number)).status_code == 204
        self._accepted["pc", number] = "mall-pc"
        self.until(lambda: bool(self._found(number)))
        return str(self._found(number)[0]["id"])

    def _found(self, number: str) -> list[Json]:
        return self._shopper.get(f"/v1/orders?external_id={number}").json()["orders"]

    def cancel(self, order_id: str) -> Json:
        target, body = f"/v1/orders/{order_id}/cancel", '{"reason": "买错了"}'.encode()
        headers = signed("POST", target, body, uuid4().hex)
        return requests.post(self._api + target, data=body, headers=headers, timeout=5).json()

    def merge(self) -> None:
        """Let the shop's orders wait for others of the same recipient."""
        with self._database.transaction() as session:
            set_policy(session, SYSTEM, ShopPolicy("demo", "pc"), datetime.now(UTC))

    def close_windows(self) -> None:
        """Let nobody wait any more: the worker's next round releases them."""
        with self._database.transaction() as session:
            run(session, "update merge_wait set until = :at", at=datetime.now(UTC))

    def send_back(self, order_id: str, pieces: int) -> None:
        """Have pieces of the first line come back: its shop asks for it, and a person grants it."""
        target = f"/v1/orders/{order_id}/returns"
        body = encoded({"lines": [{"line_id": "L1", "quantity": pieces}], "fault": "merchant"})
        headers = signed("POST", target, body, uuid4().hex)
        answer = requests.post(self._api + target, data=body, headers=headers, timeout=5)
        assert answer.status_code == 201, answer.text
        with self._database.transaction() as session:
            approve_return(session, int(order_id), answer.json()["no"], "operator-1", datetime.now(UTC))

    def came_back(self) -> dict[str, Json]:
        return requests.get(f"{self._wms}/books", timeout=5).json()["returns"]

    def see(self, order_id: str) -> Json:
        return self._shopper.get(f"/v1/orders/{order_id}").json()

    def steer(self, handle: str, partner: str = "wms", **words: object) -> None:
        url = self._wms if partner == "wms" else self._mall
        requests.post(f"{url}/{handle}", json=words, timeout=5).raise_for_status()

    def documents(self) -> dict[str, Json]:
        """Give the warehouses' documents by code, whichever site they lie at."""
        books = requests.get(f"{self._wms}/books", timeout=5).json()["documents"]
        return {code: document for site in books.values() for code, document in site.items()}

    def told(self) -> dict[str, Json]:
        return requests.get(f"{self._mall}/books", timeout=5).json()["mall-pc"]

    def until(self, so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not so():
            assert time.monotonic() < deadline, (self.documents(), self.told())
            time.sleep(0.05)

    def until_it_is(self, order_id: str, lifecycle: str) -> Json:
        self.until(lambda: self.see(order_id)["lifecycle"] == lifecycle)
        return self.see(order_id)

    def verdict(self) -> Verdict:
        """Compare hub and partners once every step is settled and every audit line sealed."""
        self.until(lambda: not self._unsettled())
        wms, told = (requests.get(f"{url}/books", timeout=5).json() for url in (self._wms, self._mall))
        with self._database.transaction() as session:
            assert drift(session) == []
            verdict = verify(session, self._accepted)
            compare_warehouses(session, wms, verdict)
            compare_storefronts(session, told, verdict)
            return verdict

    def _unsettled(self) -> int:
        statement = """select (select count(*) from step where state not in ('done', 'cancelled'))
                            + (select count(*) from audit_entry where place is null)"""
        with self._database.transaction() as session:
            return session.connection().exec_driver_sql(statement).scalar_one()


def _wms_config(api: str, behaviour: Behaviour) -> Config:
    sites = [
        Site(
            connection=name,
            app_key=name,
            secret=secret_of(name),
            customer_id=name,
            webhook=f"{api}/v1/webhooks/{name}",
            warehouses=(warehouse,),
        )
        for name, warehouse in SITES.items()
    ]
    return Config(sites=tuple(sites), behaviour=behaviour)


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour(delay_s=(0, 0.05))


@pytest.fixture
def journey(
    database: Database, database_url: str, keyring: Keyring, tmp_path: Path, behaviour: Behaviour
) -> Iterator[Journey]:
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
        stock(session, {"sh": {"apple": 50, "pear": 50}, "bj": {"apple": 50}})
    shops = tuple(storefront.Shop(connection=name, secret=secret_of(name)) for name in SHOPS)
    at_desk = settings_in(tmp_path)
    with ExitStack() as stack:
        stack.enter_context(capture_logs())
        mall = stack.enter_context(serving(storefront.application(storefront.Config(shops=shops))))
        api = stack.enter_context(serving(build(at_desk, Database(database_url, keyring), Registry(at_desk))))
        wms = stack.enter_context(serving(qimen.application(_wms_config(api, behaviour))))
        settings = settings_in(tmp_path, wms=wms, mall=mall)
        worker = Worker(database, settings, Registry(settings))
        thread = threading.Thread(target=worker.run, name="worker")
        thread.start()
        stack.callback(thread.join)
        stack.callback(worker.stop)
        yield Journey(api, wms, mall, database)


def locations(shown: Json) -> list[tuple[str, str]]:
    return [(one["location"], one["execution"]) for one in shown["fulfilments"]]


def test_an_order_goes_the_whole_way(journey: Journey) -> None:
    shown = journey.until_it_is(journey.place(), "completed")
    assert locations(shown) == [("sh", "closed")]
    assert journey.verdict() == Verdict(shipped=1)
    ((event,), (document,)) = journey.told().values(), journey.documents().values()
    assert (event["effects"], document["documents"]) == (1, 1)
    assert [one["tracking_no"] for one in event["body"]["parcels"]] == [one["tracking_no"] for one in shown["parcels"]]


def test_an_order_by_webhook_goes_the_same_way(journey: Journey) -> None:
    journey.until_it_is(journey.push_in(), "completed")
    assert journey.verdict() == Verdict(shipped=1)


@pytest.mark.parametrize("behaviour", [Behaviour(two_confirms=1, delay_s=(0, 0.05))])
def test_what_leaves_in_two_goes_is_told_in_two(journey: Journey) -> None:
    journey.until_it_is(journey.place(pieces={"apple": 4}), "completed")
    assert journey.verdict() == Verdict(shipped=1)
    assert len(journey.told()) == 2


@pytest.mark.parametrize("behaviour", [Behaviour(two_parcels=1, delay_s=(0, 0.05))])
def test_two_parcels_of_one_go_are_told_in_one(journey: Journey) -> None:
    journey.until_it_is(journey.place(pieces={"apple": 4}), "completed")
    assert journey.verdict() == Verdict(shipped=1)
    assert [len(event["body"]["parcels"]) for event in journey.told().values()] == [2]


@pytest.mark.parametrize("behaviour", [Behaviour(reject=1, never_reject_after=2, delay_s=(0, 0.05))])
def test_what_a_warehouse_rejects_another_ships(journey: Journey) -> None:
    shown = journey.until_it_is(journey.place(), "completed")
    assert locations(shown) == [("sh", "cancelled"), ("bj", "closed")]
    assert journey.verdict() == Verdict(shipped=1)


@pytest.mark.parametrize("behaviour", [Behaviour(short=1, never_reject_after=2, delay_s=(0, 0.05))])
def test_what_a_warehouse_lacks_another_ships(journey: Journey) -> None:
    shown = journey.until_it_is(journey.place(pieces={"apple": 4}), "completed")
    assert locations(shown) == [("sh", "incomplete"), ("bj", "closed")]
    assert journey.verdict() == Verdict(shipped=1)
    assert len(journey.told()) == 2


@pytest.mark.parametrize("mode", ["lost_answer", "timeout", "reset", "garbage", "500", "503"])
def test_a_fault_at_the_warehouse_doubles_nothing(journey: Journey, mode: str) -> None:
    journey.steer("faults", method="deliveryorder.create", mode=mode, count=2)
    journey.until_it_is(journey.place(), "completed")
    assert journey.verdict() == Verdict(shipped=1)
    (document,) = journey.documents().values()
    assert 1 <= document["creates"] <= 3  # the warehouse's confirm may come before the next try, and ends them


@pytest.mark.parametrize("mode", ["lost_answer", "timeout", "reset", "500", "503"])
def test_a_fault_at_the_shop_doubles_nothing(journey: Journey, mode: str) -> None:
    journey.steer("faults", "mall", method="webhook", mode=mode, count=2)
    journey.until_it_is(journey.place(), "completed")
    assert journey.verdict() == Verdict(shipped=1)
    (event,) = journey.told().values()
    assert (event["effects"], event["receipts"]) == (1, 3 if mode == "lost_answer" else 1)


def test_a_confirm_that_comes_twice_counts_once(journey: Journey) -> None:
    journey.steer("hold", on=True)
    order_id = journey.place()
    journey.until(lambda: bool(journey.documents()))
    for _ in range(2):
        journey.steer("push", code=f"{order_id}-1", kind="whole", out_biz_code="once")
    journey.until_it_is(order_id, "completed")
    journey.until(lambda: bool(journey.told()))
    assert journey.see(order_id)["lines"][0]["shipped"] == 2
    assert len(journey.told()) == 1


def test_a_confirm_of_too_much_waits_for_a_person_and_the_right_one_counts(journey: Journey) -> None:
    journey.steer("hold", on=True)
    order_id = journey.place()
    journey.until(lambda: bool(journey.documents()))
    journey.steer("push", code=f"{order_id}-1", kind="over")
    journey.steer("push", code=f"{order_id}-1", kind="whole")
    assert journey.until_it_is(order_id, "completed")["lines"][0]["shipped"] == 2


def test_an_order_that_is_cancelled_in_time_gives_everything_back(journey: Journey) -> None:
    journey.steer("hold", on=True)
    order_id = journey.place()
    journey.until(lambda: journey.see(order_id)["fulfilments"][0]["negotiation"] == "submitted")
    assert [hold["type"] for hold in journey.cancel(order_id)["holds"]] == ["refund_requested"]
    journey.until_it_is(order_id, "cancelled")
    assert journey.verdict().broken == []
    assert [document["status"] for document in journey.documents().values()] == ["cancelled"]


def test_goods_come_back_the_whole_way(journey: Journey) -> None:
    order_id = journey.until_it_is(journey.place(pieces={"apple": 3}), "completed")["id"]
    journey.send_back(order_id, 2)
    journey.until(lambda: journey.see(order_id)["returns"][0]["state"] == "received")
    shown = journey.see(order_id)
    assert (shown["lines"][0]["returned"], [one["amount"] for one in shown["refunds"]]) == (2, [2000])
    assert journey.verdict() == Verdict(shipped=1)
    ((code, taken),) = journey.came_back().items()
    assert (code, taken["creates"], taken["lines"][0]["quantity"]) == (f"{order_id}-r1", 1, 2)


@pytest.mark.parametrize("mode", ["lost_answer", "timeout", "reset", "garbage", "503"])
def test_a_fault_at_the_warehouse_doubles_no_return(journey: Journey, mode: str) -> None:
    order_id = journey.until_it_is(journey.place(pieces={"apple": 3}), "completed")["id"]
    journey.steer("faults", method="returnorder.create", mode=mode, count=2)
    journey.send_back(order_id, 3)
    journey.until(lambda: journey.see(order_id)["returns"][0]["state"] == "received")
    assert journey.verdict() == Verdict(shipped=1)
    assert (journey.see(order_id)["lines"][0]["returned"], len(journey.came_back())) == (3, 1)


def test_a_confirm_of_goods_that_came_back_counts_once_however_often_and_in_whichever_order(journey: Journey) -> None:
    order_id = journey.until_it_is(journey.place(pieces={"apple": 3}), "completed")["id"]
    journey.steer("hold", on=True)
    journey.send_back(order_id, 3)
    journey.until(lambda: bool(journey.came_back()))
    damaged = [{"item_code": "apple", "quantity": 1, "kind": "CC"}]
    code, good = f"{order_id}-r1", [{"item_code": "apple", "quantity": 2, "line_no": "1"}]
    for number, goods, last in (("b", damaged, True), ("a", good, False), ("b", damaged, True), ("a", good, False)):
        journey.steer("returned", code=code, goods=goods, out_biz_code=number, final=last)
    journey.until(lambda: journey.see(order_id)["lines"][0]["returned"] == 3)
    assert sum(one["amount"] for one in journey.see(order_id)["refunds"]) == 3000
    assert journey.verdict().broken == []


def test_two_orders_of_one_buyer_travel_in_one_delivery_and_each_is_told_of_its_own(journey: Journey) -> None:
    journey.merge()
    first, second = journey.place("M1"), journey.place("M2", {"apple": 1, "pear": 3})
    assert locations(journey.see(first)) == [("sh", "scheduled")]
    journey.close_windows()
    for order_id in (first, second):
        journey.until_it_is(order_id, "completed")
    ((code, document),) = journey.documents().items()
    assert (code, len(document["lines"])) == (f"{first}-1", 3)
    assert journey.verdict().broken == []
    assert len({journey.see(order_id)["parcels"][0]["tracking_no"] for order_id in (first, second)}) == 1
    assert len(journey.told()) == 2
