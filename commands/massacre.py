"""`oms chaos kill`: real processes are killed at random while a partner misbehaves, and a checker closes the run."""

import random
import time
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.exc import OperationalError

from commands.chaos import Mode
from commands.massacre_ground import CONNECTIONS, Ground, ground
from commands.massacre_jobs import Feeder, jobs_of
from commands.massacre_verdict import Findings, extra_runs, restlessness, steps_of, verify
from commands.screen import give, say
from hub.database import row

FULL_JOBS: Final = 2_000
LEAST_KILLS: Final = 3
FIRST_SHARE: Final = 0.2
"""How much of the jobs is there before anything is killed; the rest comes with the kills."""

GAP_S: Final = (0.3, 1.6)
"""Between two kills."""

LOOK_S: Final = 0.05
PATIENCE_S: Final = 120
"""How long nothing may move before the run counts as stuck."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How many of each must be killed."""

    workers: int
    database: int

    @classmethod
    def of(cls, mode: Mode, jobs: int) -> "Quota":
        """Scale the full count of kills down with the jobs."""
        share = min(1.0, jobs / FULL_JOBS)
        full = 30 if mode is Mode.EMBEDDED else 60
        return cls(max(LEAST_KILLS, round(full * share)), 3 if jobs >= FULL_JOBS else 1)


@dataclass
class Toll:
    """What was killed so far."""

    worker_kills: int = 0
    database_kills: int = 0
    broker_kills: int = 0
    broker_wipes: int = 0


def run_massacre(mode: Mode, jobs: int, seed: int, *, as_json: bool) -> int:
    """Kill at random while jobs are done, then check; gives 0 when nothing was lost, doubled or out of order."""
    chance = random.Random(seed)  # noqa: S311 # moments of death, not secrets
    quota, toll = Quota.of(mode, jobs), Toll()
    began = time.monotonic()
    say(
        f"混沌测试：{jobs} 个任务，{quota.workers} 次强杀工作进程，{quota.database} 次强杀数据库，种子 {seed}",
        f"chaos run: {jobs} jobs, {quota.workers} kills of workers, {quota.database} of the database, seed {seed}",
    )
    with ground(mode, seed) as place:
        feeder = Feeder(place.database, jobs_of(jobs, list(CONNECTIONS)), random.Random(seed))  # noqa: S311 # as above
        feeder.start()
        try:
            _kill(place, feeder, quota, toll, chance)
            place.brittle.calm_down()
            say("故障停止，等待全部完成", "the faults have stopped; waiting until all is done")
            quiet = _wait_until_quiet(place, feeder)
        finally:
            feeder.stop()
        keys = [job.key for job in feeder.jobs[: feeder.accepted]]
        with place.database.transaction() as session:
            findings = verify(session, keys, place.brittle.books)
        findings.note("nothing is under way any more", [] if quiet else ["it was still"])
        findings.note("no worker ends by itself", place.ended_by_themselves)
        figures = _figures(place, len(keys), findings, toll, time.monotonic() - began)
    return _report(figures, findings, quota, toll, as_json=as_json)


def _kill(place: Ground, feeder: Feeder, quota: Quota, toll: Toll, chance: random.Random) -> None:
    """Kill one after the other at random moments, and let more jobs in each time."""
    agenda = _agenda(quota, chance)
    feeder.raise_to(FIRST_SHARE)
    _wait_for_work(place)
    for no, what in enumerate(agenda, 1):
        _watch(place, chance.uniform(*GAP_S))
        if what == "database":
            place.kill_database()
            toll.database_kills += 1
        else:
            place.kill_worker(chance)
            toll.worker_kills += 1
        feeder.raise_to(FIRST_SHARE + (1 - FIRST_SHARE) * no / len(agenda))
        if no % 10 == 0 or what == "database":
            done = len(place.brittle.books.executions)
            say(f"已强杀 {no}/{len(agenda)}，已执行 {done}", f"{no} of {len(agenda)} killed, {done} executed")


def _agenda(quota: Quota, chance: random.Random) -> list[str]:
    """Mix what is to be killed; the database dies with work before and behind it."""
    agenda = ["worker"] * quota.workers
    for no in range(quota.database):
        third = len(agenda) // quota.database
        agenda.insert(no * third + chance.randint(1, max(1, third - 1)), "database")
    return agenda


def _wait_for_work(place: Ground) -> None:
    """Wait until the workers have found their feet: a kill of what does nothing yet proves nothing."""
    until = time.monotonic() + PATIENCE_S
    while not place.brittle.books.executions and time.monotonic() < until:
        _watch(place, LOOK_S)


def _watch(place: Ground, seconds: float) -> None:
    """Let time pass, with an eye on the workers."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        place.look_after_workers()
        time.sleep(LOOK_S)


def _wait_until_quiet(place: Ground, feeder: Feeder) -> bool:
    """Wait until nothing is under way; False when nothing has moved for too long."""
    last: object = None
    moved = time.monotonic()
    while time.monotonic() - moved < PATIENCE_S:
        place.look_after_workers()
        try:
            with place.database.transaction() as session:
                left = restlessness(session)
        except OperationalError:  # the last kill may have been the database's
            time.sleep(LOOK_S)
            continue
        if feeder.ended and not any(left) and not place.brittle.landing:
            return True
        now = (left, feeder.accepted, len(place.brittle.books.executions))
        if now != last:
            last, moved = now, time.monotonic()
        time.sleep(LOOK_S * 4)
    return False


def _figures(place: Ground, jobs: int, findings: Findings, toll: Toll, seconds: float) -> dict[str, Any]:
    books = place.brittle.books
    with place.database.transaction() as session:
        claims = sum(step.token for step in steps_of(session))
        heard = row(session, "select count(*) as n from attempt")
    return {
        "jobs": jobs,
        "lost": findings.lost,
        "doubled": findings.doubled,
        "out_of_order": findings.out_of_order,
        "extra_runs": extra_runs(books),
        "repeats": books.repeats,
        "abandoned": claims - (heard.n if heard else 0),
        "troubles": sum(books.met.values()),
        "expired": books.expired,
        "worker_kills": toll.worker_kills,
        "database_kills": toll.database_kills,
        "broker_kills": toll.broker_kills,
        "broker_wipes": toll.broker_wipes,
        "seconds": round(seconds, 1),
    }


def _report(figures: dict[str, Any], findings: Findings, quota: Quota, toll: Toll, *, as_json: bool) -> int:
    for reason in findings.broken:
        say(f"[red]不成立[/] {reason}", f"[red]broken[/] {reason}")
    enough = toll.worker_kills >= quota.workers and toll.database_kills >= quota.database
    give(figures, as_json=as_json)
    return 0 if enough and not findings.broken else 1
