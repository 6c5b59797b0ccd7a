"""What a dispatcher does when a row is held too long, or when a bug ends one of its threads."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from flows import dispatch as module
from flows.booking import Booking
from flows.dispatch import Dispatcher
from flows.effect import Claimed
from flows.engine import Clock, Engine
from flows.loops import Loops
from hub.database import Database, row, run
from hub.settings import Settings
from hub.steps import NewStep, add
from tests.flows.test_dispatch import Anybody, Slowly, left, put, wait_until


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OUTAGE_S", 0.05)


@contextmanager
def working(database: Database, flow: Slowly, partners: Anybody | None = None) -> Generator[Loops]:
    clock = Clock(lambda: datetime.now(UTC), time.monotonic)
    engine = Engine(database, partners or Anybody(), {"f": flow}, Settings(), clock)
    dispatcher, loops = Dispatcher(engine, 2, 8, time.monotonic), Loops(database.url, 0.05)
    with capture_logs():
        dispatcher.start(loops.add("dispatch", dispatcher.go, bell=True))
        loops.start()
        try:
            yield loops
        finally:
            loops.stop()
            loops.join()
            dispatcher.close()


class Nobody(Anybody):
    """Partners of which one cannot be made, by a bug."""

    def get(self, connection: str) -> object:
        if connection == "odd":
            raise KeyError(connection)
        return self


def test_a_partner_that_cannot_be_made_by_a_bug_ends_no_thread(database: Database) -> None:
    put(database, "odd", 3)
    with working(database, Slowly(), Nobody()):
        wait_until(lambda: tried(database) >= 3)
        put(database, "fast", 5)
        wait_until(lambda: left(database) == 3)


def tried(database: Database) -> int:
    with database.transaction() as session:
        found = row(session, "select count(*) as n from step where last_error <> '' and state = 'pending'")
    return found.n if found else 0


def burst(*_: object) -> Any:  # noqa: ANN401 # it gives nothing
    raise ValueError


def break_booking(step: Claimed) -> None:
    if step.connection == "odd":
        raise ValueError


class Fragile(Slowly):
    """A flow of which one connection's answers cannot be booked."""

    def settle(self, session: Session, step: Claimed, answer: bool, at: datetime) -> None:  # noqa: ARG002, FBT001 # the port
        break_booking(step)


def test_an_answer_that_nothing_can_book_holds_up_no_other(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Booking, "_write_broken", burst)
    put(database, "odd", 2)
    put(database, "fast", 5)
    with working(database, Fragile()):
        wait_until(lambda: left(database) == 2)


@pytest.mark.parametrize("verb", ["call", "book"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_a_bug_has_ended_ends_the_loops(
    database: Database, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(Engine, verb, burst)
    put(database, "fast", 1)
    with working(database, Slowly()) as loops:
        wait_until(lambda: loops.broken)


def test_an_order_that_somebody_holds_holds_up_no_other(database: Database, order_id: int) -> None:
    event.listen(database.engine, "begin", be_impatient)
    with database.transaction() as session:
        run(session, "delete from step")
        add(session, [NewStep("f", "held", "slow", "held", order_id, {})], datetime.now(UTC))
    flow = Slowly()
    with working(database, flow):
        with database.transaction() as session:
            row(session, "select 1 from sales_order where id = :id for update", id=order_id)
            flow.go_on.set()
            put(database, "fast", 10)
            wait_until(lambda: left(database) == 1)
        wait_until(lambda: left(database) == 0)


def be_impatient(connection: Connection) -> None:
    connection.exec_driver_sql("set local lock_timeout = '100ms'")
