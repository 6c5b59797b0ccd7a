from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.people import add_person
from hub.roles import Role
from hub.visits import (
    FIRST_WAIT,
    LONGEST_WAIT,
    WINDOW,
    begin_visit,
    end_visit,
    find_visit,
    forget_visits,
    leave_notice,
    note_attempt,
    note_success,
)


@pytest.fixture
def token(session: Session, at: datetime) -> str:
    add_person(session, name="wang", password="a-made-up-password", roles=[Role.VIEWER], at=at)
    return begin_visit(session, "wang", at)


def fail(session: Session, times: int, at: datetime, *, name: str = "wang", address: str = "192.0.2.1") -> None:
    for _ in range(times):
        run(session, "update sign_in_wait set until = null")
        assert note_attempt(session, name, address, at) is None


def test_a_visit_is_found_by_its_token_alone(session: Session, token: str, at: datetime) -> None:
    found = find_visit(session, token, at)
    assert found is not None
    assert (found[0].name, found[1]) == ("wang", "")
    assert find_visit(session, token[:-1], at) is None
    assert find_visit(session, "", at) is None


def test_an_ended_visit_is_not_found(session: Session, token: str, at: datetime) -> None:
    end_visit(session, token, at)
    assert find_visit(session, token, at) is None


def test_a_visit_that_is_used_goes_on_for_a_week_and_no_longer(session: Session, token: str, at: datetime) -> None:
    for hours in range(10, 7 * 24, 10):
        assert find_visit(session, token, at + timedelta(hours=hours)) is not None
    assert find_visit(session, token, at + timedelta(days=7)) is None


def test_a_look_within_a_minute_writes_nothing(session: Session, token: str, at: datetime) -> None:
    find_visit(session, token, at + timedelta(seconds=59))
    assert [one.seen_at for one in rows(session, "select seen_at from console_visit")] == [at]


def test_what_is_to_be_told_is_kept_with_the_visit(session: Session, token: str, at: datetime) -> None:
    leave_notice(session, token, "done")
    found = find_visit(session, token, at)
    assert found is not None
    assert found[1] == "done"


def test_four_failures_cost_nothing_and_the_fifth_a_wait_of_this_name_from_here(session: Session, at: datetime) -> None:
    fail(session, 5, at)
    assert note_attempt(session, "wang", "192.0.2.1", at) == FIRST_WAIT
    assert note_attempt(session, "wang", "192.0.2.2", at) is None
    assert note_attempt(session, "li", "192.0.2.1", at) is None


def test_a_wait_never_grows_beyond_its_limit(session: Session, at: datetime) -> None:
    fail(session, 40, at)
    assert note_attempt(session, "wang", "192.0.2.1", at) == LONGEST_WAIT


@pytest.mark.parametrize(("kind", "times"), [("name", 50), ("address", 100)])
def test_a_name_from_everywhere_and_an_address_with_every_name_wait_late(
    session: Session, at: datetime, kind: str, times: int
) -> None:
    for number in range(times):
        fail(session, 1, at, **({"address": f"192.0.2.{number}"} if kind == "name" else {"name": f"name-{number}"}))
    changed = {"name": "wang", "address": "198.51.100.1"} if kind == "name" else {"name": "li", "address": "192.0.2.1"}
    assert note_attempt(session, changed["name"], changed["address"], at) == FIRST_WAIT


def test_an_address_of_a_network_of_ipv6_is_the_network(session: Session, at: datetime) -> None:
    for number in range(5):
        fail(session, 1, at, address=f"2001:db8::{number}")
    assert note_attempt(session, "wang", "2001:db8::ffff", at) == FIRST_WAIT
    assert note_attempt(session, "wang", "2001:db8:0:1::1", at) is None


def test_success_clears_the_name_at_its_address(session: Session, at: datetime) -> None:
    fail(session, 5, at)
    note_success(session, "wang", "192.0.2.1")
    fail(session, 4, at)
    assert note_attempt(session, "wang", "192.0.2.1", at) is None


def test_failures_age_out_over_the_window(session: Session, at: datetime) -> None:
    fail(session, 4, at)
    fail(session, 2, at + WINDOW / 2)
    assert note_attempt(session, "wang", "192.0.2.1", at + WINDOW / 2) is None
    assert note_attempt(session, "wang", "192.0.2.1", at + WINDOW / 2) == FIRST_WAIT
    fail(session, 4, at + 3 * WINDOW)
    assert note_attempt(session, "wang", "192.0.2.1", at + 3 * WINDOW) is None


def test_neither_name_nor_address_can_be_read_from_the_waits(session: Session, at: datetime) -> None:
    fail(session, 1, at)
    kept = str([bytes(one.subject) for one in rows(session, "select subject from sign_in_wait")])
    assert "wang" not in kept
    assert "192.0.2.1" not in kept


def test_what_is_long_over_is_dropped(session: Session, token: str, at: datetime) -> None:
    fail(session, 1, at)
    forget_visits(session, at + timedelta(days=1))
    assert find_visit(session, token, at) is not None
    forget_visits(session, at + timedelta(days=15))
    assert rows(session, "select 1 from console_visit") == []
    assert rows(session, "select 1 from sign_in_wait") == []
