"""One pool process: what it claims of what it is told, and what it refuses to read."""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import final

import pytest
from celery.exceptions import Reject  # pyright: ignore[reportMissingTypeStubs] # Celery has none
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from flows import pool as module
from flows.dispatch import Broken, Dispatcher
from flows.pool import Hand, Told, read_ids
from hub.database import Database, row
from hub.fulfilment.release import RELEASE
from hub.partitions import make_partitions
from hub.settings import Http, Settings, Worker
from tests.flows.acting import PARTNER, FakeEffect, FakePartner

SETTINGS = Settings(worker=Worker(threads=4, processes=2, lease_s=10), http=Http(connect_s=1, read_s=2))


@final
class OnePartner:
    """The only connection there is."""

    def __init__(self) -> None:
        self.partner = FakePartner()

    def get(self, connection: str) -> object:
        assert connection == PARTNER
        return self.partner

    def names(self) -> Sequence[str]:
        return [PARTNER]


@pytest.fixture
def partners() -> OnePartner:
    return OnePartner()


@pytest.fixture
def hand(database: Database, order_id: int, partners: OnePartner) -> Iterator[Hand]:
    assert order_id
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
    made = Hand(database, SETTINGS, partners, {RELEASE: FakeEffect()})
    made.start()
    yield made
    made.close()


def step_of(database: Database) -> tuple[int, str]:
    with database.transaction() as session:
        found = row(session, "select id, state from step order by id limit 1")
    assert found is not None
    return found.id, found.state


def test_a_wake_up_that_comes_twice_does_nothing_twice(hand: Hand, database: Database, partners: OnePartner) -> None:
    step, _ = step_of(database)
    hand.wake([step])
    hand.wake([step])
    hand.close()
    hand.wake([step])
    assert step_of(database) == (step, "done")
    assert len(partners.partner.calls) == 1


def test_it_claims_nothing_that_it_was_not_told_of(hand: Hand, database: Database) -> None:
    step, state = step_of(database)
    hand.wake([step + 1_000])
    hand.close()
    assert step_of(database) == (step, state)


def test_what_could_not_be_claimed_while_the_database_was_away_is_claimed_when_it_is_back(
    hand: Hand, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OUTAGE_S", 0.01)
    away = iter([True])
    back = threading.Event()
    go = Dispatcher.go

    def flicker(dispatcher: Dispatcher) -> int:
        if next(away, False):
            raise OperationalError("select 1", {}, Exception("gone"))
        taken = go(dispatcher)
        back.set()
        return taken

    monkeypatch.setattr(Dispatcher, "go", flicker)
    with capture_logs() as logs:
        hand.wake([step_of(database)[0]])
        assert back.wait(60)
        hand.close()
    assert "pool.database_away" in [line["event"] for line in logs]
    assert step_of(database)[1] == "done"


@pytest.mark.parametrize("told", [None, "1", 1, {}, [], ["1"], [1.5], [True], [0], [-1], [2**63], [1] * 1_001])
def test_what_is_no_list_of_ids_goes_to_the_dead(told: object) -> None:
    with capture_logs() as logs, pytest.raises(Reject) as refused:
        read_ids(told)
    assert not refused.value.requeue
    assert [line["event"] for line in logs] == ["pool.unreadable"]


def test_what_was_told_is_kept_in_mind_for_a_moment_and_nobody_stands_in_front() -> None:
    now_s = 0.0
    told = Told(lambda: now_s)
    told.add(range(1, 601))
    assert told.some() == list(range(1, 501))
    assert told.some()[:100] == list(range(501, 601))
    now_s = 2.0
    assert not told.some()


def test_a_process_of_which_a_bug_has_ended_a_thread_ends(
    hand: Hand, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_: Dispatcher) -> int:
        raise Broken

    monkeypatch.setattr(Dispatcher, "go", break_down)
    with pytest.raises(SystemExit):
        hand.wake([step_of(database)[0]])
