"""Lots through a warehouse and back: named in what is sent to it, told in its confirm and by its stock reports."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, final

import pytest
import requests
from fastapi import FastAPI, Request, Response

from connectors.registry import Registry
from flows.engine import WALL, Engine
from flows.listing import effects, takers
from hub.database import Database, rows
from hub.inbox import claim, keep
from hub.partitions import make_partitions
from sandbox.listen import serving
from sandbox.qimen import application
from sandbox.qimen_sites import Behaviour, Config, Site
from sandbox.qimen_wire import success
from tests.hub.inventory.counting import cases, level
from tests.hub.inventory.lotted import left, named, on_hand
from tests.hub.making import order, placed, stock
from tests.staging import secret_of, settings_in

WMS = "wms-sh"
KINDS = {"deliveryorder.confirm": "confirm", "orderprocess.report": "report", "stockchange.report": "stock_change"}
WITHIN_S = 60.0
NOW = datetime.now(UTC)
SOON, LATER = (f"{NOW + timedelta(days=days):%Y-%m-%d}" for days in (30, 60))


@final
class Dock:
    """Our side of the wire and theirs: an engine that sends, and what the warehouse pushes, booked as it came."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.url, self.pushes = database, "", list[tuple[str, bytes]]()
        self.app = FastAPI()
        self.app.add_api_route("/hook", self.take, methods=["POST"], response_model=None)
        self.folder = folder

    async def take(self, request: Request) -> Response:
        kind = request.query_params["method"].rpartition("qimen.")[2]
        self.pushes.append((KINDS[kind], await request.body()))
        return Response(success("ok"))

    def turn(self, handle: str, **words: object) -> None:
        requests.post(f"{self.url}/{handle}", json={"connection": WMS, **words}, timeout=5).raise_for_status()

    def shelve(self, **pieces: str) -> None:
        """Fill the shelves with apples of two lots, A to expire before B."""
        lots = {lot: {"batch": lot, "quantity": n, "expires": {"A": SOON}.get(lot, LATER)} for lot, n in pieces.items()}
        self.turn("shelves", pieces=[{"warehouse": "sh", "sku": "apple", **one} for one in lots.values()])

    def send(self) -> list[str]:
        """Send what is due, and give the states it was left in."""
        settings = settings_in(self.folder, wms=self.url, read_s=3)
        wms = settings.connections[WMS].model_copy(update={"options": {"name_lots": "yes"}})
        settings = settings.model_copy(update={"connections": {**settings.connections, WMS: wms}})
        self.registry, self.takers = Registry(settings), takers(Registry(settings), settings)
        engine = Engine(self.database, self.registry, effects(settings), settings, WALL)
        return [str(engine.run(step)) for step in engine.take(10)]

    def book(self, count: int) -> list[str]:
        """Book so many pushes when they have come, and give the states of all messages."""
        deadline = time.monotonic() + WITHIN_S
        while len(self.pushes) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        with self.database.transaction() as session:
            for no, (kind, body) in enumerate(self.pushes):
                keep(session, WMS, kind, str(no), body, datetime.now(UTC))
            for taker in self.takers:
                while messages := claim(session, taker.kinds, taker.batch, datetime.now(UTC)):
                    taker.handle(session, messages, datetime.now(UTC))
            return [one.state for one in rows(session, "select state from inbox order by id")]


@pytest.fixture
def dock(database: Database, tmp_path: Path) -> Iterator[Dock]:
    made = Dock(database, tmp_path)
    keys: dict[str, Any] = {"connection": WMS, "app_key": WMS, "customer_id": WMS, "secret": secret_of(WMS)}
    with serving(made.app) as hook:
        site = Site(**keys, webhook=f"{hook}/hook", warehouses=("sh",))
        with serving(application(Config(sites=(site,), behaviour=Behaviour(delay_s=(0, 0.01))))) as url:
            made.url = url
            yield made


@pytest.fixture
def order_id(database: Database) -> int:
    """Order four of six apples: three of A and three of B."""
    with database.transaction() as session:
        make_partitions(session, NOW)
        stock(session, {"sh": {"apple": 6}})
        for lot, day in (("A", SOON), ("B", LATER)):
            session.connection().exec_driver_sql(
                """insert into stock_lot (location, sku, owner, condition, lot, expires_on, on_hand, counted_at)
                   values ('sh', 'apple', 'OWNER', 'saleable', %s, %s, 3, %s)""",
                (lot, day, NOW - timedelta(hours=1)),
            )
        return placed(session, order({"apple": 4}))


def test_lots_are_named_taken_told_and_counted_down_once(database: Database, dock: Dock, order_id: int) -> None:
    dock.shelve(A="3", B="3")
    assert dock.send() == ["done"]
    assert dock.book(2) == ["done", "done"]
    gone = [{"code": "A", "quantity": "-3", "expires": SOON}, {"code": "B", "quantity": "-1", "expires": LATER}]
    item = {"sku": "apple", "quantity": "-4", "lots": gone}
    told = {"kind": "change", "warehouse": "sh", "owner": "OWNER", "document": f"{order_id}-1", "out_biz_code": "B1"}
    dock.turn("stock", items=[item], **told)
    dock.book(3)
    with database.transaction() as session:
        assert (level(session, "apple")[:2], on_hand(session), named(session)) == ((2, 0), {"B": 2}, {})
        assert (left(session), cases(session)) == ([("A", 3, 0), ("B", 1, 0)], [])


@pytest.mark.usefixtures("order_id")
def test_a_warehouse_that_does_not_know_a_lot_refuses_it_and_it_is_named_no_more(
    database: Database, dock: Dock
) -> None:
    dock.shelve(B="6")
    assert dock.send() == ["dead"]
    with database.transaction() as session:
        assert (named(session), cases(session)) == ({}, ["step_dead"])
        (step,) = rows(session, "select last_error from step where state = 'dead'")
        assert "batch-not-found" in step.last_error
