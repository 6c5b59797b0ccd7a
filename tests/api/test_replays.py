from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import build
from api.examples import EXAMPLE
from api.titles import TITLES
from commands.sign import headers_for
from connectors.registry import Registry
from hub.database import Database, keyring_of, run
from hub.exchange import Exchange, place, write_exchanges
from hub.partitions import make_partitions
from hub.replay_work import work_off
from hub.settings import Connection, OperationsClient, Settings
from tests.api.calling import Mall, problem
from tests.api.operations import CLIENTS, Desk, with_operations
from tests.hub.trouble import dead_step, state_of
from tests.staging import CANARY, encoded, settings_in

NOW = datetime.now(UTC)


@pytest.fixture
def dead(database: Database) -> list[int]:
    """Let three calls be dead."""
    with database.transaction() as session:
        make_partitions(session, NOW)
        return [dead_step(session, NOW, f"T{no}") for no in range(3)]


@pytest.fixture
def http(database: Database, tmp_path: Path, dead: list[int]) -> Iterator[TestClient]:
    assert dead
    settings = with_operations(settings_in(tmp_path))
    with TestClient(build(settings, database, Registry(settings)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def desk(http: TestClient) -> Desk:
    return Desk(http)


def start(desk: Desk, **wish: Any) -> int:  # noqa: ANN401 # any field of a wish
    answer = desk.replay(dry_run=False, reason="SAP is back", **wish)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def test_runs_are_listed_by_what_is_asked(desk: Desk, dead: list[int]) -> None:
    listed = desk.get("/v1/runs?state=dead&connection=wms-sh&limit=2").json()
    assert ([one["id"] for one in listed["runs"]], listed["next"]) == ([dead[2], dead[1]], dead[1])
    assert [one["id"] for one in desk.get(f"/v1/runs?cursor={dead[1]}").json()["runs"]] == [dead[0]]
    assert [one["external_id"] for one in desk.get("/v1/runs?order=T1").json()["runs"]] == ["T1"]
    assert desk.get("/v1/runs?order=nobody").json() == {"runs": [], "next": None}


def test_a_run_is_shown_with_attempts_and_lane_and_without_the_person(
    desk: Desk, dead: list[int], database: Database
) -> None:
    said = Exchange(
        request="POST http://wms",
        request_body=f'{{"mobile": "{CANARY}"}}'.encode(),
        status=400,
        answer_body=b"",
        seconds=0,
    )
    with database.transaction() as session:
        sealed = keyring_of(session).seal_body(write_exchanges([said]), place(dead[0], 1))
        run(session, "update attempt set exchanges = :sealed where step_id = :id", sealed=sealed, id=dead[0])
    answer = desk.get(f"/v1/runs/{dead[0]}")
    shown = answer.json()
    assert (shown["run"]["state"], shown["attempts"][0]["exchanges"][0]["status"]) == ("dead", 400)
    assert [one["id"] for one in shown["lane"]] == [dead[0]]
    assert CANARY not in answer.text


def test_a_filter_is_counted_first_and_changes_nothing(desk: Desk, dead: list[int], database: Database) -> None:
    answer = desk.replay(filter={"connection": "wms-sh", "error": "http_400"})
    assert (answer.status_code, answer.json()["eligible"]) == (200, 3)
    assert desk.get("/v1/replays").json() == {"jobs": [], "next": None}
    with database.transaction() as session:
        assert state_of(session, dead[0]) == "dead"


def test_a_job_is_started_worked_off_and_followed(desk: Desk, dead: list[int], database: Database) -> None:
    job = start(desk, filter={"ids": dead[:2]}, rate_per_s=100, confirm=2)
    with database.transaction() as session:
        work_off(session, datetime.now(UTC) + timedelta(minutes=1), Settings(operations=dict(CLIENTS)))
    shown = desk.get(f"/v1/replays/{job}").json()
    assert (shown["state"], shown["done"], shown["waiting"], shown["actor"]) == ("done", 2, 0, "api:boss")
    items = desk.get(f"/v1/replays/{job}/items").json()["items"]
    assert [(one["thing_id"], one["state"], one["now"]) for one in items] == [
        (one, "done", "unknown") for one in dead[:2]
    ]


def test_a_job_is_paused_slowed_resumed_and_stopped(desk: Desk) -> None:
    job = start(desk)
    assert desk.post(f"/v1/replays/{job}/pause", {"reason": "SAP is busy"}).json()["state"] == "paused"
    assert desk.post(f"/v1/replays/{job}/rate", {"rate_per_s": 0.5}).json()["rate_per_s"] == 0.5
    assert desk.post(f"/v1/replays/{job}/resume", {"reason": "SAP rests"}).json()["state"] == "running"
    assert desk.post(f"/v1/replays/{job}/stop", {"reason": "enough"}).json()["state"] == "stopped"
    assert problem(desk.post(f"/v1/replays/{job}/pause", {"reason": "why"})) == (409, "replay_state")


def test_a_repeated_key_starts_no_second_job(desk: Desk) -> None:
    wish = {"dry_run": False, "reason": "SAP is back"}
    first, second = (desk.post("/v1/replays", wish, Idempotency_Key="night-1") for _ in range(2))
    assert (first.json(), second.headers["Idempotent-Replayed"]) == (second.json(), "true")
    other = desk.post("/v1/replays", {**wish, "rate_per_s": 2}, Idempotency_Key="night-1")
    assert problem(other) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"dry_run": False}, 422, "reason_missing"),
        ({"dry_run": False, "reason": "why", "confirm": 2}, 422, "number_not_typed"),
        ({"dry_run": False, "reason": "why", "rate_per_s": 0}, 422, "replay_rate"),
        ({"dry_run": False, "reason": "why", "filter": {"flow": "none"}}, 409, "replay_nothing"),
        ({"act": "replay"}, 422, "replay_act"),
        ({"act": "explode"}, 422, "malformed"),
        ({"filter": {"ids": [2**63]}}, 422, "malformed"),
        ({"filter": {"flow": "\u0000"}}, 422, "malformed"),
        ({"colour": "red"}, 422, "malformed"),
        ([], 422, "malformed"),
    ],
)
def test_a_wish_that_will_not_do_is_told_why(desk: Desk, wish: object, status: int, code: str) -> None:
    assert problem(desk.mall.call("POST", "/v1/replays", encoded(wish))) == (status, code)


