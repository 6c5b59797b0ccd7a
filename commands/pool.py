"""The pool of processes that run steps under Celery: how the worker starts and watches it, and what it does inside."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

import structlog
from celery import signals  # pyright: ignore[reportMissingTypeStubs] # Celery has none
from celery.apps.worker import Worker as CeleryWorker  # pyright: ignore[reportMissingTypeStubs] # as above
from opentelemetry.trace import SpanKind

from commands.reach import configured
from connectors.registry import Registry
from flows.broker import STEPS, TASK, Publisher, application, queue_names
from flows.engine import WALL
from flows.listing import effects
from flows.pool import Hand, read_ids
from flows.relay import Relay
from hub.database import Database
from hub.failpoints import arm_from_environment
from hub.keyring import Keyring
from hub.log import start_logging
from hub.settings import ROOT, Settings
from hub.tokens import Tokens
from hub.tracing import HEADER, span, start_tracing, stop_tracing

POOL: Final = ("commands", "pool")
"""The module to run as the pool, and its arguments."""

MOST_STARTS: Final = 5
WITHIN_S: Final = 60.0
"""A pool that dies more often than this does not only have bad luck."""

_log = structlog.get_logger()


class Pool:
    """The pool's main process, as a child of the worker: it ends when the worker does, however that ends."""

    def __init__(self, database_url: str, settings: Settings, command: Sequence[str] = POOL) -> None:
        self._command = [sys.executable, "-m", *command]
        self._environment = {**os.environ, "OMS_DATABASE_URL": database_url}
        self._patience_s = settings.http.connect_s + 2 * settings.http.read_s + 10
        self._starts: deque[float] = deque(maxlen=MOST_STARTS)
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._starts.append(monotonic())
        self._child = subprocess.Popen(  # noqa: S603 # our own program
            self._command, cwd=ROOT, env=self._environment, stdin=subprocess.PIPE
        )

    def look(self) -> None:
        """Start the pool again if it has died.

        Raises: RuntimeError when it keeps dying.
        """
        code = self._child.poll() if self._child else None
        if code is None:
            return
        _log.error("pool.died", code=code)
        if len(self._starts) == MOST_STARTS and monotonic() - self._starts[0] < WITHIN_S:
            raise RuntimeError(f"the pool died {MOST_STARTS} times within {WITHIN_S:g} s")
        self.start()

    def close(self) -> None:
        """Have it finish what is in flight, and end it."""
        child = self._child
        if child is None:
            return
        if child.stdin:
            child.stdin.close()
        try:
            child.wait(self._patience_s)
        except subprocess.TimeoutExpired:
            _log.error("pool.stuck")
            child.kill()
            child.wait()


class CeleryCrew:
    """Runs steps by a relay in this process and a pool beside it."""

    def __init__(self, database: Database, settings: Settings, pool: Pool) -> None:
        self._relay = Relay(database, settings, Publisher(settings), WALL)
        self._pool = pool

    def start(self, ring: Callable[[], None]) -> None:  # noqa: ARG002 # the relay is woken by the database's bell
        self._pool.start()

    def go(self) -> int:
        self._pool.look()
        return self._relay.go()

    def close(self) -> None:
        self._relay.close()
        self._pool.close()


def make_hand(settings: Settings) -> Hand:
    """Make what one process of the pool works with, after the fork: no connection is shared."""
    database = Database(
        settings.database_url, Keyring.read(settings.secret("keyring")), connections=settings.worker.threads + 4
    )
    return Hand(database, settings, Registry(settings, Tokens(database)), effects(settings))


def serve_pool(make: Callable[[Settings], Hand] = make_hand) -> None:
    """Work off wake-ups until told to stop, or until whoever started this process has died."""
    start_logging()
    arm_from_environment()
    settings = configured()
    app: Any = application(settings)
    hands: list[Hand] = []

    def begin(**_: object) -> None:
        hands.append(make(settings))
        start_tracing(settings.telemetry, "oms-worker")
        hands[0].start()

    def end(**_: object) -> None:
        for hand in hands:
            hand.close()
        stop_tracing()

    def run_steps(task: Any, told: object) -> None:  # noqa: ANN401 # Celery has no types
        with span("steps.wake", str(task.request.get(HEADER) or ""), SpanKind.CONSUMER):
            hands[0].wake(read_ids(told))

    app.task(name=TASK, bind=True)(run_steps)
    celery: Any = signals
    celery.setup_logging.connect(_log_as_we_do, weak=False)
    celery.worker_process_init.connect(begin, weak=False)
    celery.worker_process_shutdown.connect(end, weak=False)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    worker: Any = CeleryWorker(
        app=app,
        hostname=f"{STEPS}@%h",
        pool="prefork",
        concurrency=settings.worker.processes,
        queues=queue_names(),
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    worker.start()
    sys.exit(worker.exitcode)


def _end_with_parent() -> None:
    """Wait for the end of standard input, which the parent holds open as long as it lives."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


class _Forward(logging.Handler):
    """Hands Celery's own log lines to ours: their templates only, for a stranger's message might hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        text = str(record.msg).strip().partition("\n")[0]
        _log.log(record.levelno, "celery", source=record.name, text=text, error=error)


def _log_as_we_do(**_: object) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_Forward()]
    root.setLevel(logging.WARNING)
