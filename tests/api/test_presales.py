"""Pre-sale limits as programs of operations set them, and as shops are told of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.surroundings import Hub
from hub.catalogue.describe import describe
from hub.database import Database
from hub.roles import SYSTEM
from tests.api.calling import Mall, problem
from tests.api.conftest import furnished
from tests.api.operations import Desk, with_operations
from tests.hub.making import order, placed

PRESALES = "/v1/inventory/presales"


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    made = furnished(database, tmp_path)
    hub = cast("Hub", made.state.hub)
    made.state.hub = replace(hub, settings=with_operations(hub.settings))
    with database.transaction() as session:
        day = (datetime.now(UTC) + timedelta(days=30)).date()
        describe(session, SYSTEM, "apple", datetime.now(UTC), available_from=day)
    return made


@pytest.fixture
def boss(http: TestClient) -> Desk:
    return Desk(http)


def test_a_limit_is_set_sold_of_told_to_the_shop_and_taken_away(boss: Desk, mall: Mall, database: Database) -> None:
    made = boss.post(PRESALES, {"sku": "apple", "amount": 5})
    assert (made.status_code, made.json()) == (200, {"sku": "apple", "shop": "", "amount": 5, "sold": 0, "left": 5})
    with database.transaction() as session:
        placed(session, order({"apple": 2}))
    assert [(one["sold"], one["left"]) for one in boss.get(f"{PRESALES}?sku=apple").json()] == [(2, 3)]
    [shown] = mall.call("GET", "/v1/inventory?skus=apple").json()["items"]
    assert (shown["free"], shown["presale"]) == (3, 3)
    assert boss.post(f"{PRESALES}/end", {"sku": "apple"}).json()["ended"]["sold"] == 2
    assert boss.get(PRESALES).json() == []


def test_who_works_for_one_shop_is_told_of_no_other_s_limits(boss: Desk, http: TestClient) -> None:
    for wish in ({}, {"shop": "pc"}, {"shop": "h5"}):
        assert boss.post(PRESALES, {"sku": "apple", "amount": 5, **wish}).status_code == 200
    assert [one["shop"] for one in boss.get(PRESALES).json()] == ["", "h5", "pc"]
    assert [one["shop"] for one in Desk(http, "h5-boss").get(PRESALES).json()] == ["h5"]


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"sku": "plum", "amount": 1}, (404, "unknown_sku")),
        ({"sku": "apple", "amount": -1}, (422, "malformed")),
        ({"sku": "apple", "amount": 1, "shop": "nobody"}, (404, "unknown_shop")),
    ],
)
def test_a_limit_that_cannot_be_is_refused(boss: Desk, wish: dict[str, object], expected: tuple[int, str]) -> None:
    assert problem(boss.post(PRESALES, wish)) == expected
    assert problem(boss.post(f"{PRESALES}/end", {"sku": "apple"})) == (404, "unknown_presale")
