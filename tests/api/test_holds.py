from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from api.app import build
from connectors.registry import Registry
from hub.database import Database
from hub.partitions import make_partitions
from tests.api.calling import problem
from tests.api.operations import Desk, with_operations
from tests.hub.making import AT, order, placed, stock
from tests.hub.review import ruling
from tests.hub.review.ruling import enforce, holding
from tests.staging import settings_in


@pytest.fixture
def http(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    with database.transaction() as session:
        make_partitions(session, AT)
        stock(session, {"sh": {"apple": 9}})
        for number in ("H1", "H2", "H3"):
            placed(session, order({"apple": 1}, number, paid_at=None))
        placed(session, order({"apple": 1}, "R1", remark="请改地址"))
    settings = with_operations(settings_in(tmp_path))
    with TestClient(build(settings, database, Registry(settings)), raise_server_exceptions=False) as client:
        yield client


def listed(http: TestClient, client: str = "looker", **asked: object) -> list[str]:
    found = Desk(http, client).get(f"/v1/holds?{urlencode(asked)}").json()
    return [one["external_id"] for one in found["holds"]]


def test_a_program_walks_through_the_holds_that_are_its_own_to_see(http: TestClient) -> None:
    desk = Desk(http, "looker")
    first = desk.get("/v1/holds?limit=3").json()
    assert [one["external_id"] for one in first["holds"]] == ["H1", "H2", "H3"]
    assert (first["holds"][0]["type"], first["holds"][0]["rule"], first["holds"][0]["blocks"]) == (
        "finance",
        "unpaid",
        ["route"],
    )
    second = desk.get(f"/v1/holds?limit=3&cursor={first['next']}").json()
    assert [one["external_id"] for one in second["holds"]] == ["R1"]
    assert (second["next"], second["looked_at"]) == ("", None)
    assert listed(http, rule="remark_asks") == ["R1"]
    assert listed(http, type="finance", shop="pc") == ["H1", "H2", "H3"]
    assert listed(http, before="2026-11-01T00:00:00+08:00") == []
    assert listed(http, "stranger", limit=9) == listed(http, "h5-boss", limit=9) == []


def test_holds_of_whole_orders_of_lines_and_of_fulfilment_orders_are_told_apart(
    http: TestClient, database: Database
) -> None:
    with database.transaction() as session:
        enforce(session, ruling.rule("line.sku == 'apple'", verdict=holding(scope="line")))
        placed(session, order({"apple": 1}, "L1"))
    assert listed(http, scope="line") == ["L1"]
    assert listed(http, scope="order") == ["H1", "H2", "H3", "R1"]
    assert listed(http, scope="fulfilment") == []


@pytest.mark.parametrize(
    ("client", "target", "told"),
    [
        ("counter", "/v1/holds", (403, "forbidden")),
        ("mall-pc", "/v1/holds", (403, "forbidden")),
        ("looker", "/v1/holds?cursor=x", (422, "cursor")),
        ("looker", "/v1/holds?scope=all", (422, "malformed")),
        ("looker", "/v1/holds?before=now", (422, "malformed")),
    ],
)
def test_who_may_not_see_orders_and_what_is_no_place_is_refused(
    http: TestClient, client: str, target: str, told: tuple[int, str]
) -> None:
    assert problem(Desk(http, client).get(target)) == told
