from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.breakers import Called, Tolerance, note_calls
from hub.connections import pause
from hub.database import Database, row, run
from hub.gates import FREE, Limit, allowances
from hub.pulse import gates_of
from hub.roles import Role
from hub.steps import NewStep, add
from tests.dashboards.desk import NOW, Desk, opened, plain

HOME = "/console/connections"
WMS = f"{HOME}/wms-sh"
REASON = "the warehouse says it is back"
LONG = Tolerance(failures=1, cool_s=36_000, longest_cool_s=36_000)
SOON = NOW + timedelta(minutes=45)


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """Open a console over a warehouse whose breaker is open for ten hours, with one call that waits as long."""
    with opened(database, tmp_path) as made:
        with database.transaction() as session:
            add(session, [NewStep("ask_parcel", "lane:1", "wms-sh", "key-1", None, {})], NOW)
            run(session, "update step set run_at = :at", at=NOW + timedelta(hours=9))
            note_calls(session, [Called("wms-sh", 1, 1, failed=True)], LONG, NOW)
        yield made


def claimable(database: Database, at: datetime) -> dict[str, bool]:
    """Say of which connections a call may be claimed, and whether it is a probe."""
    with database.transaction() as session:
        return {name: one.probing for name, one in allowances(session, {"wms-sh": FREE}, at).items()}


def test_an_open_breaker_is_told_with_since_when_and_what_next(desk: Desk) -> None:
    seat = desk.sit("eye", Role.VIEWER)
    assert "wms-sh" in plain(seat.see(HOME))
    assert " Open " in plain(seat.see(HOME))
    text = plain(seat.see(WMS))
    for told in ("Breaker: Open", "No call is made since", "The next call is tried at", "Failures in a row 1"):
        assert told in text
    assert "Try now" not in text


def test_limits_and_what_is_left_of_them_are_told(database: Database) -> None:
    with database.transaction() as session:
        gate = gates_of(session, {"mall-pc": Limit(2, 10, 4)})["mall-pc"]
        assert (gate.breaker, gate.left(NOW), gate.under_way, gate.at_once) == ("closed", 10, 0, 4)
        run(
            session,
            """insert into connection_gate (connection, tokens, refilled_at, breaker, failures, opens)
               values ('mall-pc', 1, :at, 'closed', 0, 0)""",
            at=NOW,
        )
        found = gates_of(session, {"mall-pc": Limit(2, 10, 4)})["mall-pc"]
    assert found.left(NOW) == 1
    assert found.left(NOW + timedelta(seconds=3)) == 7
    assert found.left(NOW + timedelta(hours=1)) == 10


def test_a_supervisor_lets_an_open_breaker_probe_at_once(desk: Desk, database: Database) -> None:
    assert claimable(database, SOON) == {}
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert "Try now…" in plain(seat.see(WMS))
    assert seat.act(f"{WMS}/try-now", reason=REASON) == WMS
    assert claimable(database, SOON) == {"wms-sh": True}
    assert seat.audited("connection.try_now") == [("boss", "connection:wms-sh")]


def test_trying_now_needs_a_reason_and_an_open_breaker(desk: Desk) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert seat.post(f"{WMS}/try-now").status_code == 422
    assert seat.post(f"{HOME}/wms-bj/try-now", reason=REASON).status_code == 409
    assert "There is nothing to try" in plain(seat.drawer(f"{HOME}/wms-bj/try-now"))


def test_a_paused_connection_is_not_tried(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        pause(session, "wms-sh", "boss", REASON, NOW)
    assert desk.sit("boss", Role.SUPERVISOR).post(f"{WMS}/try-now", reason=REASON).status_code == 409
    assert claimable(database, SOON) == {}


def test_the_partners_own_wish_is_told_and_heeded(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        run(session, "update connection_gate set not_before = :at", at=NOW + timedelta(hours=1))
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert "The partner itself wishes no call before" in plain(seat.see(WMS))
    assert seat.post(f"{WMS}/try-now", reason=REASON).status_code == 409


def test_a_call_that_is_due_already_keeps_its_time(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        run(session, "update step set run_at = :at", at=NOW - timedelta(hours=1))
    desk.sit("boss", Role.SUPERVISOR).act(f"{WMS}/try-now", reason=REASON)
    with database.transaction() as session:
        found = row(session, "select run_at from step")
    assert found
    assert found.run_at == NOW - timedelta(hours=1)


@pytest.mark.parametrize("role", list(Role))
def test_trying_now_needs_its_role(desk: Desk, role: Role) -> None:
    answer = desk.sit("me", role).post(f"{WMS}/try-now", reason=REASON)
    assert answer.status_code == (303 if role in {Role.SUPERVISOR, Role.ADMIN} else 403)
