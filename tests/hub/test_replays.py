from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

import hub.replays
from hub.database import run
from hub.errors import Conflict, Malformed, NotFound, Unauthorised
from hub.replay_filter import Act, Filter, Wanted, What
from hub.replay_outlook import Lot
from hub.replay_view import JobView, get_job, list_items, list_jobs
from hub.replays import dry_run, pause_job, resume_job, set_rate, start_job, stop_job
from hub.roles import Actor
from tests.hub.trouble import (
    NEIGHBOUR,
    OPERATOR,
    STRANGER,
    SUPERVISOR,
    audited,
    dead_step,
    let_in,
    parked,
    state_of,
    work_off,
)

RETRY = Wanted()
REPLAY = Wanted(what=What.MESSAGE, act=Act.REPLAY)


def start(session: Session, at: datetime, wanted: Wanted = RETRY, rate: float = 1, actor: Actor = SUPERVISOR) -> int:
    let_in(session, actor, at)
    return start_job(session, actor, wanted, at, reason="SAP is back", rate_per_s=rate)


def job_of(session: Session, job_id: int) -> JobView:
    return get_job(session, SUPERVISOR, job_id)


def counts(job: JobView) -> tuple[str, int, int, int, int]:
    return job.state, job.waiting, job.done, job.left_out, job.failed


def test_a_dry_run_counts_and_changes_nothing(session: Session, at: datetime) -> None:
    dead, running, done = (dead_step(session, at, f"T{no}") for no in range(3))
    run(session, "update step set state = 'in_flight' where id = :id", id=running)
    run(session, "update step set state = 'done' where id = :id", id=done)
    wanted = RETRY.model_copy(update={"filter": Filter(ids=(dead, running, done, dead))})
    found = dry_run(session, SUPERVISOR, wanted, at)
    assert (found.eligible, found.wrong_state, found.done, found.duplicate) == (1, 1, 1, 1)
    assert [(one.id, one.lot) for one in found.sample] == [
        (dead, Lot.ELIGIBLE),
        (running, Lot.WRONG_STATE),
        (done, Lot.DONE),
    ]
    assert (state_of(session, dead), audited(session, "replay.start")) == ("dead", [])


def test_skipping_counts_what_holds_stock_and_what_is_in_doubt(session: Session, at: datetime) -> None:
    steps = [dead_step(session, at, f"T{no}") for no in range(3)]
    run(session, "update step set flow = 'notify_shipment' where id = any(:ids)", ids=steps[1:])
    run(session, "update step set doubt = true where id = :id", id=steps[2])
    wanted = Wanted(act=Act.SKIP)
    found = dry_run(session, SUPERVISOR, wanted, at)
    assert (found.eligible, found.holds_stock, found.in_doubt) == (1, 1, 1)
    knowing = wanted.model_copy(update={"although_it_may_have_been_executed": True})
    assert dry_run(session, SUPERVISOR, knowing, at).eligible == 2


def test_completed_calls_are_left_out_unless_asked_for_and_harmless(session: Session, at: datetime) -> None:
    harmless, harmful = dead_step(session, at, "T1"), dead_step(session, at, "T2")
    run(session, "update step set state = 'done', settled_at = :at", at=at)
    run(session, "update step set flow = 'ask_parcel' where id = :id", id=harmless)
    wanted = Wanted(filter=Filter(ids=(harmless, harmful)))
    assert dry_run(session, SUPERVISOR, wanted, at).done == 2
    found = dry_run(session, SUPERVISOR, wanted.model_copy(update={"again": True}), at)
    assert (found.eligible, found.again, found.not_repeatable, found.done) == (1, 1, 1, 0)


def test_what_waits_in_another_job_is_a_duplicate_until_that_one_ends(session: Session, at: datetime) -> None:
    dead_step(session, at)
    first = start(session, at)
    assert dry_run(session, SUPERVISOR, RETRY, at).duplicate == 1
    with pytest.raises(Conflict):
        start(session, at)
    stop_job(session, SUPERVISOR, first, "wrong filter", at)
    assert dry_run(session, SUPERVISOR, RETRY, at).eligible == 1


def test_a_job_is_fixed_when_it_is_confirmed(session: Session, at: datetime) -> None:
    first = dead_step(session, at, "T1")
    job_id = start(session, at, RETRY.model_copy(update={"filter": Filter(connection="wms-sh")}))
    later = dead_step(session, at, "T2")
    work_off(session, at + timedelta(seconds=9))
    assert [state_of(session, one) for one in (first, later)] == ["unknown", "dead"]
    assert (job_of(session, job_id).filter, job_of(session, job_id).total) == (Filter(connection="wms-sh"), 1)
    assert audited(session, "replay.start") == [
        {"what": "step", "does": "retry", "total": 1, "again": 0, "rate_per_s": 1.0, "reason": "SAP is back"}
    ]


@pytest.mark.parametrize("actor", [OPERATOR, Actor("nobody", frozenset())])
def test_jobs_are_for_supervisors(session: Session, at: datetime, actor: Actor) -> None:
    dead_step(session, at)
    job_id = start(session, at)
    for act in (
        lambda: dry_run(session, actor, RETRY, at),
        lambda: start(session, at, actor=actor),
        lambda: pause_job(session, actor, job_id, "why", at),
        lambda: set_rate(session, actor, job_id, 2, at),
    ):
        with pytest.raises(Unauthorised):
            act()


