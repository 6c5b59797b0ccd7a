"""A job goes on only as far as whoever confirmed it may still go."""

from collections.abc import Collection
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.people import shut_out
from hub.replay_filter import Act, Wanted, What
from hub.replay_view import get_job, list_items
from hub.replays import pause_job, resume_job, start_job
from hub.roles import Actor, Role
from tests.hub.making import BRAND
from tests.hub.test_replays import counts, job_of, start
from tests.hub.trouble import NEIGHBOUR, SUPERVISOR, audited, dead_step, let_in, parked, state_of, work_off

LATER = timedelta(minutes=1)
REPLAY = Wanted(what=What.MESSAGE, act=Act.REPLAY)


def may_now(
    session: Session, at: datetime, *roles: Role, brands: Collection[str] = (), shops: Collection[str] = ()
) -> None:
    """Change what the supervisor may do, as it is from now on."""
    let_in(session, Actor(SUPERVISOR.name, frozenset(roles), frozenset(brands), frozenset(shops)), at)


def begin(session: Session, name: str, at: datetime) -> int:
    actor = Actor(name, SUPERVISOR.roles)
    return start_job(session, actor, Wanted(), at, reason="SAP is back", rate_per_s=1)


def test_a_job_of_somebody_who_was_shut_out_is_stopped(session: Session, at: datetime) -> None:
    steps = [dead_step(session, at, f"T{no}") for no in range(2)]
    job_id = start(session, at)
    assert work_off(session, at + timedelta(seconds=1)) == 1
    shut_out(session, SUPERVISOR.name, "admin", at)
    assert work_off(session, at + LATER) == 0
    assert [state_of(session, one) for one in steps] == ["unknown", "dead"]
    assert counts(job_of(session, job_id)) == ("stopped", 1, 1, 0, 0)
    assert job_of(session, job_id).ended_at == at + LATER
    assert audited(session, "replay.stop") == [{"reason": "boss, who confirmed it, may not do this any more"}]


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER, Role.ANALYST])
def test_a_job_of_somebody_who_lost_the_role_is_stopped(session: Session, at: datetime, role: Role) -> None:
    step_id = dead_step(session, at)
    job_id = start(session, at)
    may_now(session, at, role)
    work_off(session, at + LATER)
    assert (job_of(session, job_id).state, state_of(session, step_id)) == ("stopped", "dead")


def test_resuming_a_job_gives_nobody_their_right_back(session: Session, at: datetime) -> None:
    dead_step(session, at)
    job_id = start(session, at)
    pause_job(session, SUPERVISOR, job_id, "SAP is busy", at)
    may_now(session, at, Role.VIEWER)
    resume_job(session, Actor("another", SUPERVISOR.roles), job_id, "SAP rests", at)
    work_off(session, at + LATER)
    assert job_of(session, job_id).state == "stopped"


def test_what_a_stopped_job_had_not_come_to_may_be_taken_by_another(session: Session, at: datetime) -> None:
    step_id = dead_step(session, at)
    start(session, at)
    may_now(session, at, Role.VIEWER)
    work_off(session, at + LATER)
    may_now(session, at, Role.ADMIN)
    again = start(session, at + LATER)
    work_off(session, at + 2 * LATER)
    assert (job_of(session, again).state, state_of(session, step_id)) == ("done", "unknown")


def test_a_narrowed_scope_narrows_the_job(session: Session, at: datetime) -> None:
    outside = dead_step(session, at)
    first, second = parked(session, at, connection="mall-h5"), parked(session, at)
    steps, messages = start(session, at), start(session, at, REPLAY)
    may_now(session, at, Role.SUPERVISOR, brands=[BRAND], shops=["h5"])
    for _ in range(2):
        work_off(session, at + LATER)
    assert (counts(job_of(session, steps)), state_of(session, outside)) == (("done", 0, 0, 1, 0), "dead")
    found = [(one.thing_id, one.state, one.outcome) for one in list_items(session, SUPERVISOR, messages).items]
    assert found == [(first, "left", "gone"), (second, "left", "gone")]


def test_a_narrowed_job_goes_on_with_the_connections_that_are_left(session: Session, at: datetime) -> None:
    mine, other = parked(session, at, connection="mall-h5"), parked(session, at)
    both = Actor("boss", SUPERVISOR.roles, frozenset({BRAND}), frozenset({"h5", "pc"}))
    let_in(session, both, at)
    job_id = start_job(session, both, REPLAY, at, reason="x", rate_per_s=1, connections=["mall-h5", "mall-pc"])
    may_now(session, at, Role.SUPERVISOR, shops=["h5"])
    work_off(session, at + LATER)
    found = [(one.thing_id, one.state) for one in list_items(session, SUPERVISOR, job_id).items]
    assert found == [(mine, "done"), (other, "left")]


def test_a_job_goes_no_further_than_it_was_confirmed_when_its_maker_may_more(session: Session, at: datetime) -> None:
    mine = parked(session, at, connection="mall-h5")
    let_in(session, NEIGHBOUR, at)
    job_id = start_job(session, NEIGHBOUR, REPLAY, at, reason="x", rate_per_s=1, connections=["mall-h5"])
    let_in(session, Actor(NEIGHBOUR.name, frozenset({Role.ADMIN})), at)
    work_off(session, at + LATER)
    assert [(one.thing_id, one.state) for one in list_items(session, NEIGHBOUR, job_id).items] == [(mine, "done")]
    assert get_job(session, NEIGHBOUR, job_id).shops == ("h5",)


def test_a_scope_that_has_nothing_left_of_what_was_confirmed_stops_the_job(session: Session, at: datetime) -> None:
    parked(session, at, connection="mall-h5")
    let_in(session, NEIGHBOUR, at)
    job_id = start_job(session, NEIGHBOUR, REPLAY, at, reason="x", rate_per_s=1, connections=["mall-h5"])
    let_in(session, Actor(NEIGHBOUR.name, NEIGHBOUR.roles, frozenset({BRAND}), frozenset({"pc"})), at)
    work_off(session, at + LATER)
    assert job_of(session, job_id).state == "stopped"


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("cli:root", "done"),
        ("system", "done"),
        ("api:night", "done"),
        ("api:day", "stopped"),
        ("api:gone", "stopped"),
        ("nobody", "stopped"),
    ],
)
def test_programs_are_looked_up_in_the_settings_and_nobody_is_taken_on_trust(
    session: Session, at: datetime, name: str, state: str
) -> None:
    dead_step(session, at)
    job_id = begin(session, name, at)
    work_off(session, at + LATER)
    assert job_of(session, job_id).state == state


def test_a_person_with_the_name_of_a_terminal_is_a_person(session: Session, at: datetime) -> None:
    dead_step(session, at)
    let_in(session, Actor("cli:root", frozenset({Role.VIEWER})), at)
    job_id = begin(session, "cli:root", at)
    work_off(session, at + LATER)
    assert job_of(session, job_id).state == "stopped"
