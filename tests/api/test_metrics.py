"""What the API tells Prometheus of what waits, connection by connection."""

from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from api.metrics import Depths
from hub.aftersale.decide import approve_return
from hub.breakers import Called, Tolerance, note_calls
from hub.connections import pause
from hub.database import Database, run
from hub.inbox import keep
from hub.steps import NewStep, add
from tests.hub.aftersale.returning import WHO, ask, sent
from tests.hub.making import AT, order, stock

MINUTE = timedelta(minutes=1)


def told(database: Database, name: str, connection: str = "") -> float | None:
    registry = CollectorRegistry()
    registry.register(Depths(database, lambda: AT))
    return registry.get_sample_value(name, {"connection": connection} if connection else {})


@pytest.fixture
def busy(database: Database) -> Database:
    """Let calls and messages of two partners wait."""
    with database.transaction() as session:
        for connection, count in (("sap", 3), ("wms", 1)):
            keys = [f"{connection}:{no}" for no in range(count)]
            add(session, [NewStep("f", key, connection, key, 1, {}) for key in keys], AT - count * MINUTE)
        for number in "ab":
            keep(session, "mall-pc", "order", number, b"", AT - MINUTE)
    return database


def test_every_connection_tells_what_waits_and_since_when(busy: Database) -> None:
    assert (told(busy, "oms_steps_due", "sap"), told(busy, "oms_steps_due", "wms")) == (3, 1)
    assert told(busy, "oms_steps_oldest_due_seconds", "sap") == 180
    assert told(busy, "oms_connection_messages_waiting", "mall-pc") == told(busy, "oms_inbox_waiting") == 2
    assert told(busy, "oms_connection_messages_oldest_seconds", "mall-pc") == 60


def test_what_is_under_way_and_what_is_dead_is_told_apart(busy: Database) -> None:
    with busy.transaction() as session:
        run(session, "update step set state = 'in_flight', run_at = :then where lane = 'sap:0'", then=AT + MINUTE)
        run(session, "update step set state = 'dead' where lane = 'sap:1'")
    found = [told(busy, f"oms_steps_{state}", "sap") for state in ("due", "in_flight", "dead")]
    assert found == [1, 1, 1]


def test_a_breaker_is_told_as_a_number(busy: Database) -> None:
    with busy.transaction() as session:
        note_calls(session, [Called("sap", 1, 1, failed=True)], Tolerance(1, 5, 60), AT)
        note_calls(session, [Called("wms", 4, 1, failed=True)], Tolerance(9, 5, 60), AT)
    assert [told(busy, "oms_breaker_state", name) for name in ("sap", "wms", "tmall")] == [2, 0, None]
    with busy.transaction() as session:
        run(session, "update connection_gate set breaker = 'half_open'")
    assert told(busy, "oms_breaker_state", "sap") == 1


def test_a_paused_connection_and_a_full_hub_are_told(busy: Database) -> None:
    assert told(busy, "oms_hub_full") == 0
    with busy.transaction() as session:
        pause(session, "sap", "tester", "test", AT)
        run(
            session,
            """insert into fullness (name, full_of, inbox_waiting, looked_at) values ('hub', 'inbox', 2, :at)""",
            at=AT,
        )
    assert (told(busy, "oms_connection_paused", "sap"), told(busy, "oms_hub_full")) == (1, 1)


def test_returns_that_wait_are_told_by_state_and_since_when(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 9}})
        order_id = sent(session, order({"apple": 3}), {"apple": 3})
        for _ in range(2):
            ask(session, order_id, {"L1": 1})
        approve_return(session, order_id, 1, WHO, AT)
        run(session, "update return_case set created_at = :then", then=AT - MINUTE)
    registry = CollectorRegistry()
    registry.register(Depths(database, lambda: AT))
    states = [{"state": one} for one in ("requested", "approved", "sent")]
    assert [registry.get_sample_value("oms_returns_waiting", one) for one in states] == [1, 1, 0]
    assert [registry.get_sample_value("oms_returns_oldest_seconds", one) for one in states] == [60, 60, 0]


def test_where_nothing_waits_nothing_is_told(database: Database) -> None:
    assert (told(database, "oms_inbox_waiting"), told(database, "oms_cases_open")) == (0, 0)
    assert told(database, "oms_steps_due", "sap") is None