def test_a_job_is_of_what_its_maker_may_see(session: Session, at: datetime) -> None:
    dead_step(session, at)
    mine = parked(session, at, connection="mall-h5")
    with pytest.raises(Conflict):
        start(session, at, actor=STRANGER)
    job_id = start_job(session, NEIGHBOUR, REPLAY, at, reason="bound", rate_per_s=1, connections=["mall-h5"])
    assert [one.thing_id for one in list_items(session, NEIGHBOUR, job_id).items] == [mine]
    assert job_of(session, job_id).shops == ("h5",)


def test_nobody_sees_or_turns_a_job_of_who_could_see_more(session: Session, at: datetime) -> None:
    dead_step(session, at)
    job_id = start(session, at)
    for actor in (STRANGER, NEIGHBOUR):
        assert not list_jobs(session, actor).jobs
        for act in (
            lambda actor=actor: get_job(session, actor, job_id),
            lambda actor=actor: list_items(session, actor, job_id),
            lambda actor=actor: stop_job(session, actor, job_id, "why", at),
            lambda actor=actor: set_rate(session, actor, job_id, 2, at),
        ):
            with pytest.raises(NotFound):
                act()


@pytest.mark.parametrize(
    ("reason", "rate", "confirm"), [(" ", 1, None), ("why", 0, None), ("why", 1e9, None), ("why", 1, 2)]
)
def test_a_job_needs_a_reason_a_rate_and_the_right_number(
    session: Session, at: datetime, reason: str, rate: float, confirm: int | None
) -> None:
    dead_step(session, at)
    with pytest.raises(Malformed):
        start_job(session, SUPERVISOR, RETRY, at, reason=reason, rate_per_s=rate, confirm=confirm)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -1.0])
def test_a_rate_that_is_no_number_is_refused(session: Session, at: datetime, rate: float) -> None:
    dead_step(session, at)
    with pytest.raises(Malformed):
        start(session, at, rate=rate)


def test_a_large_number_is_repeated_and_too_many_are_narrowed(
    session: Session, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        parked(session, at)
    monkeypatch.setattr(hub.replays, "TYPED_ABOVE", 2)
    with pytest.raises(Malformed, match="it is 3 now"):
        start(session, at, REPLAY)
    assert start_job(session, SUPERVISOR, REPLAY, at, reason="why", rate_per_s=1, confirm=3)
    monkeypatch.setattr(hub.replays, "MOST", 2)
    assert dry_run(session, SUPERVISOR, REPLAY, at).more
    with pytest.raises(Conflict, match="narrow the filter"):
        start(session, at, REPLAY)


def test_a_job_rests_goes_on_and_is_stopped(session: Session, at: datetime) -> None:
    for _ in range(3):
        parked(session, at)
    job_id = start(session, at, REPLAY)
    pause_job(session, SUPERVISOR, job_id, "SAP is busy", at)
    assert work_off(session, at + timedelta(hours=1)) == 0
    resume_job(session, SUPERVISOR, job_id, "SAP rests", at + timedelta(hours=1))
    assert work_off(session, at + timedelta(hours=1, seconds=2)) == 2
    stop_job(session, SUPERVISOR, job_id, "enough", at + timedelta(hours=2))
    assert counts(job_of(session, job_id)) == ("stopped", 1, 2, 0, 0)
    acts = ("replay.pause", "replay.resume", "replay.stop")
    assert [audited(session, act)[0]["reason"] for act in acts] == ["SAP is busy", "SAP rests", "enough"]


def test_a_job_that_has_ended_is_not_turned(session: Session, at: datetime) -> None:
    dead_step(session, at)
    job_id = start(session, at)
    with pytest.raises(Conflict):
        resume_job(session, SUPERVISOR, job_id, "it runs", at)
    work_off(session, at + timedelta(seconds=1))
    for act in (pause_job, resume_job, stop_job):
        with pytest.raises(Conflict, match="is done"):
            act(session, SUPERVISOR, job_id, "why", at)
    with pytest.raises(Conflict, match="is done"):
        set_rate(session, SUPERVISOR, job_id, 2, at)


def test_jobs_and_their_things_are_paged(session: Session, at: datetime) -> None:
    wanted = [parked(session, at) for _ in range(3)]
    jobs = [start(session, at, REPLAY.model_copy(update={"filter": Filter(ids=(one,))})) for one in wanted[:2]]
    first = list_jobs(session, SUPERVISOR, limit=1)
    assert ([one.id for one in first.jobs], first.next) == ([jobs[1]], jobs[1])
    assert [one.id for one in list_jobs(session, SUPERVISOR, before=first.next).jobs] == [jobs[0]]
    assert not list_jobs(session, SUPERVISOR, state="done").jobs
    large = start(session, at, REPLAY)
    assert [one.thing_id for one in list_items(session, SUPERVISOR, large, limit=1).items] == [wanted[2]]
    assert not list_items(session, SUPERVISOR, large, after=1).items
    assert not list_items(session, SUPERVISOR, large, state="done").items
