from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import build
from connectors.registry import Registry
from hub.database import Database
from hub.partitions import make_partitions
from tests.api.calling import problem
from tests.api.operations import Desk, with_operations
from tests.hub.inventory.lotted import tell
from tests.hub.making import AT, order, placed, stock
from tests.staging import settings_in


@pytest.fixture
def http(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    with database.transaction() as session:
        make_partitions(session, AT)
        stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
        placed(session, order({"apple": 1}))
    settings = with_operations(settings_in(tmp_path))
    with TestClient(build(settings, database, Registry(settings)), raise_server_exceptions=False) as client:
        yield client


def test_operations_see_why_an_order_ships_from_where_it_does(http: TestClient) -> None:
    shown = Desk(http).get("/v1/orders/T1/routing").json()
    [decision] = shown["decisions"]
    assert [(one["code"], one["verdict"]) for one in decision["candidates"]] == [("sh", "chosen"), ("bj", "dearer")]
    assert {(one["kind"], one["bonded"]) for one in decision["candidates"]} == {("warehouse", False)}
    assert (decision["replays"], decision["candidates"][1]["what_if"]["wins"]) == (True, True)
    assert Desk(http).get(f"/v1/orders/{shown['id']}/routing").json() == shown


def test_a_location_that_has_old_lots_alone_is_not_said_to_be_short(http: TestClient, database: Database) -> None:
    with database.transaction() as session:
        tell(session, "count", {"OLD": 5})
        placed(session, order({"apple": 1}, "T2"))
    [decision] = Desk(http).get("/v1/orders/T2/routing").json()["decisions"]
    told = {
        one["code"]: (one["verdict"], one["what_if"] and one["what_if"]["pieces"]) for one in decision["candidates"]
    }
    assert told == {"bj": ("chosen", None), "sh": ("lots", {"apple": 1})}


@pytest.mark.parametrize(
    ("client", "number", "told"),
    [
        ("boss", "T9", (404, "unknown_order")),
        ("h5-boss", "T1", (404, "unknown_order")),
        ("stranger", "T1", (404, "unknown_order")),
        ("looker", "T1", (403, "forbidden")),
        ("mall-pc", "T1", (403, "forbidden")),
    ],
)
def test_costs_are_shown_to_nobody_else(http: TestClient, client: str, number: str, told: tuple[int, str]) -> None:
    assert problem(Desk(http, client).get(f"/v1/orders/{number}/routing")) == told
