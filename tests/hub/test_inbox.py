from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, row, run
from hub.errors import NotFound
from hub.inbox import Arrival, InboxState, claim, keep, keep_all, message_id_of, postpone, read, reopen, settle

BODY = b'{"receiver": "10000000001"}'
KINDS = ["order"]


def keep_one(session: Session, at: datetime, name: str = "m1", kind: str = "order") -> int:
    return keep(session, "mall-pc", kind, name, BODY, at)[0]


def claimed(session: Session, at: datetime, limit: int = 10) -> list[str]:
    return [message.message_id for message in claim(session, KINDS, limit, at)]


def test_a_message_opens_as_it_came(session: Session, at: datetime) -> None:
    message = read(session, keep_one(session, at))
    assert (message.connection, message.kind, message.message_id) == ("mall-pc", "order", "m1")
    assert (message.state, message.body, message.received_at) == ("received", BODY, at)


def test_the_same_message_again_is_the_first_row(session: Session, at: datetime) -> None:
    first = keep(session, "mall-pc", "order", "m1", BODY, at)
    again = keep(session, "mall-pc", "order", "m1", b"other bytes", at + timedelta(days=20))
    assert (again[0], first[1], again[1]) == (first[0], True, False)
    assert keep(session, "mall-app", "order", "m1", BODY, at)[1]
    assert keep(session, "mall-pc", "confirm", "m1", BODY, at)[1]


def test_eight_deliveries_at_once_are_one_row(database: Database, at: datetime) -> None:
    def deliver(_: int) -> tuple[int, bool]:
        with database.transaction() as session:
            return keep(session, "mall-pc", "order", "m1", BODY, at)

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(deliver, range(8)))
    assert len({inbox_id for inbox_id, _ in kept}) == 1
    assert sum(new for _, new in kept) == 1


def test_the_body_lies_sealed(session: Session, at: datetime) -> None:
    keep_one(session, at)
    found = row(session, "select body from inbox")
    assert found is not None
    assert b"10000000001" not in bytes(found.body)


def test_the_oldest_due_messages_of_a_kind_are_claimed_first(session: Session, at: datetime) -> None:
    for minutes, name in ((3, "late"), (1, "early"), (2, "middle"), (90, "not due")):
        keep_one(session, at + timedelta(minutes=minutes), name)
    keep_one(session, at, "another kind", "confirm")
    assert claimed(session, at + timedelta(hours=1), limit=2) == ["early", "middle"]


def test_the_oldest_of_several_kinds_come_in_one_turn(session: Session, at: datetime) -> None:
    for minutes, name in ((3, "third"), (1, "first"), (4, "fourth"), (2, "second")):
        keep_one(session, at + timedelta(minutes=minutes), name, "report" if minutes % 2 else "confirm")
    found = claim(session, ["report", "confirm"], 3, at + timedelta(hours=1))
    assert [message.message_id for message in found] == ["first", "second", "third"]


def test_who_claims_few_reads_few_however_many_wait(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        keep_all(session, "order", [Arrival("mall-pc", f"m{no}", BODY) for no in range(1_000)], at)
    with database.transaction() as session:
        assert len(claimed(session, at, limit=5)) == 5
        seen = "select sum(seq_tup_read + idx_tup_fetch) as n from pg_stat_xact_user_tables where relname ~ '^inbox_y'"
        found = row(session, seen)
    assert found is not None
    assert found.n < 20


def test_what_one_claims_nobody_else_sees(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        keep_one(session, at, "m1")
        keep_one(session, at, "m2")
    with database.transaction() as first, database.transaction() as second:
        assert claimed(first, at, limit=1) == ["m1"]
        assert claimed(second, at) == ["m2"]


def test_a_settled_message_is_not_claimed_again(session: Session, at: datetime) -> None:
    message = read(session, keep_one(session, at))
    settle(session, message, InboxState.DONE, at, order_id=7)
    assert claimed(session, at) == []
    again = read(session, message.id)
    assert (again.state, again.order_id) == ("done", 7)
    settle(session, message, InboxState.DONE, at)
    assert read(session, message.id).order_id == 7


def test_a_postponed_message_waits_and_counts_its_tries(session: Session, at: datetime) -> None:
    inbox_id = keep_one(session, at)
    later = at + timedelta(minutes=5)
    assert [postpone(session, inbox_id, later), postpone(session, inbox_id, later)] == [1, 2]
    assert claimed(session, at) == []
    assert claimed(session, later) == ["m1"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [("parked", "received"), ("refused", "received"), ("done", "done"), ("superseded", "superseded")],
)
def test_only_a_parked_or_refused_message_is_opened_again(
    session: Session, at: datetime, state: str, expected: str
) -> None:
    message = read(session, keep_one(session, at))
    settle(session, message, InboxState(state), at, code="totals", error="they do not add up")
    reopen(session, message.id, at)
    assert read(session, message.id).state == expected


def test_a_row_that_is_not_there_or_past_its_retention_is_not_found(session: Session, at: datetime) -> None:
    with pytest.raises(NotFound, match="is not there"):
        read(session, 10**9)
    inbox_id = keep_one(session, at)
    run(session, "delete from inbox where id = :id", id=inbox_id)
    with pytest.raises(NotFound, match="past its retention"):
        read(session, inbox_id)


def test_equal_bytes_have_one_name() -> None:
    assert message_id_of(BODY) == message_id_of(bytes(BODY))
    assert message_id_of(BODY) != message_id_of(BODY + b" ")
