"""Parcels are brought back over the wire: the engine, SF's connector and its stand-in that checks what it gets."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final, final

import pytest
import requests

from connectors.registry import Registry
from flows.claim import Terms, claim
from flows.engine import Clock, Engine
from flows.intercept_parcels import InterceptParcel
from flows.serving import serving
from hub.database import Database, rows
from hub.order.ship.intercept import INTERCEPT
from hub.settings import Connection, Http, Settings, Worker
from tests.connectors.exemplars import SECRET
from tests.connectors.stands import SfStand, sf_stand
from tests.flows.acting import GRACE, LEASE
from tests.hub.making import AT, open_causes, see, step_states
from tests.hub.stopping import asked, left, packed, served, states

CARD: Final = {"monthly_card": "7550000001"}


@final
class Road:
    """An engine between the database and the stand-in, in a test's hands."""

    def __init__(self, database: Database, stand: SfStand, **changes: object) -> None:
        values = {"kind": "couriers.sf", "brand": "demo", "app_key": "PARTNER", "options": CARD, **changes}
        connection = Connection.model_validate({"base_url": f"{stand.url}{stand.path}", **values})
        self.settings = Settings(
            connections={"sf": connection},
            worker=Worker(lease_s=LEASE.total_seconds(), grace_s=GRACE.total_seconds(), attempts=2),
            http=Http(connect_s=1, read_s=2),
        )
        self.database, self.stand, self.now = database, stand, AT
        flows = {INTERCEPT: InterceptParcel(self.settings)}
        self.engine = Engine(
            database, Registry(self.settings), flows, self.settings, Clock(lambda: self.now, lambda: 0.0)
        )

    def shipped(self, *numbers: str) -> int:
        """Ship an order of three apples in parcels of these numbers, and have them stopped."""
        each = 3 // len(numbers)
        with self.database.transaction() as session:
            served(session)
            order_id = left(session, *(packed(number, {"apple": each}) for number in numbers))
            asked(session, order_id)
        return order_id

    def work(self) -> list[str | None]:
        with self.database.transaction() as session:
            steps = [one for one in claim(session, 9, self.now, 0.0, Terms(LEASE, GRACE)) if one.flow == INTERCEPT]
        return [self.engine.run(step) for step in steps]

    def came(self, order_id: int) -> tuple[Sequence[str], Sequence[str]]:
        """Give the states of the order's parcels and the causes of its cases."""
        with self.database.transaction() as session:
            return states(session, order_id), open_causes(session)

    def told(self, order_id: int) -> list[tuple[str, str]]:
        """Give what a shop sees of the askings of its parcels: the courier's words, or why it could not be asked."""
        with self.database.transaction() as session:
            return [(one.intercept_note, one.intercept_code) for one in see(session, order_id).parcels]

    def books(self) -> Any:  # noqa: ANN401 # as the stand-in shows them
        return requests.get(f"{self.stand.url}/books", timeout=3).json()["intercepts"]

    def fault(self, mode: str) -> None:
        order = {"method": "EXP_RECE_WANTED_INTERCEPT", "mode": mode}
        requests.post(f"{self.stand.url}/faults", json=order, timeout=3).raise_for_status()


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_SECRET_SF", SECRET.decode())


@contextmanager
def road_of(database: Database, **changes: object) -> Generator[Road]:
    with sf_stand() as stand:
        yield Road(database, stand, **changes)


@pytest.fixture
def road(database: Database) -> Generator[Road]:
    with road_of(database) as made:
        yield made


def test_each_parcel_is_brought_back_to_its_location_once(road: Road) -> None:
    order_id = road.shipped("SF01", "SF02", "SF03")
    assert road.work() == ["done", "done", "done"]
    assert road.came(order_id) == (["accepted"] * 3, [])
    assert {number: page["effects"] for number, page in road.books().items()} == {"SF01": 1, "SF02": 1, "SF03": 1}
    assert road.books()["SF01"]["address"] == "上海市 上海市 浦东新区 仓库路1号"
    with road.database.transaction() as session:
        found = rows(session, "select tracking_no, state from return_case order by no")
        assert [tuple(one) for one in found] == [(number, "requested") for number in ("SF01", "SF02", "SF03")]


