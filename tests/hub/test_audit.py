from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from hub.audit import first_break, plain, record, record_all, seal
from hub.database import KEYRING, Database, row, rows, run
from hub.keyring import Keyring


@pytest.fixture
def chained(session: Session, at: datetime) -> Session:
    """Give a session that has sealed four entries in two goes."""
    record(session, at, "operator-1", "order.cancel", "order:1", reason="缺货", pieces=2, price=1.5, none=None)
    record_all(session, at, "system", "order.place", [(f"order:{n}", {"holds": []}) for n in (2, 3, 4)])
    assert (seal(session, limit=3), seal(session), seal(session)) == (3, 1, 0)
    return session


def test_an_untouched_chain_is_whole(chained: Session) -> None:
    assert first_break(chained) is None
    assert [found.place for found in rows(chained, "select place from audit_entry order by id")] == [1, 2, 3, 4]


def test_an_empty_log_is_whole(session: Session) -> None:
    assert seal(session) == 0
    assert first_break(session) is None


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'operator-2'",
        "act = 'order.release'",
        "subject = 'order:9'",
        "at = at + interval '1 microsecond'",
        'detail = detail || \'{"holds": ["stock"]}\'',
        "seal = decode('00', 'hex')",
    ],
)
def test_a_changed_entry_is_found(chained: Session, change: str) -> None:
    run(chained, f"update audit_entry set {change} where place = 2")
    assert first_break(chained) == 2


def test_a_removed_entry_is_found(chained: Session) -> None:
    run(chained, "delete from audit_entry where place = 2")
    assert first_break(chained) == 2


def test_a_removed_entry_is_found_though_the_rest_is_numbered_anew(chained: Session) -> None:
    run(chained, "delete from audit_entry where place = 2")
    run(chained, "update audit_entry set place = 2 where place = 3")
    run(chained, "update audit_entry set place = 3 where place = 4")
    assert first_break(chained) == 2


def test_two_entries_that_changed_places_are_found(chained: Session) -> None:
    for old, new in ((1, 99), (2, 1), (99, 2)):
        run(chained, "update audit_entry set place = :new where place = :old", old=old, new=new)
    assert first_break(chained) == 1


def test_an_entry_put_in_is_found(chained: Session, at: datetime) -> None:
    record(chained, at, "operator-1", "order.cancel", "order:5")
    run(chained, "update audit_entry set place = 5, seal = (select seal from audit_entry where place = 4) where id = 5")
    run(chained, "update audit_entry set place = 5, seal = decode('00', 'hex') where place is null")
    assert first_break(chained) == 5


def test_another_key_does_not_make_the_same_chain(chained: Session, keyring: Keyring) -> None:
    chained.info[KEYRING] = replace(keyring, audit_key=bytes(32))
    assert first_break(chained) == 1


def test_one_sealer_works_at_a_time(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        record(session, at, "system", "order.place", "order:1")
    with database.transaction() as first, database.transaction() as second:
        assert (seal(first), seal(second)) == (1, 0)
    with database.transaction() as session:
        assert (seal(session), first_break(session)) == (0, None)


def test_an_entry_committed_late_is_chained_behind_the_others(database: Database, at: datetime) -> None:
    with database.transaction() as slow:
        record(slow, at, "system", "order.place", "order:1")
        with database.transaction() as quick:
            record(quick, at, "system", "order.place", "order:2")
        with database.transaction() as sealer:
            assert seal(sealer) == 1
    with database.transaction() as session:
        assert seal(session) == 1
        last = row(session, "select subject from audit_entry where place = 2")
        assert (last and last.subject, first_break(session)) == ("order:1", None)


def test_a_reason_keeps_nothing_that_the_log_cannot_hold(session: Session, at: datetime) -> None:
    record(session, at, "op", "step.retry", "step:1", reason=plain("it\0 \ud800works\x1b"))
    assert rows(session, "select detail from audit_entry")[0].detail == {"reason": "it works"}
