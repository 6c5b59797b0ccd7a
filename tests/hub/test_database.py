"""What a transaction does to the others: one that stands still, and one beside another."""

from datetime import datetime

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from flows.claim import Terms, claim
from hub.database import Database, aside, row, run
from hub.gates import Limit, lock_gates
from hub.steps import NewStep, add
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


def test_only_what_is_done_aside_leaves_its_way_to_the_disk_to_others(database: Database) -> None:
    statement = "select setting, source from pg_settings where name = 'synchronous_commit'"
    with database.transaction() as session, aside(session) as side:
        assert row(side, statement) == ("off", "client")
        assert row(session, statement) != ("off", "client")
