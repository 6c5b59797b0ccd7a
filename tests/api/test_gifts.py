"""Programs of operations and gift strategies: seen, tried, drafted, published and retired."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import build
from api.gift_examples import GIFT
from connectors.registry import Registry
from hub.database import Database, rows
from hub.partitions import make_partitions
from tests.api.calling import problem
from tests.api.operations import Desk, with_operations
from tests.hub.making import AT, add_sku, placed
from tests.hub.making import order as bought
from tests.staging import settings_in

EXAMPLE = GIFT["requestBody"]["content"]["application/json"]["example"]
SPRING = "/v1/gifts/demo/spring"


@pytest.fixture
def http(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    with database.transaction() as session:
        make_partitions(session, AT)
        add_sku(session, "P1000")
    settings = with_operations(settings_in(tmp_path))
    with TestClient(build(settings, database, Registry(settings)), raise_server_exceptions=False) as client:
        yield client


def test_a_program_drafts_tries_publishes_and_retires_a_strategy(http: TestClient, database: Database) -> None:
    desk = Desk(http, "ruler")
    drafted = desk.post("/v1/gifts", EXAMPLE)
    assert (drafted.status_code, drafted.json()["no"], drafted.json()["state"]) == (201, 1, "draft")
    assert problem(desk.post(f"{SPRING}/1/publish")) == (409, "untried")
    assert desk.post("/v1/gifts/rehearsals?days=30", EXAMPLE).json()["looked"] == 0
    assert problem(desk.post(f"{SPRING}/1/publish")) == (409, "untried")  # what was tried on no order was not tried
    with database.transaction() as session:
        placed(session, bought({"P1000": 1}))
    assert desk.post("/v1/gifts/rehearsals?days=90", EXAMPLE).json()["looked"] == 1
    assert desk.post(f"{SPRING}/1/publish").json()["state"] == "in_force"
    assert [one["body"]["first_orders"] for one in Desk(http, "looker").get("/v1/gifts").json()] == [100]
    assert problem(desk.post(f"{SPRING}/1/publish")) == (409, "strategy_state")
    assert desk.post(f"{SPRING}/retire", {"reason": "over"}).json()["state"] == "retired"
    assert desk.get("/v1/gifts").json() == []
    assert [one["no"] for one in desk.get("/v1/gifts?retired=true&brand=demo").json()] == [1]
    assert [one["state"] for one in desk.get(SPRING).json()] == ["retired"]


def test_a_strategy_that_was_not_tried_is_published_only_for_a_reason_that_is_audited(
    http: TestClient, database: Database
) -> None:
    desk = Desk(http, "ruler")
    desk.post("/v1/gifts", EXAMPLE)
    assert desk.post(f"{SPRING}/1/publish", {"untried": "the sale has begun"}).json()["state"] == "in_force"
    with database.transaction() as session:
        [told] = rows(session, "select actor, detail from audit_entry where act = 'gift.publish'")
    assert (told.actor, told.detail["untried"]) == ("api:ruler", "the sale has begun")


def test_a_trial_tells_whom_it_would_have_given_something(http: TestClient, database: Database) -> None:
    with database.transaction() as session:
        placed(session, bought({"P1000": 1}))
    wish = EXAMPLE | {"min_fen": 0}
    told = Desk(http, "ruler").post("/v1/gifts/rehearsals?days=90", wish).json()
    assert (told["looked"], told["orders"], told["pieces"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("client", "document", "told"),
    [
        ("boss", EXAMPLE, (403, "forbidden")),
        ("mall-pc", EXAMPLE, (403, "forbidden")),
        ("ruler", EXAMPLE | {"gives": []}, (422, "malformed")),
        ("ruler", EXAMPLE | {"brand": "a\x00"}, (422, "malformed")),
        ("ruler", EXAMPLE | {"gives": [{"sku": "ghost"}]}, (422, "unknown_sku")),
        ("ruler", EXAMPLE | {"skus": ["ghost"]}, (422, "unknown_sku")),
        ("ruler", EXAMPLE | {"shops": ["ghost"]}, (404, "unknown_shop")),
    ],
)
def test_what_is_no_strategy_or_not_ones_own_to_write_is_refused(
    http: TestClient, client: str, document: object, told: tuple[int, str]
) -> None:
    assert problem(Desk(http, client).post("/v1/gifts", document)) == told


def test_strategies_of_other_brands_are_not_seen(http: TestClient) -> None:
    Desk(http, "ruler").post("/v1/gifts", EXAMPLE)
    stranger = Desk(http, "stranger")
    assert stranger.get("/v1/gifts").json() == []
    assert problem(stranger.get(SPRING)) == (404, "unknown_strategy")
    assert problem(Desk(http, "boss").post(f"{SPRING}/retire", {"reason": "over"})) == (403, "forbidden")
    assert problem(Desk(http, "ruler").post(f"{SPRING}/retire", {"reason": " "})) == (422, "reason_missing")
