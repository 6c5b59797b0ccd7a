from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import build
from api.examples import RULE
from connectors.registry import Registry
from hub.database import Database, rows
from hub.partitions import make_partitions
from tests.api.calling import problem
from tests.api.operations import Desk, with_operations
from tests.hub.making import AT
from tests.staging import settings_in

EXAMPLE = RULE["requestBody"]["content"]["application/json"]["example"]


@pytest.fixture
def http(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    with database.transaction() as session:
        make_partitions(session, AT)
    settings = with_operations(settings_in(tmp_path))
    with TestClient(build(settings, database, Registry(settings)), raise_server_exceptions=False) as client:
        yield client


def test_a_program_drafts_tries_publishes_and_retires_a_rule(http: TestClient) -> None:
    desk = Desk(http, "ruler")
    assert desk.post("/v1/rules", EXAMPLE).status_code == 201
    assert problem(desk.post("/v1/rules/big_first_order/1/publish")) == (409, "untried")
    assert desk.post("/v1/rules/rehearsals?days=30", EXAMPLE).json()["looked"] == 0
    publish = "/v1/rules/big_first_order/1/publish"
    assert problem(desk.post(publish)) == (409, "untried")  # what was tried on no order was not tried
    assert desk.post(publish, {"untried": "there are no orders yet"}).json()["state"] == "in_force"
    assert [one["no"] for one in Desk(http, "looker").get("/v1/rules").json()] == [1]
    assert problem(desk.post("/v1/rules/big_first_order/1/publish")) == (409, "rule_state")
    assert desk.post("/v1/rules/big_first_order/1/retire", {"reason": "not wanted"}).json()["state"] == "retired"
    assert desk.get("/v1/rules").json() == []
    assert [one["state"] for one in desk.get("/v1/rules/big_first_order").json()] == ["retired"]


def test_a_rule_that_was_not_tried_is_published_only_for_a_reason_that_is_audited(
    http: TestClient, database: Database
) -> None:
    desk = Desk(http, "ruler")
    desk.post("/v1/rules", EXAMPLE)
    told = desk.post("/v1/rules/big_first_order/1/publish", {"untried": "recalled goods"})
    assert told.json()["state"] == "in_force"
    with database.transaction() as session:
        [entry] = rows(session, "select detail from audit_entry where act = 'review.publish'")
    assert entry.detail["untried"] == "recalled goods"


def test_a_trial_of_who_may_not_publish_counts_for_nothing(http: TestClient) -> None:
    desk = Desk(http, "ruler")
    desk.post("/v1/rules", EXAMPLE)
    assert Desk(http, "looker").post("/v1/rules/rehearsals", EXAMPLE).status_code == 200
    assert problem(desk.post("/v1/rules/big_first_order/1/publish")) == (409, "untried")


@pytest.mark.parametrize(
    ("client", "document", "told"),
    [
        ("boss", EXAMPLE, (403, "forbidden")),
        ("mall-pc", EXAMPLE, (403, "forbidden")),
        ("ruler", EXAMPLE | {"expression": "order.total >"}, (422, "expression")),
        ("ruler", EXAMPLE | {"expression": "order.\x00"}, (422, "malformed")),
        ("ruler", EXAMPLE | {"brand": "a\x00"}, (422, "malformed")),
        ("ruler", EXAMPLE | {"shop": "\x00"}, (422, "malformed")),
        ("ruler", EXAMPLE | {"brand": "nobrand"}, (404, "unknown_brand")),
        ("ruler", EXAMPLE | {"brand": "demo", "shop": "noshop"}, (404, "unknown_shop")),
        ("ruler", EXAMPLE | {"verdict": {"kind": "pardon"}}, (422, "malformed")),
    ],
)
def test_what_is_no_rule_or_not_ones_own_to_write_is_refused(
    http: TestClient, client: str, document: object, told: tuple[int, str]
) -> None:
    assert problem(Desk(http, client).post("/v1/rules", document)) == told


def test_a_rule_that_is_not_there_is_not_found(http: TestClient) -> None:
    assert problem(Desk(http).get("/v1/rules/unheard_of")) == (404, "unknown_rule")
    assert problem(Desk(http, "ruler").post("/v1/rules/unheard_of/1/publish")) == (404, "unknown_rule")