@pytest.mark.parametrize("target", ["/v1/runs/999", "/v1/replays/999", "/v1/replays/999/items"])
def test_what_is_not_there_is_not_found(desk: Desk, target: str) -> None:
    assert problem(desk.get(target))[0] == 404


@pytest.mark.parametrize("target", ["/v1/runs/0", f"/v1/replays/{2**63}", "/v1/runs?since=now", "/v1/runs?flow=%00"])
def test_an_address_that_cannot_be_read_is_a_problem(desk: Desk, target: str) -> None:
    assert problem(desk.get(target)) == (422, "malformed")


def test_a_shop_has_no_business_here_and_operations_place_no_orders(http: TestClient, dead: list[int]) -> None:
    shop, boss = Mall(http), Mall(http, "boss")
    for target in ("/v1/runs", f"/v1/runs/{dead[0]}", "/v1/replays", "/v1/replays/1", "/v1/replays/1/items"):
        assert problem(shop.get(target)) == (403, "forbidden")
    for target in ("/v1/replays", *(f"/v1/replays/1/{act}" for act in ("pause", "resume", "stop", "rate"))):
        assert problem(shop.call("POST", target, b"{}")) == (403, "forbidden")
    assert problem(boss.get("/v1/orders")) == problem(boss.post(EXAMPLE)) == (403, "forbidden")


@pytest.mark.parametrize(("client", "sees"), [("looker", 200), ("counter", 403)])
def test_a_role_may_look_or_not_and_neither_of_these_repairs(http: TestClient, client: str, sees: int) -> None:
    desk = Desk(http, client)
    assert [desk.get(target).status_code for target in ("/v1/runs", "/v1/replays")] == [sees, sees]
    assert problem(desk.replay()) == (403, "forbidden")
    for act in ("pause", "resume", "stop"):
        assert problem(desk.post(f"/v1/replays/1/{act}", {"reason": "why"})) == (403, "forbidden")


@pytest.mark.parametrize("client", ["h5-boss", "stranger"])
def test_another_brand_or_shop_is_not_there(http: TestClient, dead: list[int], client: str) -> None:
    job = start(Desk(http))
    desk = Desk(http, client)
    assert desk.get("/v1/runs").json()["runs"] == []
    assert desk.replay().json()["eligible"] == 0
    for target in (f"/v1/runs/{dead[0]}", f"/v1/replays/{job}", f"/v1/replays/{job}/items"):
        assert problem(desk.get(target))[0] == 404
    assert problem(desk.post(f"/v1/replays/{job}/stop", {"reason": "why"})) == (404, "unknown_job")


def test_a_program_signs_like_everybody(http: TestClient) -> None:
    assert set(CLIENTS) > {"looker"}
    assert problem(Mall(http, "looker").call("GET", "/v1/runs", secret="another")) == (401, "wrong_signature")


def test_one_name_is_not_both_a_partner_and_a_program() -> None:
    shop = Connection(kind="channels.storefront", brand="demo")
    with pytest.raises(ValueError, match="mall is a connection: rename"):
        Settings(connections={"mall": shop}, operations={"mall": OperationsClient()})


def test_a_programs_call_is_signed_at_a_terminal(http: TestClient, tmp_path: Path) -> None:
    target = "/v1/runs?state=dead"
    headers = headers_for(with_operations(settings_in(tmp_path)), "looker", "GET", target, b"")
    assert http.get(target, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"dry_run": False}, "reason_missing"),
        ({"dry_run": False, "reason": "x", "confirm": 2}, "number_not_typed"),
        ({"dry_run": False, "reason": "x", "rate_per_s": 0}, "replay_rate"),
        ({"dry_run": False, "reason": "x", "filter": {"flow": "none"}}, "replay_nothing"),
        ({"filter": {"kind": "order"}}, "replay_filter"),
        ({"act": "replay"}, "replay_act"),
        ({"act": "skip", "again": True}, "again"),
    ],
)
def test_a_refusal_has_a_title_of_its_own(desk: Desk, wish: dict[str, Any], code: str) -> None:
    answer = desk.replay(**wish)
    assert problem(answer)[1] == code
    assert answer.json()["title"] == TITLES[code].zh
