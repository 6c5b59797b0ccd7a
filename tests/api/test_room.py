"""Only a hub that is full itself turns callers away, for a while, and goes on when it is not full any more."""

from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from api.room import HubFull, Room
from connectors.transport.xml import read_xml
from hub.database import Database, run
from hub.fullness import Full, look
from hub.inbox import keep
from hub.settings import Limits
from tests.api.calling import Mall, problem
from tests.api.test_webhooks import CONFIRM, kept, push, send
from tests.staging import encoded, order_of

LOW = Limits(inbox_waiting=1, free_disk_mb=0)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look every time."""
    monkeypatch.setattr("api.room.LOOK_S", 0.0)


@pytest.fixture
def full(database: Database) -> Database:
    """Let as much wait in the inbox as may, and the chore see it."""
    with database.transaction() as session:
        keep(session, "mall-h5", "later", "1", b"", datetime.now(UTC))
        look(session, LOW, datetime.now(UTC))
    return database


def work_off(database: Database) -> None:
    with database.transaction() as session:
        run(session, "update inbox set state = 'done'")
        look(session, LOW, datetime.now(UTC))


def test_a_full_hub_takes_no_order_and_says_when_to_come_back(mall: Mall, full: Database) -> None:
    answer = mall.post(order_of())
    assert problem(answer) == (429, "hub_full")
    assert int(answer.headers["Retry-After"]) > 0
    assert kept(full) == [("mall-h5", "later")]


def test_a_full_hub_takes_no_batch(mall: Mall, full: Database) -> None:
    answer = mall.batch(order_of("A1"), order_of("A2"), **{"Idempotency-Key": "k1"})
    assert problem(answer) == (429, "hub_full")
    work_off(full)
    assert mall.batch(order_of("A1"), order_of("A2"), **{"Idempotency-Key": "k1"}).status_code == 200


def test_once_the_inbox_is_worked_off_all_is_as_before(mall: Mall, full: Database) -> None:
    assert mall.post(order_of()).status_code == 429
    work_off(full)
    assert mall.post(order_of()).status_code == 201


def test_a_full_hub_is_read_and_cancelled_as_ever(mall: Mall, full: Database) -> None:
    work_off(full)
    order_id = mall.post(order_of()).json()["id"]
    with full.transaction() as session:
        run(session, "update fullness set full_of = 'disk'")
    assert mall.post(order_of("T2")).status_code == 429
    assert (mall.get("/v1/orders").status_code, mall.get(f"/v1/orders/{order_id}").status_code) == (200, 200)
    assert mall.cancel(order_id).status_code == 200


def test_a_stranger_hears_nothing_of_it(mall: Mall, full: Database) -> None:
    assert full
    assert mall.call("POST", "/v1/orders", encoded(order_of()), nonce="").status_code in {401, 422}
    assert push(mall.http, CONFIRM, proof="another").status_code == 200


def test_a_storefronts_push_is_answered_429(http: TestClient, full: Database) -> None:
    answer = send(http, encoded({"type": "order.paid", "data": order_of()}))
    assert problem(answer) == (429, "hub_full")
    assert answer.headers["Retry-After"]
    assert kept(full) == [("mall-h5", "later")]


def test_a_warehouses_push_is_answered_with_a_failure_in_its_own_form(http: TestClient, full: Database) -> None:
    _, contents = read_xml(push(http, CONFIRM).content)
    assert (contents["flag"], contents["code"]) == ("failure", "hub_full")
    assert kept(full) == [("mall-h5", "later")]
    work_off(full)
    assert read_xml(push(http, CONFIRM).content)[1]["flag"] == "success"


def test_what_was_seen_is_believed_for_a_second(full: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 0.5, 1.5, 1.5])
    monkeypatch.setattr("api.room.LOOK_S", 1.0)
    monkeypatch.setattr("api.room.monotonic", lambda: next(seconds))
    room = Room(full)
    with pytest.raises(HubFull):
        room.require()
    work_off(full)
    assert [room.full_of(), room.full_of()] == [Full.INBOX, Full.NOTHING]
