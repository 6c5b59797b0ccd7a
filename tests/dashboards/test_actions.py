from threading import Barrier, Thread

import pytest
from fastapi import FastAPI
from fastapi import Response as Answer
from fastapi.testclient import TestClient
from httpx2 import Response

from dashboards.actions import ActionKey, act
from dashboards.pages import new_key
from dashboards.visit import Here
from hub.audit import record
from hub.database import Database, rows
from hub.errors import Conflict
from tests.dashboards.conftest import Enter

ACT = "/console/tests/act"


@pytest.fixture
def client(enter: Enter, app: FastAPI) -> TestClient:
    """Give an operator before whom lies an act that is written down, and that may fail."""

    @app.post(ACT)
    def do(visit: Here, action_key: ActionKey, *, fail: bool = False) -> Answer:
        def work() -> str:
            record(visit.session, visit.at, visit.actor.name, "test.act", "order:1")
            if fail:
                raise Conflict("it has <left>", code="already_shipped")
            return "It is <done>."

        return act(visit, action_key, work, then="/console/overview?span=day")

    assert do
    return enter("operator")


def acts(database: Database) -> int:
    with database.transaction() as session:
        return len(rows(session, "select 1 from audit_entry where act = 'test.act'"))


def press(client: TestClient, key: str, *, part: bool = False, path: str = ACT) -> Response:
    return client.post(path, data={"action_key": key}, headers={"hx-request": "true"} if part else {})


def test_an_act_leads_on_and_is_told_once(client: TestClient) -> None:
    answer = press(client, new_key())
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/overview?span=day")
    assert "It is &lt;done&gt;." in client.get("/console/overview").text
    assert "&lt;done&gt;" not in client.get("/console/overview").text


def test_an_act_from_a_part_leads_the_whole_page_on(client: TestClient) -> None:
    answer = press(client, new_key(), part=True)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/console/overview?span=day")


def test_a_second_press_acts_no_second_time(client: TestClient, database: Database) -> None:
    key = new_key()
    answers = [press(client, key) for _ in range(3)]
    assert {answer.headers["location"] for answer in answers} == {"/console/overview?span=day"}
    assert acts(database) == 1


def test_two_presses_at_once_act_once(client: TestClient, database: Database) -> None:
    key, ready, statuses = new_key(), Barrier(4), list[int]()

    def go() -> None:
        ready.wait()
        statuses.append(press(client, key).status_code)

    threads = [Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [303] * 4
    assert acts(database) == 1


def test_two_forms_act_twice(client: TestClient, database: Database) -> None:
    press(client, new_key())
    press(client, new_key())
    assert acts(database) == 2


def test_what_failed_left_nothing_and_may_be_tried_again(client: TestClient, database: Database) -> None:
    key = new_key()
    answer = press(client, key, path=f"{ACT}?fail=true")
    assert answer.status_code == 409
    assert "it has &lt;left&gt;" in answer.text
    assert acts(database) == 0
    assert press(client, key).status_code == 303
    assert acts(database) == 1


def test_a_failure_in_a_part_is_told_beside_the_page(client: TestClient) -> None:
    answer = press(client, new_key(), part=True, path=f"{ACT}?fail=true")
    assert answer.status_code == 409
    assert (answer.headers["hx-retarget"], answer.headers["hx-reswap"]) == ("#notes", "beforeend")
    assert "already_shipped" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert "<html" not in answer.text


def test_a_form_without_its_key_does_nothing(client: TestClient, database: Database) -> None:
    assert press(client, "no key at all").status_code == 422
    assert client.post(ACT).status_code == 422
    assert acts(database) == 0
