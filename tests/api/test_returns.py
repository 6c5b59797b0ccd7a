"""Returns over the API: a shop asks, a program of operations grants them and says what arrived."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.return_examples import ASK, RECEIVE
from api.returns import ReturnWish
from api.surroundings import Hub
from hub.aftersale.model import Arrived
from hub.database import Database
from hub.order.ship.progress import record_confirm
from tests.api.calling import Mall, problem
from tests.api.conftest import furnished
from tests.api.operations import Desk, with_operations
from tests.hub.making import AT, confirm
from tests.staging import encoded, order_of


def example(of: dict[str, Any]) -> bytes:
    return encoded(of["requestBody"]["content"]["application/json"]["example"])


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    """Serve shops and programs of operations."""
    made = furnished(database, tmp_path)
    hub = cast("Hub", made.state.hub)
    made.state.hub = replace(hub, settings=with_operations(hub.settings))
    return made


@pytest.fixture
def desk(http: TestClient) -> Desk:
    return Desk(http)


@pytest.fixture
def path(mall: Mall, database: Database) -> str:
    """Ship two of three apples, and name where the order's returns are."""
    order_id = mall.post(order_of(pieces={"apple": 3})).json()["id"]
    with database.transaction() as session:
        record_confirm(session, confirm(int(order_id), 1, {"apple": 2}, final=False), AT)
    return f"/v1/orders/{order_id}/returns"


def want(mall: Mall, path: str, quantity: int = 1, **changes: Any) -> Any:  # noqa: ANN401 # an answer
    return mall.call("POST", path, encoded({"lines": [{"line_id": "L1", "quantity": quantity}], **changes}))


def test_a_return_is_asked_for_granted_and_received(mall: Mall, desk: Desk, path: str) -> None:
    asked = want(mall, path, 2, reason="wrong size", courier="SF", tracking_no="SF1")
    assert (asked.status_code, asked.json()["state"], asked.json()["lines"][0]["asked"]) == (201, "requested", 2)
    assert desk.post(f"{path}/1/approve").json()["state"] == "approved"
    arrived = {"document": "RK-1", "goods": [{"sku": "apple", "pieces": 2, "condition": "damaged"}]}
    shown = [desk.post(f"{path}/1/receive", arrived).json() for _ in range(2)][1]
    assert (shown["state"], shown["amount"], shown["refunds"]) == ("received", 2000, [1])
    listed = mall.get(path).json()
    assert (listed["aftersale"], listed["returns"], mall.get(f"{path}/1").json()) == ("part", [shown], shown)
    order = mall.get(path.removesuffix("/returns")).json()
    assert (order["lines"][0]["returned"], order["returns"][0]["state"]) == (2, "received")


def test_a_shop_grants_itself_nothing(mall: Mall, path: str) -> None:
    want(mall, path)
    for act in ("approve", "reject", "receive"):
        assert mall.call("POST", f"{path}/1/{act}", b"{}").status_code in {401, 403}


def test_a_key_asks_once(mall: Mall, path: str) -> None:
    body, key = encoded({"lines": [{"line_id": "L1", "quantity": 1}]}), {"Idempotency-Key": "r1"}
    first, again = (mall.call("POST", path, body, key) for _ in range(2))
    assert (first.status_code, again.status_code, first.content) == (201, 201, again.content)
    assert len(mall.get(path).json()["returns"]) == 1


def test_what_cannot_come_back_is_said(mall: Mall, desk: Desk, path: str) -> None:
    refused = want(mall, path, 3)
    assert (problem(refused), refused.json()["title"]) == ((409, "more_than_shipped"), "件数超过可退的")
    assert refused.json()["detail"] == "订单行 L1：已发且未退的只有 2 件，不足 3 件"
    assert problem(want(mall, path, lines=[{"line_id": "L9", "quantity": 1}])) == (422, "unknown_line")
    assert problem(mall.get(f"{path}/1")) == (404, "unknown_return")
    assert problem(mall.get(f"{path}/x")) == (404, "unknown_return")
    want(mall, path)
    assert problem(desk.post(f"{path}/1/receive", {"document": "d", "goods": []})) == (409, "return_state")
    assert problem(desk.post(f"{path}/1/receive", {"document": "d", "goods": [], "location": "a\x00"}))[0] == 422
    assert desk.post(f"{path}/1/reject", {"reason": "worn"}).json()["state"] == "rejected"
    assert problem(desk.post(f"{path}/1/approve")) == (409, "return_state")


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "1", 2**63, None])
def test_pieces_that_cannot_be_meant_are_refused(mall: Mall, path: str, quantity: object) -> None:
    refused = mall.call("POST", path, encoded({"lines": [{"line_id": "L1", "quantity": quantity}]}))
    assert refused.status_code == 422


def test_another_shop_sees_none_of_them(http: TestClient, mall: Mall, path: str) -> None:
    want(mall, path)
    assert problem(Mall(http, "mall-h5").get(path)) == (404, "unknown_order")
    assert problem(Desk(http, "stranger").post(f"{path}/1/approve")) == (404, "unknown_order")
    assert problem(Desk(http, "looker").post(f"{path}/1/approve"))[1] == "forbidden"


def test_the_examples_are_of_the_right_shape() -> None:
    assert ReturnWish.model_validate_json(example(ASK)).lines
    assert Arrived.model_validate_json(example(RECEIVE)).goods


def test_goods_are_sent_in_exchange_for_a_return_that_then_names_them(mall: Mall, path: str) -> None:
    want(mall, path, 2)
    follow = path.replace("/returns", "/follow-ups")
    wish = {"type": "exchange", "return_no": 1, "lines": [{"line_id": "L1", "quantity": 2}]}
    assert problem(mall.call("POST", follow, encoded(wish | {"type": "reship"}))) == (422, "malformed")
    made = mall.call("POST", follow, encoded(wish)).json()
    assert mall.get(f"{path}/1").json()["exchanges"] == [made["id"]]
    assert problem(mall.call("POST", follow, encoded(wish))) == (409, "not_of_return")
