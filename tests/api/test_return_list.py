"""Returns listed over the API: a shop sees its own, a program what its role and scope let it see."""

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
from tests.hub.aftersale.returning import ask, granted, sent
from tests.hub.making import AT, order, stock
from tests.staging import settings_in


@pytest.fixture
def http(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    with database.transaction() as session:
        make_partitions(session, AT)
        stock(session, {"sh": {"apple": 9}})
        order_id = sent(session, order({"apple": 3}, "T1"), {"apple": 3})
        ask(session, order_id, {"L1": 1})
        granted(session, order_id, {"L1": 1})
    settings = with_operations(settings_in(tmp_path))
    with TestClient(build(settings, database, Registry(settings)), raise_server_exceptions=False) as client:
        yield client


def listed(http: TestClient, client: str, query: str = "") -> list[tuple[int, str]]:
    found = Desk(http, client).get(f"/v1/returns{query}").json()
    return [(one["no"], one["state"]) for one in found["returns"]]


@pytest.mark.parametrize("client", ["mall-pc", "looker", "boss"])
def test_a_shop_and_a_program_list_returns_page_by_page(http: TestClient, client: str) -> None:
    assert listed(http, client) == [(2, "approved"), (1, "requested")]
    first = Desk(http, client).get("/v1/returns?limit=1").json()
    assert (first["returns"][0]["pieces"], first["returns"][0]["external_id"]) == (1, "T1")
    assert listed(http, client, f"?limit=1&cursor={first['next']}") == [(1, "requested")]
    assert listed(http, client, "?state=requested&state=sent") == [(1, "requested")]
    assert listed(http, client, "?kind=refund_only") == listed(http, client, "?shop=h5") == []
    assert listed(http, client, "?until=2026-01-01T00:00:00Z") == []


def test_nobody_sees_the_returns_of_another_shop(http: TestClient) -> None:
    assert listed(http, "mall-h5") == listed(http, "h5-boss") == listed(http, "stranger") == []


@pytest.mark.parametrize(
    ("client", "query", "told"),
    [
        ("counter", "", (403, "forbidden")),
        ("looker", "?cursor=x", (422, "cursor")),
        ("mall-pc", "?state=lost", (422, "malformed")),
        ("mall-pc", "?since=now", (422, "malformed")),
    ],
)
def test_who_may_not_see_orders_and_what_cannot_be_meant_is_refused(
    http: TestClient, client: str, query: str, told: tuple[int, str]
) -> None:
    assert problem(Desk(http, client).get(f"/v1/returns{query}")) == told
