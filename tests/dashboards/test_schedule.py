from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dashboards.pages import new_key
from hub.connections import pause
from hub.database import Database, run
from hub.polls import HINTS, ORDERS, PROBE, claim_polls, finish_poll, plan_polls
from hub.roles import Role
from hub.schedules import finish_slot, plan_schedules, slot_of, take_slot
from tests.dashboards.desk import NOW, Desk, opened, plain

HOME = "/console/schedule"
SEAL = f"{HOME}/chores/audit.seal"
POLL = f"{HOME}/polls/mall-pc/orders"
LEASE = timedelta(minutes=5)
HOUR = timedelta(hours=1)
REASON = "the disk is full"
LATER = NOW + timedelta(days=3650)


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        yield made


def keep(database: Database, name: str, every: timedelta, *, ago: timedelta, error: str = "") -> None:
    """Let a schedule have been done some time ago."""
    at = NOW - ago
    with database.transaction() as session:
        plan_schedules(session, {name: every})
        slot = take_slot(session, name, slot_of(every, at), at, LEASE, LEASE)
        assert slot
        finish_slot(session, slot, at + timedelta(seconds=2), error)


def plan(database: Database, *names: str) -> None:
    with database.transaction() as session:
        plan_polls(session, [("mall-pc", name) for name in names], NOW, NOW - HOUR)


def rows_of(desk: Desk) -> str:
    return plain(desk.sit("eye", Role.VIEWER).see(HOME))


def test_nothing_scheduled_says_why_and_what_next(desk: Desk) -> None:
    text = rows_of(desk)
    assert "No worker has been here yet." in text
    assert "No partner is asked for anything." in text


def test_a_chore_says_what_it_is_for_and_how_it_fares(desk: Desk, database: Database) -> None:
    keep(database, "visits.forget", HOUR, ago=timedelta(minutes=1))
    text = rows_of(desk)
    for told in ("Forget old visits", "Deletes sign-ins", "On time", "1 h", "2.0 s"):
        assert told in text


def test_chores_in_trouble_stand_first(desk: Desk, database: Database) -> None:
    keep(database, "visits.forget", HOUR, ago=timedelta(minutes=1))
    keep(database, "partitions.make", HOUR, ago=timedelta(hours=9))
    keep(database, "parcels.ask", HOUR, ago=timedelta(minutes=2), error="DeadlockDetected")
    text = rows_of(desk)
    places = [text.index(word) for word in ("Overdue", "Last run failed", "On time")]
    assert places == sorted(places)
    assert "DeadlockDetected" in text


def test_a_slot_that_a_wrong_clock_took_does_not_hide_that_nothing_is_done(desk: Desk, database: Database) -> None:
    keep(database, "audit.seal", HOUR, ago=timedelta(hours=9))
    keep(database, "audit.seal", HOUR, ago=timedelta(days=-800))
    assert "Overdue" in rows_of(desk)


