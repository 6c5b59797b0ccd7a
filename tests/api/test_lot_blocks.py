from collections.abc import Callable
from dataclasses import replace
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
from tests.hub.inventory.lotted import tell
from tests.staging import encoded

HOME = "/v1/inventory"
LOTS = f"{HOME}/lots"
MOULD = {"sku": "apple", "lot": "A", "location": "sh", "reason": "mould"}


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    """Serve shops and programs of operations, with two lots of apples in Shanghai."""
    made = furnished(database, tmp_path)
    hub = cast("Hub", made.state.hub)
    made.state.hub = replace(hub, settings=with_operations(hub.settings))
    with database.transaction() as session:
        tell(session, "count", {"A": 30, "B": 70}, -1)
    return made


@pytest.fixture
def boss(http: TestClient) -> Desk:
    return Desk(http)


def free(boss: Desk) -> int:
    return boss.get(f"{HOME}?skus=apple&brand=demo").json()["items"][0]["free"]


def test_a_lot_is_blocked_listed_and_unblocked(boss: Desk, database: Database) -> None:
    made = boss.post(f"{LOTS}/block", MOULD)
    told = {"sku": "apple", "lot": "A", "location": "sh", "pieces": 30}
    assert (made.status_code, made.json()) == (200, {**told, "carts": 0, "lacking": 0})
    (one,) = boss.get(f"{LOTS}/blocked").json()
    assert (one["lot"], one["location"], one["actor"], one["reason"]) == ("A", "sh", "api:boss", "mould")
    assert free(boss) == 170
    assert boss.post(f"{LOTS}/unblock", {**MOULD, "reason": "sieved"}).json() == {**told, "still_blocked": []}
    assert (free(boss), boss.get(f"{LOTS}/blocked?sku=apple").json()) == (200, [])
    with database.transaction() as session:
        audited = rows(session, "select act from audit_entry where actor = 'api:boss' order by id")
    assert [row.act for row in audited] == ["stock.block_lot", "stock.unblock_lot"]


def test_unblocking_names_the_block_that_holds_the_lot_still(boss: Desk) -> None:
    everywhere = {**MOULD, "location": ""}
    assert [boss.post(f"{LOTS}/block", one).json()["pieces"] for one in (MOULD, everywhere)] == [30, 0]
    ended = boss.post(f"{LOTS}/unblock", everywhere).json()
    assert (ended["pieces"], ended["still_blocked"], free(boss)) == (0, ["sh"], 170)


def test_blocking_twice_is_said(boss: Desk) -> None:
    assert boss.post(f"{LOTS}/block", MOULD).status_code == 200
    again = boss.post(f"{LOTS}/block", MOULD)
    assert problem(again) == (409, "lot_blocked")
    assert "已被 api:boss 于" in again.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sku": "plum"}, (404, "unknown_sku")),
        ({"lot": "Z"}, (404, "unknown_lot")),
        ({"location": "gz"}, (404, "unknown_location")),
        ({"lot": ""}, (422, "malformed")),
        ({"lot": "A" * 101}, (422, "malformed")),
        ({"reason": " "}, (422, "reason_missing")),
        ({"reason": None}, (422, "malformed")),
    ],
    ids=str,
)
def test_what_cannot_be_blocked_is_refused_with_the_reason(
    boss: Desk, changes: dict[str, object], expected: tuple[int, str]
) -> None:
    assert problem(boss.post(f"{LOTS}/block", {**MOULD, **changes})) == expected


def test_what_is_not_blocked_is_not_unblocked(boss: Desk) -> None:
    assert problem(boss.post(f"{LOTS}/unblock", MOULD)) == (404, "lot_not_blocked")


@pytest.mark.parametrize("client", ["looker", "counter", "stranger", "h5-boss", "mall-pc"])
def test_only_a_program_that_may_work_on_all_of_the_brand_blocks_lots(http: TestClient, client: str) -> None:
    for act in ("block", "unblock"):
        answer = Mall(http, client).call("POST", f"{LOTS}/{act}", encoded(MOULD))
        assert problem(answer)[1] == "forbidden"


def test_blocked_lots_are_seen_by_programs_that_may_see_their_brand(http: TestClient, boss: Desk) -> None:
    boss.post(f"{LOTS}/block", MOULD)
    seen: Callable[[str], int] = lambda client: len(Desk(http, client).get(f"{LOTS}/blocked").json())  # noqa: E731
    assert [seen("looker"), seen("h5-boss"), seen("stranger")] == [1, 1, 0]
    assert problem(Desk(http, "counter").get(f"{LOTS}/blocked")) == (403, "forbidden")
