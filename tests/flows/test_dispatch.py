import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from flows import dispatch as module
from flows.dispatch import Dispatcher
from flows.effect import Claimed
from flows.engine import Clock, Engine
from flows.loops import Loops
from hub.database import Database, row
from hub.errors import HubError
from hub.settings import Settings
from hub.steps import NewStep, add

WITHIN_S = 60


class Slowly:
    """A flow whose calls to `slow` wait until they are let go; it counts who is called at the same time."""

    flow: str = "f"
    subject: type = dict
    alone: bool = False

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.counting = threading.Lock()
        self.at_work: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.called: list[str] = []

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Claimed:  # noqa: ARG002 # the port's shape
        return step

    def call(self, partner: object, request: Claimed) -> bool:  # noqa: ARG002 # as above
        name = request.connection
        with self.counting:
            self.at_work[name] += 1
            self.most[name] = max(self.most[name], self.at_work[name])
            self.called.append(request.idempotency_key)
        if name == "slow":
            self.go_on.wait(WITHIN_S)
        with self.counting:
            self.at_work[name] -= 1
        return True

    def ask(self, partner: object, request: Any) -> Any | None:  # noqa: ANN401 # the port's answer
        return self.call(partner, request)

    def settle(self, session: Session, step: Claimed, answer: bool, at: datetime) -> None:  # noqa: FBT001 # as above
        """Nothing follows."""

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """Nothing follows."""


class Anybody:
    idempotent = True

    def get(self, connection: str) -> object:  # noqa: ARG002 # one partner under every name
        return self

    def names(self) -> list[str]:
        return []


@pytest.fixture
def flow() -> Slowly:
    return Slowly()


@contextmanager
def working(database: Database, flow: Slowly) -> Generator[None]:
    clock = Clock(lambda: datetime.now(UTC), time.monotonic)
    engine = Engine(database, Anybody(), {"f": flow}, Settings(), clock)
    dispatcher, loops = Dispatcher(engine, 8, 64, time.monotonic), Loops(database.url, 0.05)
    with capture_logs():
        dispatcher.start(loops.add("dispatch", dispatcher.go, bell=True))
        loops.start()
        try:
            yield
        finally:
            flow.go_on.set()
            loops.stop()
            loops.join()
            dispatcher.close()


def put(database: Database, connection: str, many: int, lane: str = "", name: str = "") -> None:
    with database.transaction() as session:
        keys = [f"{name or connection}-{no}" for no in range(many)]
        add(session, [NewStep("f", lane or key, connection, key, None, {}) for key in keys], datetime.now(UTC))


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done()


def left(database: Database) -> int:
    with database.transaction() as session:
        found = row(session, "select count(*) as n from step where state <> 'done'")
    return found.n if found else 0


def test_a_slow_partner_takes_half_of_the_threads_and_starves_nobody(database: Database, flow: Slowly) -> None:
    put(database, "slow", 30)
    with working(database, flow):
        wait_until(lambda: flow.at_work["slow"] == 4)
        put(database, "fast", 100)
        wait_until(lambda: left(database) == 30)
    assert flow.most["slow"] == 4


def test_a_fast_partner_that_falls_silent_keeps_to_its_share_and_starves_nobody(
    database: Database, flow: Slowly
) -> None:
    flow.go_on.set()
    put(database, "slow", 200)
    with working(database, flow):
        wait_until(lambda: left(database) == 0)  # it answers at once, so that many of its calls are taken ahead
        flow.go_on.clear()
        put(database, "slow", 100, name="later")
        wait_until(lambda: flow.at_work["slow"] == 4)
        put(database, "fast", 50)
        wait_until(lambda: left(database) == 100)
        assert flow.at_work["slow"] == 4
    assert flow.most["slow"] == 4
    with database.transaction() as session:  # what had been claimed was called and booked
        assert row(session, "select 1 from step where state = 'in_flight'") is None


def test_what_was_claimed_is_finished_when_it_ends(database: Database, flow: Slowly) -> None:
    put(database, "slow", 4)
    with working(database, flow):
        wait_until(lambda: flow.at_work["slow"] == 4)
    assert left(database) == 0


def test_a_lane_is_called_in_its_order(database: Database, flow: Slowly) -> None:
    put(database, "fast", 40, lane="one")
    with working(database, flow):
        wait_until(lambda: left(database) == 0)
    assert flow.called == [f"fast-{no}" for no in range(40)]


def test_answers_are_booked_when_the_database_is_back(
    database: Database, flow: Slowly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OUTAGE_S", 0.05)
    away, good = iter([True] * 3), Engine.book

    def flicker(engine: Engine, results: Any, held: Any) -> Any:  # noqa: ANN401 # what the engine takes and gives
        if next(away, False):
            raise OperationalError("commit", {}, Exception("gone"))
        return good(engine, results, held)

    monkeypatch.setattr(Engine, "book", flicker)
    put(database, "fast", 20)
    with working(database, flow):
        wait_until(lambda: left(database) == 0)
    assert Counter(flow.called).most_common(1)[0][1] == 1