def test_a_slot_whose_worker_died_is_overdue(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        plan_schedules(session, {"audit.seal": HOUR})
        take_slot(session, "audit.seal", slot_of(HOUR, NOW), NOW - HOUR, LEASE, LEASE)
    assert "Overdue" in rows_of(desk)


def test_a_paused_chore_is_left_alone_until_it_is_resumed(desk: Desk, database: Database) -> None:
    keep(database, "audit.seal", HOUR, ago=timedelta(hours=3))
    seat, key = desk.sit("boss", Role.SUPERVISOR), new_key()
    assert [seat.post(f"{SEAL}/pause", key=key, reason=REASON).status_code for _ in range(2)] == [303, 303]
    assert f"by boss {REASON}" in plain(seat.see(SEAL))
    with database.transaction() as session:
        assert take_slot(session, "audit.seal", slot_of(HOUR, NOW), NOW, LEASE, LEASE) is None
    assert seat.act(f"{SEAL}/resume", reason=REASON) == SEAL
    with database.transaction() as session:
        assert take_slot(session, "audit.seal", slot_of(HOUR, NOW), NOW, LEASE, LEASE)
    assert seat.audited("schedule.pause") == seat.audited("schedule.resume") == [("boss", "schedule:audit.seal")]


def test_a_paused_poll_is_not_taken_and_tells_who_paused_it(desk: Desk, database: Database) -> None:
    plan(database, ORDERS, HINTS)
    seat = desk.sit("boss", Role.SUPERVISOR)
    seat.act(f"{POLL}/pause", reason=REASON)
    assert f"by boss {REASON}" in plain(seat.see(POLL))
    wanted = [("mall-pc", ORDERS), ("mall-pc", HINTS)]
    with database.transaction() as session:
        assert [one.name for one in claim_polls(session, wanted, 9, NOW, LEASE)] == [HINTS]
    seat.act(f"{POLL}/resume", reason=REASON)
    with database.transaction() as session:
        assert [one.name for one in claim_polls(session, wanted, 9, NOW, LEASE)] == [ORDERS]


@pytest.mark.parametrize("path", [SEAL, POLL])
def test_pausing_asks_for_a_reason_and_only_what_goes_on_can_be_paused(
    desk: Desk, database: Database, path: str
) -> None:
    keep(database, "audit.seal", HOUR, ago=timedelta(minutes=1))
    plan(database, ORDERS)
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert seat.post(f"{path}/pause").status_code == 422
    assert seat.post(f"{path}/resume", reason=REASON).status_code == 409
    seat.act(f"{path}/pause", reason=REASON)
    assert seat.post(f"{path}/pause", reason=REASON).status_code == 409


def test_a_schedule_of_everybody_is_not_paused_by_who_has_one_brand(desk: Desk, database: Database) -> None:
    keep(database, "audit.seal", HOUR, ago=timedelta(minutes=1))
    seat = desk.sit("part", Role.SUPERVISOR, "demo")
    assert "Pause" not in plain(seat.drawer(SEAL))
    assert seat.post(f"{SEAL}/pause", reason=REASON).status_code == 403


def test_polls_of_another_brand_are_neither_seen_nor_touched(desk: Desk, database: Database) -> None:
    plan(database, ORDERS)
    seat = desk.sit("stranger", Role.SUPERVISOR, "other")
    assert "mall-pc" not in seat.see(HOME)
    assert seat.get(POLL).status_code == 404
    assert seat.post(f"{POLL}/pause", reason=REASON).status_code == 404


def test_a_poll_says_in_one_word_how_it_fares(desk: Desk, database: Database) -> None:
    plan(database, ORDERS, HINTS, PROBE)
    with database.transaction() as session:
        (turn,) = claim_polls(session, [("mall-pc", ORDERS)], 1, NOW, LEASE)
        finish_poll(session, turn, NOW, NOW + HOUR, error="http_500: broken")
        run(session, "update poll set run_at = :at where name = 'hints'", at=NOW - HOUR)
        run(session, "update poll set run_at = :at where name = 'probe'", at=LATER)
    text = rows_of(desk)
    for told in ("Failing", "http_500: broken", "Overdue", "When asked"):
        assert told in text


def test_polls_of_a_paused_connection_wait_with_it(desk: Desk, database: Database) -> None:
    plan(database, ORDERS)
    with database.transaction() as session:
        pause(session, "mall-pc", "boss", REASON, NOW)
    assert "Connection paused" in rows_of(desk)


def test_an_unknown_chore_or_poll_leads_nowhere(desk: Desk) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    for path in (SEAL, POLL):
        assert seat.get(path).status_code == 404
        assert seat.post(f"{path}/pause", reason=REASON).status_code == 404


def test_the_tables_are_sent_again_only_when_they_have_changed(desk: Desk, database: Database) -> None:
    keep(database, "partitions.make", HOUR, ago=timedelta(minutes=1))
    seat = desk.sit("eye", Role.VIEWER)
    tag = seat.get(f"{HOME}/list").headers["etag"]
    assert seat.get(f"{HOME}/list", **{"if-none-match": tag}).status_code == 304
    plan(database, ORDERS)
    assert seat.get(f"{HOME}/list", **{"if-none-match": tag}).status_code == 200