def test_a_courier_that_refuses_is_a_case(road: Road) -> None:
    order_id = road.shipped("SF07")
    assert road.work() == ["done"]
    assert road.came(order_id) == (["rejected"], ["intercept_refused"])


@pytest.mark.parametrize("mode", ["500", "garbage", "lost_answer", "reset"])
def test_what_nobody_heard_is_not_asked_twice_but_told_to_a_person(road: Road, mode: str) -> None:
    order_id = road.shipped("SF01")
    road.fault(mode)
    assert road.work() == ["unknown"]
    assert road.came(order_id) == (["asked"], [])
    road.now += 10 * LEASE
    assert road.work() == ["dead"]
    assert road.came(order_id) == (["unknown"], ["step_dead"])
    assert road.told(order_id) == [("", "cannot_ask")]
    assert {page["receipts"] for page in road.books().values()} <= {1}


def test_a_person_asks_again_after_an_unknown_outcome_and_hears_what_the_courier_has(road: Road) -> None:
    order_id = road.shipped("SF01")
    road.fault("lost_answer")
    road.work()
    road.now += 10 * LEASE
    road.work()
    with road.database.transaction() as session:
        assert asked(session, order_id).by_wire == 1
    assert road.work() == ["done"]
    with road.database.transaction() as session:
        assert [one.intercept_note for one in see(session, order_id).parcels] == ["运单已存在转寄退回指令 (20013)"]
    assert road.books()["SF01"]["effects"] == 1


def test_a_courier_that_is_busy_is_asked_later(road: Road) -> None:
    order_id = road.shipped("SF01")
    road.fault("503")
    assert road.work() == ["pending"]
    road.now += LEASE
    assert road.work() == ["done"]
    assert road.came(order_id) == (["accepted"], [])


def test_a_wrong_check_word_pauses_the_connection_and_nothing_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMS_SECRET_SF", "another")
    with road_of(database) as road:
        order_id = road.shipped("SF01")
        assert road.work() == ["pending"]
        assert road.came(order_id)[0] == ["asked"]
        assert road.books() == {}


def test_a_connection_that_stops_nothing_any_more_is_a_persons(database: Database) -> None:
    with road_of(database, kind="couriers.kdniao") as road:
        order_id = road.shipped("SF01")
        assert road.work() == ["dead"]
        assert road.came(order_id) == (["rejected"], ["step_dead"])
        with database.transaction() as session:
            assert asked(session, order_id).by_wire == 1
            assert step_states(session, INTERCEPT) == ["cancelled", "pending"]
        assert road.came(order_id) == (["asked"], [])


def test_a_brand_is_served_by_who_follows_its_parcels_and_who_stops_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A_SF", "KDNIAO", "SF"):
        monkeypatch.setenv(f"OMS_SECRET_{name}", "x")
    sf = Connection(kind="couriers.sf", brand="demo", options=CARD)
    others = {"kdniao": Connection(kind="couriers.kdniao", brand="demo"), "sap": Connection(kind="erp.sap", brand="x")}
    registry = Registry(Settings(connections={"sf": sf, "a-sf": sf, **others}))
    served_by = {("demo", "couriers"): "kdniao", ("demo", "stops:SF"): "a-sf", ("x", "erp"): "sap"}
    assert serving(registry, registry.get) == served_by


def test_who_cannot_be_made_follows_no_parcels_where_another_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be one that only stops them: what left meanwhile would never be followed."""
    monkeypatch.setenv("OMS_SECRET_KDNIAO", "x")
    sf = Connection(kind="couriers.sf", brand="demo", options=CARD)
    registry = Registry(Settings(connections={"a-sf": sf, "kdniao": Connection(kind="couriers.kdniao", brand="demo")}))
    made = {"kdniao": registry.get("kdniao")}
    assert serving(registry, made.get) == {("demo", "couriers"): "kdniao"}


def test_a_courier_whose_secret_is_missing_stops_none() -> None:
    registry = Registry(Settings(connections={"kdniao": Connection(kind="couriers.kdniao", brand="demo")}))
    assert serving(registry, lambda _: None) == {("demo", "couriers"): "kdniao"}
