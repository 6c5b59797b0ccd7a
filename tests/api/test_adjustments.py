from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.surroundings import Hub
from api.titles import GENERAL
from hub.database import Database, rows
from hub.inventory.ledger import StockKey
from hub.inventory.reserve import Claim, reserve
from tests.api.calling import Mall, problem
from tests.api.conftest import furnished
from tests.api.operations import Desk, with_operations
from tests.hub.making import AT, OWNER, counters
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
        ({"ref": " "}, 422, "malformed"),
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


LIMITS = {"location": "sh", "sku": "apple", "safety": 5, "backorder_limit": 7, "authority": "owner"}


def test_what_is_promised_of_a_counter_is_set_and_what_is_left_out_stays(desk: Callable[[str], Desk]) -> None:
    answer = desk("boss").post(f"{HOME}/limits", LIMITS)
    assert answer.status_code == 200, answer.text
    assert {name: answer.json()[name] for name in LIMITS} == LIMITS
    less = desk("boss").post(f"{HOME}/limits", {"location": "sh", "sku": "apple", "backorder_limit": 0}).json()
    assert (less["safety"], less["backorder_limit"], less["authority"]) == (5, 0, "owner")


@pytest.mark.parametrize("client", ["looker", "counter", "stranger", "h5-boss", "mall-pc"])
def test_only_a_program_that_may_work_on_all_of_the_brand_sets_limits(http: TestClient, client: str) -> None:
    assert problem(Mall(http, client).call("POST", f"{HOME}/limits", encoded(LIMITS)))[1] == "forbidden"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"location": "nowhere"}, 404, "unknown_location"),
        ({"sku": "nothing"}, 404, "unknown_sku"),
        ({"authority": "nobody"}, 422, "malformed"),
        ({"backorder_limit": 2**63}, 422, "malformed"),
        ({"backorder_limit": 1_000_001}, 422, "malformed"),
        ({"backorder_limit": -1}, 422, "malformed"),
        ({"safety": "3"}, 422, "malformed"),
        ({"safety": None, "backorder_limit": None, "authority": None}, 422, "nothing_set"),
    ],
)
def test_limits_that_cannot_be_are_refused_with_their_reason(
    desk: Callable[[str], Desk], changes: dict[str, Any], status: int, code: str
) -> None:
    assert problem(desk("boss").post(f"{HOME}/limits", {**LIMITS, **changes})) == (status, code)


def test_a_limit_below_what_is_promised_early_is_refused_in_both_languages(
    desk: Callable[[str], Desk], database: Database
) -> None:
    seat = desk("boss")
    assert seat.post(f"{HOME}/limits", {**LIMITS, "authority": "hub", "safety": 0}).status_code == 200
    with database.transaction() as session:
        reserve(session, [Claim("fo:1", StockKey("sh", "apple", OWNER), 103)], AT)
    for language, said in (("en", "3 pieces are promised beyond"), ("zh", "已超出在库承诺 3 件")):
        answer = seat.post(f"{HOME}/limits", {**LIMITS, "backorder_limit": 2}, accept_language=language)
        assert problem(answer) == (409, "backorders_promised")
        assert said in answer.json()["detail"]
        assert answer.json()["title"] not in {GENERAL.en, GENERAL.zh}
