import threading
from datetime import datetime

import psycopg
import pytest

from hub.bell import Bell, Ear
from hub.database import Database
from hub.steps import NewStep, add

SOON_S = 60


def step(no: int) -> NewStep:
    return NewStep("f", f"l{no}", "p", f"k{no}", None, {})


def test_who_begins_to_listen_looks_once(database_url: str) -> None:
    with Ear(database_url) as ear:
        assert ear.wait(0)
        assert not ear.wait(0)


def test_a_step_rings_when_it_is_committed(database: Database, at: datetime) -> None:
    with Ear(database.url) as ear:
        ear.wait(0)
        with database.transaction() as session:
            add(session, [step(1)], at)
            assert not ear.wait(0.05)
        assert ear.wait(SOON_S)


def test_a_transaction_that_made_no_work_rings_for_nobody(database: Database) -> None:
    with Ear(database.url) as ear:
        ear.wait(0)
        with database.transaction():
            pass
        assert not ear.wait(0.05)


def test_many_commits_ring_a_few_times(database: Database, at: datetime) -> None:
    with Ear(database.url) as ear:
        ear.wait(0)
        for no in range(50):
            with database.transaction() as session:
                add(session, [step(no)], at)
        database.close()
        rings = 0
        while ear.wait(0.2):
            rings += 1
    assert 1 <= rings < 50


def test_a_ring_before_the_end_is_not_swallowed(database_url: str) -> None:
    with Ear(database_url) as ear:
        ear.wait(0)
        bell = Bell(database_url)
        bell.ring()
        bell.close()
        assert ear.wait(SOON_S)


def test_a_bell_without_a_database_rings_for_nobody_and_ends() -> None:
    bell = Bell("postgresql://127.0.0.1:9/nowhere")
    bell.ring()
    bell.close()
    assert not any(thread.name == "bell" for thread in threading.enumerate())


def test_an_ear_without_a_database_says_so() -> None:
    with Ear("postgresql://127.0.0.1:9/nowhere") as ear, pytest.raises(psycopg.OperationalError):
        ear.wait(0)


def test_an_ear_that_could_not_begin_to_listen_begins_anew(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise psycopg.OperationalError

    with Ear(database_url) as ear:
        with monkeypatch.context() as patch:
            patch.setattr(psycopg.Connection, "execute", fail)
            with pytest.raises(psycopg.OperationalError):
                ear.wait(0)
        assert ear.wait(0)
