"""What a storefront hears of goods before they are ordered."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from hub.database import Database, rows
from tests.api.calling import Mall, problem
from tests.api.conftest import furnished
from tests.api.operations import Desk, seeing
from tests.staging import encoded

HOME = "/v1/inventory/quote"


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    return seeing(furnished(database, tmp_path))


def ask(mall: Mall, pieces: Mapping[str, int], **changes: Any) -> Response:  # noqa: ANN401 # any field of a basket
    lines = [{"line_id": f"L{no}", "sku": sku, "quantity": n} for no, (sku, n) in enumerate(pieces.items(), 1)]
    return mall.call("POST", HOME, encoded({"division": "310115", "lines": lines, **changes}))


def test_a_shop_hears_the_parcels_and_not_where_from(mall: Mall, database: Database) -> None:
    answer = ask(mall, {"apple": 2, "pear": 1, "nothing": 1})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["division"], told["whole"], told["unknown"]) == ("310115", False, ["nothing"])
    [parcel] = told["parcels"]
    assert {(one["line_id"], one["sku"], one["quantity"]) for one in parcel["lines"]} == {
        ("L1", "apple", 2),
        ("L2", "pear", 1),
    }
    assert not parcel.keys() & {"location", "arrives_on"}
    with database.transaction() as session:
        assert rows(session, "select count(*) as n from sales_order") == [(0,)]


def test_who_may_see_how_stock_is_spread_hears_where_from(http: TestClient) -> None:
    for client in (Mall(http, "mall-h5"), Mall(http, "looker")):
        target = HOME if client.client == "mall-h5" else f"{HOME}?brand=demo"
        body = encoded({"division": "310115", "lines": [{"line_id": "1", "sku": "apple", "quantity": 1}]})
        assert client.call("POST", target, body).json()["parcels"][0]["location"] == "sh"


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"division": "999999"}, "unknown_division", "division"),
        ({"division": None}, "malformed", "division"),
        ({"lines": []}, "malformed", "lines"),
        ({"lines": [{"line_id": "1", "sku": "apple", "quantity": 0}]}, "malformed", "lines[0].quantity"),
        ({"lines": [{"line_id": "1", "sku": "apple", "quantity": 2**63}]}, "malformed", "lines[0].quantity"),
        ({"lines": [{"line_id": "1", "sku": "apple", "quantity": 1}] * 2}, "malformed", None),
        ({"lines": [{"line_id": "1", "sku": "a\0", "quantity": 1}]}, "malformed", "lines[0].sku"),
        (
            {"lines": [{"line_id": "1", "sku": "apple", "quantity": 1, "unit_price": "NaN"}]},
            "malformed",
            "lines[0].unit_price",
        ),
        ({"lines": [{"line_id": str(n), "sku": "apple", "quantity": 1} for n in range(201)]}, "too_many_lines", None),
        ({"lines": [{"line_id": n, "sku": "apple", "quantity": 5_001} for n in "12"]}, "pieces", "lines"),
        ({"receiver": {}}, "malformed", "receiver"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    mall: Mall, changes: Mapping[str, Any], code: str, field: str | None
) -> None:
    answer = ask(mall, {"apple": 1}, **changes)
    assert problem(answer) == (422, code)
    assert answer.json().get("field") == field or field is None


def test_nobody_asks_for_another_shop_or_without_a_signature(mall: Mall, http: TestClient) -> None:
    assert problem(mall.call("POST", f"{HOME}?shop=h5", b"{}")) == (403, "forbidden")
    assert problem(http.post(HOME, content=b"{}"))[0] == 401
    assert problem(Desk(http, "stranger").post(f"{HOME}?brand=demo", {})) == (403, "forbidden")
