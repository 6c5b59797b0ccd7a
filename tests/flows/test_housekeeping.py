from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from flows.housekeeping import AGAIN, LEASE, Chore, Rounds, chores
from hub.audience import set_audience
from hub.audit import first_break, record
from hub.clients import Spending, spend_nonces
from hub.database import Database, rows, run
from hub.order.ship.progress import record_confirm
from hub.schedules import KEPT_RUNS, Slot, finish_slot, forget_runs, plan_schedules, slot_of, take_slot
from hub.settings import Connection, Orders, Settings
from hub.steps import NewStep, add
from tests.hub.making import AT, BRAND, confirm, open_causes, order, placed, stock


def test_every_chore_runs_and_leaves_all_in_order(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        record(session, at, "a", "act", "order:1")
        spend_nonces(session, [Spending("mall-pc", "n", at - timedelta(days=1))])
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


def test_what_the_erp_was_never_told_of_is_posted(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 1}})
        record_confirm(session, confirm(placed(session, order({"apple": 1})), 1, {"apple": 1}), AT)
        set_audience(session, {(BRAND, "erp"): "sap"})
    Rounds(database, chores(Settings()), lambda: AT).go()
    with database.transaction() as session:
        assert [one.connection for one in rows(session, "select connection from posting")] == ["sap"]


def test_stock_is_held_for_unpaid_orders_where_that_is_wished(database: Database) -> None:
    mall = Connection(kind="channels.storefront", brand=BRAND)
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 2}})
        placed(session, order({"apple": 2}, paid_at=None))
    soft: list[int] = []
    for wished in (False, True):
        settings = Settings(orders=Orders(hold_unpaid=wished), connections={"mall-pc": mall})
        Rounds(database, chores(settings), lambda: AT).go()
        with database.transaction() as session:
            soft += [one.soft for one in rows(session, "select soft from stock_level")]
    assert soft == [0, 2]


@pytest.mark.parametrize(("limit", "called"), [(0, ["review"]), (60, [])])
def test_a_person_is_called_for_an_unpaid_order_that_nothing_closes(
    database: Database, limit: int, called: list[str]
) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 2}})
        placed(session, order({"apple": 2}, paid_at=None))
    mall = Connection(kind="channels.storefront", brand=BRAND, unpaid_min=limit)
    Rounds(database, chores(Settings(connections={"mall-pc": mall})), lambda: AT + timedelta(days=2)).go()
    with database.transaction() as session:
        assert open_causes(session) == called


def test_a_chore_is_done_once_in_each_period(database: Database) -> None:
    done: list[str] = []
    clock = Hand()
    rounds = Rounds(database, [_chore("often", 1, done), _chore("seldom", 100, done)], clock.now)
    for seconds in (0, 0.5, 1.5, 100.5):
        clock.at = AT.replace(second=0) + timedelta(seconds=seconds)
        rounds.go()
    assert done == ["often", "seldom", "often", "often", "seldom"]


def test_two_schedulers_do_a_slot_once(database: Database) -> None:
    done: list[str] = []
    for _ in range(2):
        Rounds(database, [_chore("hourly", 3600, done)], lambda: AT).go()
    assert done == ["hourly"]


def test_of_the_slots_that_were_missed_one_is_done(database: Database) -> None:
    done: list[str] = []
    clock = Hand()
    rounds = Rounds(database, [_chore("hourly", 3600, done)], clock.now)
    for hours in (0, 5, 5.1):
        clock.at = AT + timedelta(hours=hours)
        rounds.go()
    assert done == ["hourly", "hourly"]


@pytest.mark.parametrize(("fast", "times"), [(timedelta(minutes=3), 1), (timedelta(days=800), 2)])
def test_a_slot_that_a_wrong_clock_took_is_nobodys_hindrance(database: Database, fast: timedelta, times: int) -> None:
    done: list[str] = []
    on_the_hour = slot_of(timedelta(hours=1), AT + timedelta(hours=1))
    for now in (on_the_hour - timedelta(minutes=1) + fast, on_the_hour - timedelta(minutes=1)):
        Rounds(database, [_chore("hourly", 3600, done)], lambda now=now: now).go()
    assert len(done) == times


