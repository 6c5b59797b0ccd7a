from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from flows import housekeeping
from flows.housekeeping import Chore, Rounds, chores
from hub.audit import first_break, record
from hub.clients import spend_nonce
from hub.database import Database, rows, run
from hub.settings import Settings
from hub.steps import NewStep, add
from tests.hub.making import AT


def test_every_chore_runs_and_leaves_all_in_order(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        record(session, at, "a", "act", "order:1")
        spend_nonce(session, "mall-pc", "n", at - timedelta(days=1))
        add(session, [NewStep("f", "a", "p", key, 1, {}) for key in ("a1", "a2")], at - timedelta(hours=1))
        run(
            session,
            "update step set state = 'done', settled_at = :then where state = 'pending'",
            then=at - timedelta(hours=1),
        )
    Rounds(database, chores(Settings()), lambda: at).go()
    with database.transaction() as session:
        assert first_break(session) is None
        assert rows(session, "select 1 from client_nonce") == []
        assert [one.idempotency_key for one in rows(session, "select idempotency_key from step_history")] == ["a1"]


def test_a_lane_that_was_missed_goes_on(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        add(session, [NewStep("f", "a", "p", key, 1, {}) for key in ("a1", "a2")], at)
        run(session, "update step set state = 'done', settled_at = :at where state = 'pending'", at=at)
    Rounds(database, chores(Settings()), lambda: at).go()
    with database.transaction() as session:
        assert [one.state for one in rows(session, "select state from step where idempotency_key = 'a2'")] == [
            "pending"
        ]


def test_a_chore_waits_for_its_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    rounds = Rounds(database, [_chore("often", 1, done), _chore("seldom", 100, done)], lambda: AT)
    for clock_s in (1_000.0, 1_000.5, 1_002.0, 1_101.0):
        monkeypatch.setattr(housekeeping, "monotonic", lambda clock_s=clock_s: clock_s)
        rounds.go()
    assert done == ["often", "seldom", "often", "often", "seldom"]


def test_a_chore_that_cannot_get_through_keeps_no_other_from_its_turn(database: Database) -> None:
    done: list[str] = []

    def busy(_session: Session, _at: datetime) -> None:
        raise OperationalError("lock table", {}, Exception("busy"))

    rounds = Rounds(database, [Chore("busy", 60, busy), _chore("next", 60, done)], lambda: AT)
    with pytest.raises(OperationalError):
        rounds.go()
    rounds.go()
    assert done == ["next"]


def _chore(name: str, every_s: float, done: list[str]) -> Chore:
    def note(_session: Session, _at: datetime) -> None:
        done.append(name)

    return Chore(name, every_s, note)
