"""What a transaction does to the others: one that stands still, and one beside another."""

from contextlib import suppress
from datetime import datetime

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from flows.claim import Terms, claim
from hub.asks import let_go_early, told
from hub.database import Database, aside, copy, row, rows, run
from hub.gates import Limit, lock_gates
from hub.steps import NewStep, add
from hub.wire import MOST, OFTEN
from tests.flows.acting import GRACE, LEASE


def test_who_stands_still_inside_a_transaction_is_cut_off(database: Database) -> None:
    with database.transaction() as session:
        assert row(session, "show idle_in_transaction_session_timeout") == ("1min",)


def test_a_gate_that_a_frozen_process_held_is_free_when_it_is_cut_off(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        add(session, [NewStep("f", "l", "p", "k", None, {})], at)
    with Session(database.engine) as frozen:
        lock_gates(frozen, ["p"], {}, at)
        run(frozen, "set local idle_in_transaction_session_timeout = 100")
        with database.transaction() as session:
            terms = Terms(LEASE, GRACE, {"p": Limit(at_once=1)})
            assert len(claim(session, 1, at, 0, terms)) == 1
        with pytest.raises(DBAPIError):
            row(frozen, "select 1")


def test_a_connection_that_the_server_has_ended_is_not_taken_from_the_pool(database: Database) -> None:
    with database.transaction() as session:
        pid = _pid_of(session)
    with psycopg.connect(database.url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", [pid])
    with database.transaction() as session:
        assert _pid_of(session) != pid


def test_what_is_prepared_is_asked_anew_whatever_became_of_its_transaction(database: Database) -> None:
    """A statement is prepared from some time on, and is the same one after a roll-back, an error and many others."""
    for no in range(3 * OFTEN):
        with suppress(ZeroDivisionError), database.transaction() as session:
            assert row(session, "select cast(:no as bigint) as no, '100%' like '%\\%' as part", no=no) == (no, True)
            for many in range(MOST if no == OFTEN else 1):
                for _ in range(OFTEN if no == OFTEN else 1):
                    assert row(session, f"select {many} as one") == (many,)
            if no % 2:
                raise ZeroDivisionError
        with pytest.raises(DBAPIError), database.transaction() as session:
            row(session, "select 1 / cast(:no as bigint)", no=0)
    with database.transaction() as session:
        prepared = row(session, "select count(*) as n from pg_prepared_statements where name like 'oms%'")
    assert prepared is not None
    assert OFTEN < prepared.n <= MOST


def test_what_is_prepared_is_prepared_anew_when_its_table_has_a_further_column(database: Database) -> None:
    """Migrations run beside the hub: a connection must not fail with a statement for as long as it lives."""
    with database.transaction() as session:
        run(session, "create table goods as select 1 as no")
        for _ in range(OFTEN):
            row(session, "select * from goods")
    with database.transaction() as session:
        run(session, "alter table goods add column name text")
    with suppress(DBAPIError), database.transaction() as session:
        row(session, "select * from goods")
    with database.transaction() as session:
        assert row(session, "select * from goods") == (1, None)


@pytest.mark.parametrize("many", [1, 2_000], ids=["one message", "many"])
def test_what_is_copied_is_there_and_a_fault_is_of_its_transaction_alone(database: Database, many: int) -> None:
    lines = [(no, "tab\t, \\N, line\n and 中文 ") for no in range(many)]
    with database.transaction() as session:
        run(session, "create table goods (no bigint primary key, name text)")
        copy(session, "goods", ("no", "name"), lines)
    with pytest.raises(IntegrityError), database.transaction() as session:
        copy(session, "goods", ("no", "name"), [(many, "new"), *lines[-1:] * many])
    with database.transaction() as session:
        assert [tuple(one) for one in rows(session, "select no, name from goods order by no")] == lines


def test_who_lets_go_early_is_on_disk_when_it_says_so(database: Database) -> None:
    """Its commit waits for no disk; `persist` has a commit of its own that does."""
    with database.transaction() as session:  # the tests' own server waits for no disk
        run(session, f"alter database {database.engine.url.database} set synchronous_commit = 'on'")
    database.engine.dispose()
    with database.transaction() as session:
        told(session, let_go_early())
        assert row(session, "show synchronous_commit") == ("off",)
        run(session, "create table told (no bigint)")
    with database.transaction() as session:
        assert row(session, "show synchronous_commit") == ("on",)
        written = row(session, "select pg_current_wal_insert_lsn()::text as at")
        assert written is not None
    database.persist()
    with database.transaction() as session:
        assert row(session, "select pg_current_wal_flush_lsn() >= cast(:at as pg_lsn)", at=written.at) == (True,)


def test_only_what_is_done_aside_leaves_its_way_to_the_disk_to_others(database: Database) -> None:
    statement = "select setting, source from pg_settings where name = 'synchronous_commit'"
    with database.transaction() as session, aside(session) as side:
        assert row(side, statement) == ("off", "client")
        assert row(session, statement) != ("off", "client")


def _pid_of(session: Session) -> int:
    found = row(session, "select pg_backend_pid() as pid")
    assert found is not None
    return int(found.pid)
