"""What stays in the inbox of orders that were posted: of those that were answered, and of those that could not be."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from api.surroundings import Hub
from hub.cases import NewCase, open_cases
from hub.database import Database, rows
from hub.inbox import InboxState, claim, settle
from hub.order.model import ShopOrder
from tests.api.calling import Mall, problem
from tests.hub.making import open_causes, stock
from tests.staging import encoded, order_of

LINES = {"Content-Type": "application/x-ndjson"}


def kept(database: Database) -> list[tuple[str, int]]:
    """Give state and tries of every message, the first first."""
    with database.transaction() as session:
        return [(one.state, one.attempts) for one in rows(session, "select state, attempts from inbox order by id")]


def placed(database: Database) -> int:
    with database.transaction() as session:
        return len(rows(session, "select 1 from sales_order"))


@pytest.fixture
def broken(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Break the reading of order T1, until this is undone."""
    hub: Hub = app.state.hub
    whole = hub.connectors.read_order

    def read(connection: str, body: bytes) -> ShopOrder:
        if b'"T1"' in body:
            raise ZeroDivisionError
        return whole(connection, body)

    monkeypatch.setattr(hub.connectors, "read_order", read)
    return monkeypatch


def batch_of(*numbers: str) -> list[dict[str, Any]]:
    return [order_of(number, pieces={"apple": 1}) for number in numbers]


def test_what_was_answered_is_settled(mall: Mall, database: Database) -> None:
    mall.post(order_of())
    problem(mall.post(order_of("T2", total="1.00")))
    mall.batch(order_of("T3"), order_of("T4", total="1.00"))
    assert sorted(kept(database)) == [("done", 1)] * 2 + [("refused", 1)] * 2


def test_a_refused_order_whose_cause_is_mended_is_placed_under_its_row(mall: Mall, database: Database) -> None:
    order = order_of(pieces={"grape": 1})
    assert problem(mall.post(order)) == (422, "unknown_sku")
    with database.transaction() as session:
        stock(session, {"sh": {"grape": 10}}, "ASN-grape")
    [again] = mall.call("POST", "/v1/orders/batch", encoded(order), LINES).json()["items"]
    assert (again["status"], kept(database)) == (201, [("done", 1)])


def test_an_order_that_fails_by_a_fault_of_ours_is_kept_for_the_sweep(
    broken: pytest.MonkeyPatch, mall: Mall, database: Database
) -> None:
    assert problem(mall.post(order_of("T1"))) == (500, "our_fault")
    assert (kept(database), placed(database)) == ([("received", 0)], 0)
    broken.undo()
    assert mall.post(order_of("T1")).status_code == 201
    assert kept(database) == [("done", 1)]


def test_the_case_of_what_is_sent_again_and_placed_closes(
    broken: pytest.MonkeyPatch, mall: Mall, database: Database
) -> None:
    mall.post(order_of("T1"))
    with database.transaction() as session:
        [message] = claim(session, ["order"], 1, datetime.now(UTC) + timedelta(days=1))
        settle(session, message, InboxState.PARKED, message.received_at, code="our_fault", error="ZeroDivisionError")
        case = NewCase("our_fault", f"inbox:{message.id}", "", "ZeroDivisionError", None, {"inbox": message.id})
        open_cases(session, [case], message.received_at)
    broken.undo()
    assert mall.post(order_of("T1")).status_code == 201
    with database.transaction() as session:
        assert open_causes(session) == []


def test_a_batch_that_fails_by_a_fault_of_ours_is_kept_whole(
    broken: pytest.MonkeyPatch, mall: Mall, database: Database
) -> None:
    orders = batch_of("T0", "T1", "T2")
    assert problem(mall.batch(*orders)) == (500, "our_fault")
    assert (kept(database), placed(database)) == ([("received", 0)] * 3, 0)
    broken.undo()
    assert [item["status"] for item in mall.batch(*orders).json()["items"]] == [201] * 3
    assert kept(database) == [("done", 1)] * 3


@pytest.mark.usefixtures("broken")
def test_a_key_of_what_failed_by_a_fault_of_ours_is_free_for_the_same_again(mall: Mall) -> None:
    key = {"Idempotency-Key": "k1"}
    assert [problem(mall.batch(*batch_of("T1"), **key)) for _ in range(2)] == [(500, "our_fault")] * 2
    assert problem(mall.batch(*batch_of("T2"), **key)) == (409, "idempotency_key_reused")


def test_an_order_is_one_message_in_whatever_form_it_comes(mall: Mall, database: Database) -> None:
    first, second = (encoded(one) for one in batch_of("T1", "T2"))
    for body, headers in ((b"[ %s , %s ]" % (first, second), {}), (first + b"\n" + second, LINES)):
        assert mall.call("POST", "/v1/orders/batch", body, headers).status_code == 200
    assert mall.call("POST", "/v1/orders", first).status_code == 200
    assert len(kept(database)) == 2


def test_a_batch_spends_its_nonce(mall: Mall) -> None:
    body = encoded(batch_of("T1"))
    answers = [mall.call("POST", "/v1/orders/batch", body, nonce="n" * 20) for _ in range(2)]
    assert answers[0].status_code == 200
    assert problem(answers[1]) == (401, "nonce_replayed")
