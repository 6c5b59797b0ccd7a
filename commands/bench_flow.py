"""How many steps a second the engine runs, how soon it starts one, and what a backlog costs it.

The reference is the bare SQL of the same run: claim and complete the same rows of the same table in the same batches,
with nothing called, prepared, promoted or kept.
"""

import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, final

import psycopg
import structlog
from sqlalchemy.orm import Session

from commands.bench_ground import Ground, ground
from commands.screen import give, say
from connectors.transport.http import Call, HttpApi
from flows.claim import Terms, claim
from flows.dispatch import Dispatcher
from flows.effect import Claimed, Effect
from flows.engine import WALL, Engine
from flows.loops import Loops
from hub.database import Database, row, run
from hub.errors import HubError, NotFound
from hub.settings import ROOT, Http, Settings
from hub.steps import NewStep, add

CONNECTIONS: Final = 8
BATCH: Final = 256
LOOKS: Final = 300
CLAIMED: Final = 50
DUE: Final = LOOKS * CLAIMED * 2
"""Of the table with little in it; its partners are those of the loaded one, for each partner's queue is looked at."""
RINGS: Final = 200
THREADS: Final = 8
TURNS: Final = 3
"""Each is measured so often, and its best turn counts."""

FILL: Final = """
    insert into step (flow, lane, connection, idempotency_key, subject, traceparent, state, run_at, attempts, token,
                      doubt, unheard, last_error, created_at)
    select 'noop', :kind || '-' || n, :kind || n % :names, :kind || :key || '-' || n, '{}', '', :state,
           :at, 0, 0, false, 0, '', :at
    from generate_series(1, cast(:count as bigint)) n"""
BARE_CLAIM: Final = b"""
    update step set state = 'in_flight', token = token + 1, attempts = attempts + 1, lease_until = %s, run_at = %s
    where id in (select id from step where state in ('pending', 'unknown', 'in_flight') and connection = %s
                   and run_at <= %s order by connection, run_at, id limit %s for update skip locked) returning id"""
BARE_DONE: Final = b"update step set state = 'done', lease_until = null, settled_at = %s where id = any(%s)"


@final
class Noop:
    """A flow whose partner does nothing, at once."""

    flow: str = "noop"
    subject: type = dict
    alone: bool = False

    def __init__(self) -> None:
        self.started: dict[str, float] = {}

    def prepare(self, session: Session, step: Claimed, at: datetime) -> str:  # noqa: ARG002 # the port's shape
        return step.idempotency_key

    def call(self, partner: Any, request: str) -> bool:  # noqa: ANN401 # the partner of this run
        self.started[request] = time.monotonic()
        partner(request)
        return True

    def ask(self, partner: Any, request: str) -> Any | None:  # noqa: ANN401 # as above
        return self.call(partner, request)

    def settle(self, session: Session, step: Claimed, answer: bool, at: datetime) -> None:  # noqa: FBT001 # as above
        """Nothing follows."""

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """Nothing follows."""


@final
class Partners:
    """One partner under many names."""

    def __init__(self, partner: Any) -> None:  # noqa: ANN401 # whatever is called
        self._partner = partner

    def get(self, connection: str) -> object:
        if not connection:
            raise NotFound("a step without a connection")
        return self._partner

    def names(self) -> Sequence[str]:
        return ()


