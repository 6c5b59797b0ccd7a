"""`oms chaos kill`: real processes are killed at random while a partner misbehaves, and a checker closes the run."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy.exc import OperationalError

from commands.massacre_ground import CONNECTIONS, Ground, ground
from commands.massacre_jobs import Feeder, jobs_of
from commands.massacre_verdict import Findings, extra_runs, restlessness, steps_of, verify
from commands.mode import Mode
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


class Kind(NamedTuple):
    """Something that is killed: its name among the figures, and in words."""

    figure: str
    zh: str
    en: str


KINDS: Final = {
    "worker": Kind("worker_kills", "工作进程", "worker"),
    "database": Kind("database_kills", "数据库", "database"),
    "broker": Kind("broker_kills", "消息队列", "broker"),
    "wipe": Kind("broker_wipes", "消息队列及其磁盘", "broker with its disk"),
}


def quota_of(mode: Mode, jobs: int) -> Counter[str]:
    """Say how many of each must be killed; the full count of workers is scaled down with the jobs."""
    full = 30 if mode is Mode.EMBEDDED else 60
    workers = max(LEAST_KILLS, round(full * min(1.0, jobs / FULL_JOBS)))
    quota = Counter({"worker": workers, "database": 3 if jobs >= FULL_JOBS else 1})
    return quota if mode is Mode.EMBEDDED else quota + Counter({"broker": 1, "wipe": 1})


def run_massacre(mode: Mode, jobs: int, seed: int, *, as_json: bool) -> int:
    """Kill at random while jobs are done, then check; gives 0 when nothing was lost, doubled or out of order.

    Raises: NeedsOperator when a broker is needed and there is none to start.
    """
    chance = random.Random(seed)  # noqa: S311 # moments of death, not secrets
    quota, toll = quota_of(mode, jobs), Counter[str]()
    began = time.monotonic()
    zh = "，".join(f"{KINDS[name].zh} {n} 次" for name, n in quota.items())
    en = ", ".join(f"{KINDS[name].en} {n}" for name, n in quota.items())
    say(f"混沌测试：{jobs} 个任务，种子 {seed}，强杀：{zh}", f"chaos run: {jobs} jobs, seed {seed}, kills: {en}")
    with ground(mode, seed) as place:
        feeder = Feeder(place.database, jobs_of(jobs, list(CONNECTIONS)), random.Random(seed))  # noqa: S311 # as above
        feeder.start()
        try:
            _kill(place, feeder, agenda_of(quota, chance), toll, chance)
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
        findings.note("nothing is left of what was killed", place.leftovers())
        findings.note("as much was killed as was wanted", list(quota - toll))
        figures = _figures(place, len(keys), findings, toll, time.monotonic() - began)
    for reason in findings.broken:
        say(f"[red]不成立[/] {reason}", f"[red]broken[/] {reason}")
    give(figures, as_json=as_json)
    return 1 if findings.broken else 0


def agenda_of(quota: Counter[str], chance: random.Random) -> list[str]:
    """Mix what is to be killed: each of the few others dies in a part of its own among the many workers."""
    agenda = ["worker"] * quota["worker"]
    others = [name for name, n in quota.items() if name != "worker" for _ in range(n)]
    chance.shuffle(others)
    part = quota["worker"] / max(1, len(others))
    for no in reversed(range(len(others))):
        agenda.insert(int((no + chance.random()) * part), others[no])
    return agenda


def _kill(place: Ground, feeder: Feeder, agenda: Sequence[str], toll: Counter[str], chance: random.Random) -> None:
    """Kill one after the other at random moments, and let more jobs in each time."""
    acts = {
        "worker": lambda: place.kill_worker(chance),
        "database": place.kill_database,
        "broker": lambda: place.kill_broker(wipe=False),
        "wipe": lambda: place.kill_broker(wipe=True),
    }
    feeder.raise_to(FIRST_SHARE)
    _wait_for_work(place)
    for no, what in enumerate(agenda, 1):
        _watch(place, chance.uniform(*GAP_S))
        acts[what]()
        toll[what] += 1
        feeder.raise_to(FIRST_SHARE + (1 - FIRST_SHARE) * no / len(agenda))
        if no % 10 == 0 or what != "worker":
            done, kind = len(place.brittle.books.executions), KINDS[what]
            say(
                f"{no}/{len(agenda)} 强杀{kind.zh}，已执行 {done}",
                f"{no} of {len(agenda)}: {kind.en} killed, {done} executed",
            )


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


def _figures(place: Ground, jobs: int, findings: Findings, toll: Counter[str], seconds: float) -> dict[str, Any]:
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
        **{kind.figure: toll[name] for name, kind in KINDS.items()},
        "seconds": round(seconds, 1),
    }
