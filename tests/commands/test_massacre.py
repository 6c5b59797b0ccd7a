"""Chaos runs, small ones, and that their checker sees what they are for."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from commands import rabbit
from commands.massacre import agenda_of, quota_of, run_massacre
from commands.massacre_jobs import jobs_of
from commands.massacre_verdict import Findings, StepRow, extra_runs, weigh
from commands.mode import Mode
from hub.errors import NeedsOperator
from sandbox.brittle import Books, Execution
from tests.brokers import NEEDS_RABBIT
from tests.scale import count

SEED = 7
KEYS = ("a1", "a2", "b1")
STEPS = tuple(StepRow(no, key, key[0], "done", 1) for no, key in enumerate(KEYS, 1))


def judged(executed: Sequence[str], steps: Sequence[StepRow] = STEPS, accepted: Sequence[str] = KEYS) -> Findings:
    books = Books(executions=[Execution(key, key[0]) for key in executed])
    return weigh(accepted, steps, books)


def counts(findings: Findings) -> tuple[int, int, int]:
    return findings.lost, findings.doubled, findings.out_of_order


def ran(mode: Mode, jobs: int, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = run_massacre(mode, jobs, SEED, as_json=True)
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_run_in_which_all_is_well_has_no_findings() -> None:
    assert judged(["b1", "a1", "a2"]) == Findings()


def test_a_planted_double_is_seen() -> None:
    assert counts(judged(["a1", "a2", "b1", "a1"])) == (0, 1, 1)
    assert counts(judged(["a1", "a1", "a2", "b1"])) == (0, 1, 0)


def test_what_the_partner_lacks_is_lost() -> None:
    findings = judged(["a1", "b1"])
    assert counts(findings) == (1, 0, 0)
    assert findings.broken == ["what is done was executed: 1, e.g. a2"]


@pytest.mark.parametrize("state", ["dead", "pending", "cancelled"])
def test_what_is_not_done_is_lost(state: str) -> None:
    assert counts(judged(["a1", "a2"], [*STEPS[:2], STEPS[2]._replace(state=state)])) == (1, 0, 0)


def test_an_accepted_job_without_a_step_is_lost() -> None:
    assert counts(judged(["a1", "a2"], STEPS[:2])) == (1, 0, 0)


def test_an_overtaking_in_a_lane_is_seen_and_one_between_lanes_is_none() -> None:
    assert counts(judged(["b1", "a2", "a1"])) == (0, 0, 1)


def test_an_execution_that_nobody_asked_for_is_seen() -> None:
    assert judged(["a1", "a2", "b1", "c1"]).broken == ["only what is known was executed: 1, e.g. c1"]


def test_a_job_that_became_two_steps_is_seen() -> None:
    assert judged(KEYS, [*STEPS, STEPS[2]._replace(id=9)]).broken == ["a job is one step: 1, e.g. b1"]


def test_extra_runs_are_calls_beyond_the_first_that_executed_nothing_new() -> None:
    twice = [Execution("a1", "a"), Execution("a1", "a")]
    assert extra_runs(Books(executions=twice, calls=Counter({"a1": 4, "a2": 1}))) == 2


def test_jobs_of_a_lane_come_in_order_and_are_as_many_as_are_wanted() -> None:
    jobs = jobs_of(23, ["p", "q"])
    assert len({job.key for job in jobs}) == len(jobs) == 23
    places = {lane: [job.place for job in jobs if job.lane == lane] for lane in range(5)}
    assert all(one == sorted(one) for one in places.values())


def test_the_kills_are_scaled_down_with_the_jobs() -> None:
    assert quota_of(Mode.EMBEDDED, 2_000) == Counter(worker=30, database=3)
    assert quota_of(Mode.EMBEDDED, 100) == Counter(worker=3, database=1)
    assert quota_of(Mode.CELERY, 2_000) == Counter(worker=60, database=3, broker=1, wipe=1)


def test_everything_that_is_to_be_killed_is_on_the_agenda() -> None:
    quota = quota_of(Mode.CELERY, 2_000)
    assert Counter(agenda_of(quota, random.Random(1))) == quota  # noqa: S311 # moments of death, not secrets


def test_embedded_workers_and_the_database_die_without_a_loss(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = count(200, 2_000)
    code, figures = ran(Mode.EMBEDDED, jobs, capsys)
    assert (code, figures["jobs"]) == (0, jobs)
    assert (figures["lost"], figures["doubled"], figures["out_of_order"]) == (0, 0, 0)
    assert figures["worker_kills"] >= count(3, 30)
    assert figures["database_kills"] == count(1, 3)


@NEEDS_RABBIT
def test_celery_workers_the_database_and_the_broker_die_without_a_loss(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = count(200, 2_000)
    code, figures = ran(Mode.CELERY, jobs, capsys)
    assert (code, figures["jobs"]) == (0, jobs)
    assert (figures["lost"], figures["doubled"], figures["out_of_order"]) == (0, 0, 0)
    assert figures["worker_kills"] >= count(6, 60)
    assert (figures["broker_kills"], figures["broker_wipes"]) == (1, 1)


def test_without_a_broker_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rabbit, "find_server", lambda: None)
    with pytest.raises(NeedsOperator, match="apt-get install rabbitmq-server"):
        run_massacre(Mode.CELERY, 10, SEED, as_json=True)