def run_bench(steps: int, backlog: int, parked: int, *, as_json: bool) -> int:
    """Measure everything once and print it."""
    # A line for each step would measure the terminal.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with ground() as place:
        say("流程引擎基准：裸 SQL 参照", "the flow engine: bare SQL as the reference")
        sql = max(_bare(place, steps) for _ in range(TURNS))
        say("进程内调用", "calls in-process")
        ours = max(_throughput(place, steps, _nothing) for _ in range(TURNS))
        say("真实 HTTP 调用", "real HTTP calls")
        with _nodding() as url:
            http = _throughput(place, max(1_000, steps // 5), _over_http(url))
        say("唤醒延迟", "from wake-up to start")
        wake_ms = _wake(place)
        say("积压与挂起泳道", "a backlog, and parked lanes")
        backlog_slowdown, parked_slowdown = _backlog(place, backlog), _parked(place, parked)
    found = {
        "steps_per_s": round(ours),
        "sql_per_s": round(sql),
        "ratio_to_sql": round(ours / sql, 3),
        "http_steps_per_s": round(http),
        "wake_p99_ms": round(wake_ms, 1),
        "backlog_slowdown": round(backlog_slowdown, 3),
        "parked_slowdown": round(parked_slowdown, 3),
    }
    give(found, as_json=as_json)
    return 0


def _bare(place: Ground, steps: int) -> float:
    """Claim and complete by SQL alone, as fast as one connection can; give steps a second."""
    with place.database() as database:
        _fill(database, "due", steps)
        with psycopg.connect(database.url) as connection:
            started = time.monotonic()
            for name in (f"due{no}" for no in range(CONNECTIONS)):
                while ids := _bare_claim(connection, name):
                    connection.execute(BARE_DONE, (datetime.now(UTC), ids))
                    connection.commit()
            return steps / (time.monotonic() - started)


def _bare_claim(connection: psycopg.Connection, name: str) -> list[int]:
    now = datetime.now(UTC)
    until = now + timedelta(seconds=30)
    ids = [one[0] for one in connection.execute(BARE_CLAIM, (until, until, name, now, BATCH))]
    connection.commit()
    return ids


def _throughput(place: Ground, steps: int, partner: Any) -> float:  # noqa: ANN401 # whatever is called
    """Let the embedded dispatcher work off steps that are due; give steps a second."""
    with place.database() as database:
        _fill(database, "due", steps)
        started = time.monotonic()
        with _working(database, Noop(), partner):
            while _left(database):
                time.sleep(0.05)
            return steps / (time.monotonic() - started)


def _wake(place: Ground) -> float:
    """Give the 99th percentile from a step's commit to its call, in milliseconds, one at a time."""
    effect = Noop()
    with place.database() as database, _working(database, effect, _nothing):
        time.sleep(1)
        added: dict[str, float] = {}
        for no in range(RINGS):
            with database.transaction() as session:
                add(session, [NewStep("noop", f"l{no}", "due1", f"k{no}", None, {})], datetime.now(UTC))
            added[f"k{no}"] = time.monotonic()
            time.sleep(0.02)
        while _left(database):
            time.sleep(0.05)
    waits = [(effect.started[key] - at) * 1000 for key, at in added.items()]
    return statistics.quantiles(waits, n=100)[98]


def _backlog(place: Ground, many: int) -> float:
    """Give by how much a backlog slows claiming."""
    with place.database() as plain, place.database() as deep:
        _fill(plain, "backlog", DUE, early=timedelta(hours=-1))
        _fill(deep, "backlog", many, early=timedelta(hours=-1))
        return _slowdown(plain, deep)


def _parked(place: Ground, many: int) -> float:
    """Give by how much lanes that are parked behind dead steps slow claiming."""
    with place.database() as plain, place.database() as stuck:
        _fill(stuck, "stuck", many, state="dead")
        _fill(stuck, "stuck", many, state="waiting", key="behind")
        return _slowdown(plain, stuck)


def _slowdown(plain: Database, loaded: Database) -> float:
    """Claim by turns from a table with little in it and a loaded one, nothing else in the server's memory."""
    for database in (plain, loaded):
        _fill(database, "due", DUE)
        _tidy(database)
    took: dict[Database, list[float]] = {plain: [], loaded: []}
    for _ in range(LOOKS):
        for database, seconds in took.items():
            seconds.append(_claim_s(database))
    return statistics.median(took[loaded]) / statistics.median(took[plain]) - 1


def _claim_s(database: Database) -> float:
    """Claim as a worker does, and give the seconds that it took, commit included."""
    terms = Terms(timedelta(minutes=10), timedelta(seconds=2), cap=CLAIMED)
    started = time.monotonic()
    with database.transaction() as session:
        claim(session, CLAIMED, datetime.now(UTC), 0, terms)
    return time.monotonic() - started


@contextmanager
def _working(database: Database, effect: Effect, partner: Any) -> Generator[None]:  # noqa: ANN401 # whatever is called
    """Let an embedded dispatcher work meanwhile, woken as a worker's is."""
    settings = Settings()
    engine = Engine(database, Partners(partner), {effect.flow: effect}, settings, WALL)
    dispatcher = Dispatcher(engine, THREADS, BATCH, time.monotonic)
    loops = Loops(database.url, settings.worker.poll_s)
    dispatcher.start(loops.add("dispatch", dispatcher.go, bell=True))
    loops.start()
    yield
    loops.stop()
    loops.join()
    dispatcher.close()


@contextmanager
def _nodding() -> Generator[str]:
    """Run a partner that says yes in a process of its own, and give its address."""
    words = [sys.executable, "-P", "-m", "sandbox.nod"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 # our own program
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _fill(
    database: Database, kind: str, many: int, *, state: str = "pending", key: str = "", early: timedelta = timedelta()
) -> None:
    """Write steps that are due, each in a lane of its own unless it stands behind another's."""
    with database.transaction() as session:
        run(session, FILL, kind=kind, key=key, count=many, state=state, at=datetime.now(UTC) + early, names=CONNECTIONS)


def _tidy(database: Database) -> None:
    """Let statistics and visibility be what autovacuum would have made of them."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(b"vacuum analyze step")


def _left(database: Database) -> bool:
    """Say whether anything is still open; counting it would take from what is measured."""
    with database.transaction() as session:
        return row(session, "select 1 from step where state in ('pending', 'in_flight', 'unknown') limit 1") is not None


def _nothing(_request: str) -> None:
    """Do nothing, at once."""


def _over_http(url: str) -> Any:  # noqa: ANN401 # whatever is called
    api = HttpApi(Http(), lambda call: call)

    def send(request: str) -> None:
        api.send(Call("POST", f"{url}/calls", body=request.encode()))

    return send
