from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.cases import open_list
from hub.database import run
from hub.inbox import keep
from hub.load import Backlog, backlogs, behind, dead_calls, tell_of_backlogs, waiting_messages
from hub.steps import NewStep, add
from tests.hub.making import AT

QUARTER = timedelta(minutes=15)


def queue(session: Session, connection: str, count: int, at: datetime = AT, state: str = "pending") -> None:
    """Add calls of a partner, each in a lane of its own."""
    keys = [f"{connection}:{at}:{state}:{no}" for no in range(count)]
    add(session, [NewStep("f", key, connection, key, 1, {}) for key in keys], at)
    run(session, "update step set state = :state where idempotency_key = any(:keys)", state=state, keys=keys)


def open_breaker(session: Session, connection: str, breaker: str) -> None:
    run(
        session,
        """insert into connection_gate (connection, tokens, refilled_at, breaker, failures, opens)
           values (:connection, 0, :at, :breaker, 10, 1)""",
        connection=connection,
        breaker=breaker,
        at=AT,
    )


def test_a_backlog_is_what_is_due_since_when_and_what_is_under_way(session: Session) -> None:
    queue(session, "sap", 3, AT - QUARTER)
    queue(session, "sap", 2, AT + QUARTER)
    queue(session, "sap", 1, AT + QUARTER, "in_flight")
    queue(session, "wms", 1, AT + QUARTER)
    assert backlogs(session, AT) == [
        Backlog(connection="sap", due=3, oldest_due_at=AT - QUARTER, in_flight=1),
        Backlog(connection="wms", due=0, oldest_due_at=None, in_flight=0),
    ]


@pytest.mark.parametrize("state", ["waiting", "done", "dead", "cancelled"])
def test_what_cannot_be_called_now_is_no_backlog(session: Session, state: str) -> None:
    queue(session, "sap", 2, AT, state)
    assert backlogs(session, AT) == []
    assert dead_calls(session) == ({"sap": 2} if state == "dead" else {})


def test_counting_ends_at_the_cap(session: Session) -> None:
    queue(session, "sap", 5)
    queue(session, "wms", 4, AT, "dead")
    assert [one.due for one in backlogs(session, AT, cap=3)] == [3]
    assert dead_calls(session, cap=3) == {"wms": 3}


def test_messages_that_wait_are_counted_by_who_sent_them(session: Session) -> None:
    for connection, kind, number, minutes in (("a", "order", "1", 3), ("a", "confirm", "2", 9), ("b", "order", "3", 1)):
        keep(session, connection, kind, number, b"", AT - timedelta(minutes=minutes))
    found = [(one.connection, one.waiting, AT - one.oldest_at) for one in waiting_messages(session)]
    assert found == [("a", 2, timedelta(minutes=9)), ("b", 1, timedelta(minutes=1))]
    assert [one.connection for one in waiting_messages(session, cap=1)] == ["a"]


def test_a_partner_is_behind_when_more_is_due_than_may_be(session: Session) -> None:
    queue(session, "sap", 3)
    queue(session, "wms", 2)
    queue(session, "wms", 9, AT + QUARTER)
    assert behind(session, AT, most=2) == ["sap"]


def test_a_partner_whose_breaker_is_not_closed_is_behind(session: Session) -> None:
    for connection in ("open", "half_open", "closed"):
        open_breaker(session, connection, connection)
    assert behind(session, AT, most=9) == ["half_open", "open"]


def test_a_backlog_that_waits_too_long_is_one_case_until_it_has_caught_up(session: Session) -> None:
    queue(session, "sap", 2, AT)
    at = AT + QUARTER + timedelta(seconds=1)
    assert tell_of_backlogs(session, {"sap": "demo"}, QUARTER, AT + QUARTER) == ({}, [])
    assert tell_of_backlogs(session, {"sap": "demo"}, QUARTER, at) == ({"sap": AT}, [])
    assert tell_of_backlogs(session, {"sap": "demo"}, QUARTER, at) == ({}, [])
    assert [(one.cause, one.subject, one.times) for one in open_list(session)] == [("backlog", "connection:sap", 1)]
    run(session, "update step set state = 'done', settled_at = :at", at=at)
    assert tell_of_backlogs(session, {"sap": "demo"}, QUARTER, at) == ({}, ["sap"])
    assert open_list(session) == []


def test_only_the_backlogs_own_case_is_closed(session: Session) -> None:
    queue(session, "sap", 1, AT - QUARTER * 2)
    tell_of_backlogs(session, {}, QUARTER, AT)
    run(session, "update case_file set cause = 'connection_paused'")
    assert tell_of_backlogs(session, {}, QUARTER * 3, AT) == ({}, [])
    assert [one.cause for one in open_list(session)] == ["connection_paused"]
