from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.surroundings import Hub
from hub.database import Database, rows
from tests.api.calling import Mall, problem
from tests.api.conftest import furnished
from tests.api.operations import Desk, with_operations
from tests.staging import encoded

SALES = "/v1/inventory/sales"
SALE = {"sku": "apple", "sale": "double-11", "per_buyer": 2, "queue_limit": 50}


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    made = furnished(database, tmp_path)
    hub = cast("Hub", made.state.hub)
    made.state.hub = replace(hub, settings=with_operations(hub.settings))
    return made


@pytest.fixture
def boss(http: TestClient) -> Desk:
    return Desk(http)


def hold(mall: Mall, ref: str, quantity: int) -> int:
    cart = {"ref": ref, "buyer": "b1", "lines": [{"sku": "apple", "quantity": quantity}]}
    return mall.call("POST", "/v1/inventory/reservations", encoded(cart)).status_code


def test_a_flash_sale_is_begun_read_changed_and_ended(boss: Desk, mall: Mall, database: Database) -> None:
    ends = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    made = boss.post(SALES, {**SALE, "ends_at": ends.isoformat()})
    assert (made.status_code, made.json()["per_buyer"], made.json()["queue_limit"]) == (200, 2, 50)
    assert [hold(mall, "c1", 2), hold(mall, "c2", 1)] == [201, 409]
    [one] = boss.get(f"{SALES}?sku=apple").json()
    assert (one["sale"], one["buyers"], one["pieces"], one["over"]) == ("double-11", 1, 2, False)
    assert datetime.fromisoformat(one["ends_at"]) == ends
    assert boss.post(SALES, {**SALE, "per_buyer": 3}).json()["per_buyer"] == 3
    assert hold(mall, "c3", 1) == 201
    ended = boss.post(f"{SALES}/end", {"sku": "apple"}).json()["ended"]
    assert (ended["pieces"], boss.get(SALES).json()) == (3, [])
    with database.transaction() as session:
        audited = rows(session, "select act from audit_entry where actor = 'api:boss' order by id")
    assert [one.act for one in audited] == ["stock.hot", "stock.hot", "stock.cool"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sku": "plum"}, (404, "unknown_sku")),
        ({"sale": " "}, (422, "malformed")),
        ({"per_buyer": -1}, (422, "malformed")),
        ({"queue_limit": 0}, (422, "malformed")),
        ({"ends_at": "2026-01-01T00:00:00+08:00"}, (409, "moment")),
        ({"limit": 1}, (422, "malformed")),
    ],
    ids=str,
)
def test_a_sale_that_cannot_be_is_refused_with_the_reason(
    boss: Desk, changes: dict[str, object], expected: tuple[int, str]
) -> None:
    assert problem(boss.post(SALES, {**SALE, **changes})) == expected


def test_what_is_in_no_sale_is_not_ended(boss: Desk) -> None:
    refused = boss.post(f"{SALES}/end", {"sku": "apple"})
    assert problem(refused) == (409, "not_hot")
    assert refused.json()["detail"] == "apple 不在秒杀中"


@pytest.mark.parametrize("client", ["looker", "stranger", "h5-boss"])
def test_who_may_not_begin_a_sale_is_refused(http: TestClient, client: str) -> None:
    assert problem(Desk(http, client).post(SALES, SALE)) == (403, "forbidden")