def test_a_slot_whose_scheduler_died_is_done_after_its_lease(database: Database) -> None:
    done: list[str] = []
    chore = _chore("hourly", 3600, done)
    slot = slot_of(timedelta(hours=1), AT)
    with database.transaction() as session:
        assert take_slot(session, chore.name, slot, AT, LEASE, AGAIN)
        assert take_slot(session, chore.name, slot, AT + LEASE / 2, LEASE, AGAIN) is None
        again = take_slot(session, chore.name, slot, AT + LEASE * 2, LEASE, AGAIN)
        assert again
        assert not finish_slot(session, Slot(chore.name, slot, again.token - 1), AT)


def test_a_slot_whose_scheduler_died_is_done_by_who_keeps_the_same_schedule(database: Database) -> None:
    done: list[str] = []
    clock = Hand()
    clock.at = AT
    with database.transaction() as session:
        assert take_slot(session, "hourly", slot_of(timedelta(hours=1), AT), AT, LEASE, AGAIN)
    rounds = Rounds(database, [_chore("hourly", 3600, done)], clock.now)
    for minutes in range(10):
        clock.at = AT + timedelta(minutes=minutes)
        rounds.go()
    assert done == ["hourly"]


def test_a_slot_that_failed_slowly_is_done_again(database: Database) -> None:
    clock, tries = Hand(), [0]

    def fail(_session: Session, _at: datetime) -> None:
        tries[0] += 1
        clock.at += timedelta(seconds=5)
        if tries[0] < 3:
            raise ValueError

    rounds = Rounds(database, [Chore("hourly", 3600, fail)], clock.now)
    with capture_logs():
        for minutes in range(10):
            clock.at = AT + timedelta(minutes=minutes)
            rounds.go()
    assert tries[0] == 3


def test_a_paused_schedule_rests(database: Database) -> None:
    done: list[str] = []
    rounds = Rounds(database, [_chore("hourly", 3600, done)], lambda: AT)
    with database.transaction() as session:
        plan_schedules(session, {"hourly": timedelta(hours=1)})
        run(session, "update schedule set paused_at = :at", at=AT)
    rounds.go()
    assert done == []


def test_a_chore_that_fails_keeps_no_other_from_its_turn_and_is_tried_again(database: Database) -> None:
    done: list[str] = []
    clock = Hand()

    def busy(_session: Session, _at: datetime) -> None:
        done.append("busy")
        raise OperationalError("lock table", {}, Exception("busy"))

    rounds = Rounds(database, [Chore("busy", 3600, busy), _chore("next", 3600, done)], clock.now)
    for seconds in (0, 10, 40):
        clock.at = AT + timedelta(seconds=seconds)
        rounds.go()
    assert done == ["busy", "next", "busy"]
    with database.transaction() as session:
        assert [one.error for one in rows(session, "select error from schedule_run where state = 'failed'")] == [
            "Exception"
        ]


def test_old_runs_are_forgotten_but_the_last_and_recent_failures(session: Session) -> None:
    plan_schedules(session, {"often": timedelta(seconds=1)})
    for no in range(KEPT_RUNS + 10):
        slot = take_slot(session, "often", AT + timedelta(seconds=no), AT, LEASE, AGAIN)
        assert slot
        finish_slot(session, slot, AT, "" if no else "failed")
    forget_runs(session, AT)
    left = rows(session, "select state from schedule_run order by slot")
    assert [one.state for one in left] == ["failed", *["done"] * KEPT_RUNS]


@dataclass
class Hand:
    """A clock that a test sets."""

    at: datetime = AT

    def now(self) -> datetime:
        return self.at


def _chore(name: str, every_s: int, done: list[str]) -> Chore:
    def note(_session: Session, _at: datetime) -> None:
        done.append(name)

    return Chore(name, every_s, note)
