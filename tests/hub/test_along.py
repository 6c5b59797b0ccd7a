"""Few rows are written along with the next statement, and a part of a transaction can be taken back by itself."""

import gc
from contextlib import suppress

import psycopg
import pytest
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from hub.database import FEW, Database, attempt, copy, later, row, rows, run
from hub.engine import driver_of
from hub.wire import OFTEN
from tests.conftest import RING

COLUMNS = ("shop", "external_id", "order_id", "payload_hash")


def write(session: Session, *numbers: int) -> None:
    copy(session, "order_key", COLUMNS, [("mall", str(no), no, b"hash") for no in numbers])


def written(session: Session) -> list[int]:
    return [one.order_id for one in rows(session, "select order_id from order_key order by 1")]


def kept(database: Database) -> list[int]:
    with database.transaction() as session:
        return written(session)


def test_few_rows_take_no_round_trip_of_their_own(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    row(session, "select 1")
    waits = count_waits(session, monkeypatch)
    write(session, 1)
    write(session, 2, 3)
    assert written(session) == [1, 2, 3]
    assert len(waits) == 1
    write(session, *range(10, 11 + FEW))
    write(session)
    assert len(written(session)) == 3 + FEW + 1


def count_waits(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Give a list that has an entry for each time that the server is waited for within a transaction."""
    driver, waits = driver_of(session.connection()), list[object]()
    wait = driver.wait

    def counted(asking: PQGen[object]) -> object:
        if driver.pgconn.transaction_status != TransactionStatus.IDLE:
            waits.append(asking)
        return wait(asking)

    monkeypatch.setattr(driver, "wait", counted)
    return waits


def test_a_commit_goes_along_with_what_waits(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.transaction() as session:
        row(session, "select 1")
        waits = count_waits(session, monkeypatch)
        write(session, 1)
        later(session, "update order_key set external_id = :name", name="other")
    assert len(waits) == 1
    with database.transaction() as session:
        assert rows(session, "select order_id, external_id from order_key") == [(1, "other")]


def test_what_the_layers_above_ask_themselves_finds_them(session: Session) -> None:
    write(session, 1)
    assert session.execute(text("select order_id from order_key")).all() == [(1,)]


def test_they_are_there_after_the_commit_and_not_after_a_roll_back(database: Database) -> None:
    with database.transaction() as session:
        write(session, 1)
    with suppress(ZeroDivisionError), database.transaction() as session:
        write(session, 2)
        raise ZeroDivisionError
    with database.transaction() as session:
        write(session, 3)
        session.rollback()
    assert kept(database) == [1]


def test_a_fault_of_theirs_is_told_with_the_next_statement_or_the_commit(database: Database) -> None:
    with database.transaction() as session:
        write(session, 1)
    with database.transaction() as session:
        write(session, 1)
        with pytest.raises(IntegrityError):
            row(session, "select 1")
        session.rollback()
    with pytest.raises(IntegrityError), database.transaction() as session:
        write(session, 1)
    assert kept(database) == [1]


def test_a_value_that_cannot_be_sent_is_told_at_once_and_nothing_is_lost_by_it(database: Database) -> None:
    with database.transaction() as session:
        write(session, 1)
        with pytest.raises(DataError):
            copy(session, "order_key", COLUMNS, [("mall", "\x00", 2, b"hash")])
        with pytest.raises(DataError), attempt(session):
            write_and_fail(session, 3)
        with pytest.raises(DataError):
            write_and_fail(session, 4)
    assert kept(database) == [1, 4]


def write_and_fail(session: Session, no: int) -> None:
    write(session, no)
    row(session, "select cast(:text as text)", text="\x00")


def test_a_fault_while_something_is_prepared_is_of_the_transaction_too(database: Database) -> None:
    for _ in range(2 * OFTEN):
        with database.transaction() as session:
            write(session, 1)
            with pytest.raises(DBAPIError, match="nowhere"):
                row(session, "select no from nowhere")
            with pytest.raises(DBAPIError, match="aborted"):
                row(session, "select 1")
            session.rollback()


def test_what_nobody_has_ended_is_not_done_by_who_comes_next(database: Database) -> None:
    left = Session(database.engine)
    write(left, 1)
    del left
    gc.collect()
    assert kept(database) == []


def test_a_savepoint_of_the_layers_above_that_ends_with_a_fault_of_theirs_is_taken_back(database: Database) -> None:
    with database.transaction() as session:
        write(session, 1)
        with pytest.raises(IntegrityError), session.begin_nested():
            write(session, 2, 1)
        write(session, 3)
    assert kept(database) == [1, 3]


def test_a_commit_that_fails_leaves_its_connection_to_others_as_it_was(database: Database) -> None:
    alone = Database(database.url, RING, connections=1)
    with Session(alone.engine) as session:
        write(session, 1, 1)
        with pytest.raises(IntegrityError):
            session.commit()
    with alone.transaction() as session:
        assert written(session) == []
    alone.close()


def test_a_part_that_fails_is_taken_back_alone(database: Database) -> None:
    with database.transaction() as session:
        write(session, 1)
        with suppress(ZeroDivisionError), attempt(session):
            write(session, 2)
            raise ZeroDivisionError
        write(session, 3)
        with suppress(ZeroDivisionError), attempt(session):
            write(session, 4)
            assert written(session) == [1, 3, 4]
            write(session, 5)
            raise ZeroDivisionError
        with attempt(session):
            write(session, 6)
            with suppress(ZeroDivisionError), attempt(session):
                run(session, "delete from order_key")
                raise ZeroDivisionError
    assert kept(database) == [1, 3, 6]


def test_what_a_part_leaves_waiting_fails_within_it(database: Database) -> None:
    with database.transaction() as session:
        write(session, 1)
        for _ in range(2):
            with pytest.raises(IntegrityError), attempt(session):
                write(session, 2, 1)
        with suppress(DBAPIError), attempt(session):
            write(session, 2)
            row(session, "select 1 / cast(:no as bigint)", no=0)
        with attempt(session):
            write(session, 3)
    assert kept(database) == [1, 3]


def test_what_waited_before_a_part_fails_as_what_it_is(database: Database) -> None:
    with database.transaction() as session:
        write(session, 1)
    for asks in (True, False):
        with pytest.raises(IntegrityError), database.transaction() as session, attempt(session):
            write_before_a_part(session, 1, asks=asks)
    assert kept(database) == [1]


def write_before_a_part(session: Session, no: int, *, asks: bool) -> None:
    write(session, no)
    with attempt(session):
        write(session, 2)
        if asks:
            row(session, "select 1")


def test_a_part_that_cannot_be_taken_back_because_the_connection_is_lost_says_so(database: Database) -> None:
    def lose() -> None:
        with database.transaction() as session, attempt(session):
            pid = row(session, "select pg_backend_pid() as pid")
            assert pid is not None
            with psycopg.connect(database.url, autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s, 5000)", [pid.pid])
            raise ZeroDivisionError

    with pytest.raises(OperationalError, match="terminat"):
        lose()
    assert kept(database) == []


def test_a_part_on_a_lost_connection_says_what_was_lost(database: Database) -> None:
    def lose() -> None:
        with database.transaction() as session, attempt(session):
            write(session, 1)
            row(session, "select pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DBAPIError, match="terminat"):
        lose()
    assert kept(database) == []
