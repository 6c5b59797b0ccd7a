from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.surroundings import Hub
from hub.database import Database, rows
from tests.api.calling import Mall, problem
from tests.api.conftest import furnished
from tests.api.operations import Desk, with_operations
from tests.hub.making import counters
from tests.staging import encoded

HOME = "/v1/inventory"
LOSS = {"location": "sh", "sku": "apple", "delta": -3, "reason": "broken in the aisle", "ref": "ADJ-1"}


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    """Serve shops and programs of operations."""
    made = furnished(database, tmp_path)
    hub = cast("Hub", made.state.hub)
    made.state.hub = replace(hub, settings=with_operations(hub.settings))
    return made


@pytest.fixture
def desk(http: TestClient) -> Callable[[str], Desk]:
    return lambda client: Desk(http, client)


def test_pieces_lost_are_booked_with_their_reason(desk: Callable[[str], Desk], database: Database) -> None:
    answer = desk("boss").post(f"{HOME}/adjustments", LOSS)
    assert (answer.status_code, answer.json()["on_hand"]) == (200, 97)
    with database.transaction() as session:
        assert counters(session, "sh", "apple") == (97, 0)
        audited = rows(session, "select actor, act from audit_entry where subject like '%apple%' order by id")
    assert [one.actor for one in audited] == ["api:boss"]


def test_a_document_is_booked_once(desk: Callable[[str], Desk], database: Database) -> None:
    seat = desk("boss")
    assert seat.post(f"{HOME}/adjustments", LOSS).status_code == 200
    assert problem(seat.post(f"{HOME}/adjustments", LOSS)) == (409, "movement_booked")
    with database.transaction() as session:
        assert counters(session, "sh", "apple") == (97, 0)


def test_no_more_is_taken_away_than_there_is(desk: Callable[[str], Desk], database: Database) -> None:
    answer = desk("boss").post(f"{HOME}/adjustments", {**LOSS, "delta": -101})
    assert problem(answer) == (409, "no_stock")
    assert answer.json()["detail"] == "not enough stock: apple"
    with database.transaction() as session:
        assert counters(session, "sh", "apple") == (100, 0)


@pytest.mark.parametrize("client", ["looker", "counter", "stranger", "h5-boss", "mall-pc"])
def test_only_a_program_that_may_work_on_all_of_the_brand_corrects_stock(
    http: TestClient, database: Database, client: str
) -> None:
    answer = Mall(http, client).call("POST", f"{HOME}/adjustments", encoded(LOSS))
    assert problem(answer)[1] == "forbidden"
    with database.transaction() as session:
        assert counters(session, "sh", "apple") == (100, 0)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"location": "nowhere"}, 404, "unknown_location"),
        ({"sku": "nothing"}, 404, "unknown_sku"),
        ({"owner": "nobody"}, 404, "unknown_owner"),
        ({"delta": 2**63}, 422, "malformed"),
        ({"delta": -(2**63)}, 422, "malformed"),
        ({"delta": 1.5}, 422, "malformed"),
        ({"delta": "3"}, 422, "malformed"),
        ({"delta": None}, 422, "malformed"),
        ({"delta": 0}, 422, "pieces"),
        ({"reason": " "}, 422, "reason_missing"),
        ({"reason": "x" * 201}, 422, "malformed"),
        ({"condition": "eaten"}, 422, "malformed"),
        ({"ref": ""}, 422, "malformed"),
        ({"sku": "a\0b"}, 422, "malformed"),
        ({"more": 1}, 422, "malformed"),
    ],
)
def test_a_correction_that_cannot_be_is_refused_with_its_reason(
    desk: Callable[[str], Desk], database: Database, changes: dict[str, Any], status: int, code: str
) -> None:
    told = problem(desk("boss").post(f"{HOME}/adjustments", {**LOSS, **changes}))
    assert told == (status, code)
    with database.transaction() as session:
        assert counters(session, "sh", "apple") == (100, 0)


def test_what_nobody_signed_is_refused(http: TestClient) -> None:
    assert problem(http.post(f"{HOME}/adjustments", content=encoded(LOSS))) == (401, "signature_missing")
