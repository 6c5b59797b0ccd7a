from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.connections import pause
from hub.database import row
from hub.polls import ORDERS, PROBE, TOKEN, Turn, claim_polls, finish_poll, hasten_poll, plan_polls, prolong_poll
from tests.hub.making import AT

LEASE = timedelta(seconds=30)
WANTED = [("tmall", ORDERS)]


def claim(session: Session, later_s: float = 0, wanted: list[tuple[str, str]] = WANTED) -> list[Turn]:
    return claim_polls(session, wanted, 5, AT + timedelta(seconds=later_s), LEASE)


def test_a_poll_is_planned_once_and_keeps_its_place(session: Session) -> None:
    plan_polls(session, WANTED, AT, AT - timedelta(days=1))
    (turn,) = claim(session)
    assert finish_poll(session, turn, AT, AT, watermark=AT)
    plan_polls(session, WANTED, AT, AT - timedelta(days=1))
    assert [one.watermark for one in claim(session)] == [AT]


def test_a_poll_belongs_to_one_worker_at_a_time(session: Session) -> None:
    plan_polls(session, WANTED, AT, AT)
    assert [len(claim(session)), len(claim(session, 29))] == [1, 0]


def test_a_worker_that_died_is_replaced_and_can_say_nothing_more(session: Session) -> None:
    plan_polls(session, WANTED, AT, AT)
    (dead,) = claim(session)
    (alive,) = claim(session, 31)
    assert not finish_poll(session, dead, AT, AT)
    assert not prolong_poll(session, dead, AT)
    assert finish_poll(session, alive, AT, AT)


def test_a_poll_that_is_prolonged_is_nobody_elses(session: Session) -> None:
    plan_polls(session, WANTED, AT, AT)
    (turn,) = claim(session)
    assert prolong_poll(session, turn, AT + timedelta(seconds=90))
    assert claim(session, 31) == []


def test_failures_are_counted_until_one_succeeds(session: Session) -> None:
    plan_polls(session, WANTED, AT, AT)
    for error, failures in (("busy: later", 1), ("busy: later", 2), ("", 0)):
        (turn,) = claim(session)
        finish_poll(session, turn, AT, AT, error=error)
        assert row(session, "select failures, last_error from poll") == (failures, error)
    assert row(session, "select last_success_at from poll") == (AT,)


def test_a_failure_moves_no_watermark(session: Session) -> None:
    plan_polls(session, WANTED, AT, AT - timedelta(days=1))
    (turn,) = claim(session)
    finish_poll(session, turn, AT, AT, error="busy: later")
    assert claim(session)[0].watermark == AT - timedelta(days=1)


def test_a_paused_connection_is_only_asked_for_a_sign_of_life(session: Session) -> None:
    wanted = [("tmall", ORDERS), ("tmall", PROBE)]
    plan_polls(session, wanted, AT, AT)
    pause(session, "tmall", "tester", "test", AT)
    assert [one.name for one in claim(session, wanted=wanted)] == [PROBE]


def test_a_poll_can_be_hastened_but_not_delayed(session: Session) -> None:
    plan_polls(session, WANTED, AT + timedelta(days=1), AT)
    hasten_poll(session, "tmall", ORDERS, AT)
    hasten_poll(session, "tmall", ORDERS, AT + timedelta(hours=1))
    assert len(claim(session)) == 1


def test_what_is_not_configured_here_is_left_to_others(session: Session) -> None:
    plan_polls(session, WANTED, AT, AT)
    assert claim(session, wanted=[("jd", ORDERS)]) == []


def due_at(session: Session) -> datetime:
    found = row(session, "select run_at from poll")
    assert found is not None
    return found.run_at


@pytest.mark.parametrize("prolonged", [False, True])
def test_what_is_hastened_while_it_is_asked_is_asked_once_more(session: Session, *, prolonged: bool) -> None:
    plan_polls(session, WANTED, AT, AT)
    (turn,) = claim(session)
    hasten_poll(session, "tmall", ORDERS, AT + timedelta(seconds=1))
    if prolonged:
        prolong_poll(session, turn, AT + timedelta(seconds=90))
    finish_poll(session, turn, AT + timedelta(seconds=2), AT + timedelta(days=1))
    assert len(claim(session, 2)) == 1


def test_what_nobody_hastened_rests_after_it_was_asked(session: Session) -> None:
    plan_polls(session, WANTED, AT, AT)
    (turn,) = claim(session)
    prolong_poll(session, turn, AT + timedelta(seconds=90))
    finish_poll(session, turn, AT, AT + timedelta(days=1))
    assert due_at(session) == AT + timedelta(days=1)


@pytest.mark.parametrize(("name", "rest_s"), [(TOKEN, 60), (PROBE, 1)])
def test_a_failure_rests_however_often_it_is_hastened_but_a_person_is_answered(
    session: Session, name: str, rest_s: int
) -> None:
    plan_polls(session, [("tmall", name)], AT, AT)
    (turn,) = claim(session, wanted=[("tmall", name)])
    hasten_poll(session, "tmall", name, AT + timedelta(seconds=1))
    finish_poll(session, turn, AT, AT + timedelta(seconds=60), error="busy: later")
    assert due_at(session) == AT + timedelta(seconds=rest_s)
