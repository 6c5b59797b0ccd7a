"""Messages that the transaction which takes them in settles too: a row each, written once and as it stays."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inbox import InboxState, keep, read, settle_all, take_in
from hub.inbox_table import Arrival, Message, Verdict

FIRST, SECOND = Arrival("mall-pc", "m1", b'{"a": "10000000001"}'), Arrival("mall-pc", "m2", b"{}")


def take(session: Session, at: datetime, *arrivals: Arrival) -> list[Message]:
    return take_in(session, "order", arrivals, at)


def states(session: Session) -> list[tuple[str, int]]:
    return [(one.state, one.attempts) for one in rows(session, "select state, attempts from inbox order by id")]


def test_a_new_message_becomes_a_row_when_it_is_settled(session: Session, at: datetime) -> None:
    first, second = take(session, at, FIRST, SECOND)
    assert states(session) == []
    settle_all(session, [Verdict(first, InboxState.DONE, 7), Verdict(second, InboxState.REFUSED, None, "x", "y")], at)
    assert states(session) == [("done", 1), ("refused", 1)]
    done, refused = read(session, first.id), read(session, second.id)
    assert (done.body, done.order_id, done.message_id) == (FIRST.body, 7, "m1")
    assert (refused.error_code, refused.error, refused.order_id) == ("x", "y", None)


def test_it_is_kept_as_a_message_that_was_kept_and_then_settled(session: Session, at: datetime) -> None:
    keep(session, "mall-pc", "order", "m2", b"{}", at, attended=True)
    for arrival in (FIRST, SECOND):
        settle_all(session, [Verdict(take(session, at, arrival)[0], InboxState.DONE, 7)], at)
    columns = "received_at, connection, kind, state, attempts, order_id, error_code, error, settled_at"
    at_once, in_two = rows(session, f"select {columns} from inbox order by message_id")
    assert at_once == in_two


def test_equal_messages_are_one(session: Session, at: datetime) -> None:
    first, second, again = take(session, at, FIRST, SECOND, FIRST)
    assert (first is again, first.id < second.id, first.body) == (True, True, FIRST.body)


def test_one_that_was_there_is_given_as_it_stands(session: Session, at: datetime) -> None:
    [first] = take(session, at, FIRST)
    settle_all(session, [Verdict(first, InboxState.DONE, 7)], at)
    again, fresh = take(session, at + timedelta(days=1), FIRST, SECOND)
    assert (again.id, again.state, again.order_id, again.received_at) == (first.id, "done", 7, at)
    assert (fresh.state, fresh.unwritten, again.unwritten) == ("received", True, False)


def test_one_past_its_retention_becomes_a_row_again(session: Session, at: datetime) -> None:
    [first] = take(session, at, FIRST)
    settle_all(session, [Verdict(first, InboxState.DONE, 7)], at)
    run(session, "delete from inbox where id = :id", id=first.id)
    [again] = take(session, at + timedelta(minutes=1), FIRST)
    settle_all(session, [Verdict(again, InboxState.DONE, 7)], at)
    assert (again.id, read(session, first.id).received_at) == (first.id, at + timedelta(minutes=1))


@pytest.mark.parametrize("kind", ["confirm", "order"])
def test_a_message_of_another_kind_is_another(session: Session, at: datetime, kind: str) -> None:
    keep(session, "mall-pc", kind, "m1", FIRST.body, at)
    assert take(session, at, FIRST)[0].unwritten == (kind == "confirm")
