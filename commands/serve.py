"""The long-running commands: api, console, worker, scheduler."""

import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
import uvicorn
from sqlalchemy.exc import OperationalError

from commands.assets import ensure_assets
from commands.door import serve
from commands.mode import Mode
from commands.reach import Reach, reached
from commands.screen import words
from connectors.registry import Registry
from flows.housekeeping import Rounds, chores
from flows.port import exposed, exposed_together
from flows.worker import Crew, Worker
from hub.errors import NeedsOperator
from hub.failpoints import arm_from_environment
from hub.log import start_logging
from hub.tokens import Tokens
from hub.tracing import start_tracing

_log = structlog.get_logger()


def serve_api() -> None:
    """Answer HTTP until told to stop."""
    arm_from_environment()
    with reached() as reach:
        os.environ["OMS_DATABASE_URL"] = reach.url
        config = uvicorn.Config(
            "api.app:create",
            factory=True,
            host=reach.settings.api_host,
            port=reach.settings.api_port,
            workers=reach.settings.api_processes,
            log_level="warning",
            access_log=False,
            loop="uvloop",
            http="httptools",
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=list(reach.settings.trusted_proxies),
        )
        serve(config)


def serve_console() -> None:
    """Serve the console until told to stop."""
    from dashboards.app import build as console  # noqa: PLC0415 # the worker starts sooner without it

    start_logging()
    ensure_assets()
    with reached() as reach:
        uvicorn.run(
            console(reach.settings, reach.database),
            host=reach.settings.api_host,
            port=reach.settings.console_port,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=list(reach.settings.trusted_proxies),
        )


def serve_worker(mode: Mode) -> None:
    """Run flows until told to stop; calls in flight are finished."""
    start_logging()
    arm_from_environment()
    expose = exposed_together if mode is Mode.CELERY else exposed
    with reached() as reach, expose(reach.settings.worker.metrics_port):
        crew = _celery_crew(reach) if mode is Mode.CELERY else None
        worker = Worker(reach.database, reach.settings, Registry(reach.settings, Tokens(reach.database)), crew)
        _on_end(worker.stop)
        start_tracing(reach.settings.telemetry, "oms-worker")
        worker.run()


def _celery_crew(reach: Reach) -> Crew:
    """Relay wake-ups to the broker, to a pool of processes beside this one.

    Raises: NeedsOperator when no broker is named.
    """
    from commands.pool import CeleryCrew, Pool  # noqa: PLC0415 # the embedded worker needs no Celery

    if not reach.settings.broker_url:
        raise NeedsOperator(
            words(
                "--mode celery 需要消息队列：请设置 broker_url 或 OMS_BROKER_URL（amqp://…）",
                "--mode celery needs a broker: set broker_url or OMS_BROKER_URL (amqp://…)",
            ),
            code="broker_missing",
        )
    return CeleryCrew(reach.database, reach.settings, Pool(reach.url, reach.settings))


def serve_scheduler() -> None:
    """Do the chores until told to stop; a worker does them too, and both at once do no harm."""
    start_logging()
    stop = threading.Event()
    _on_end(stop.set)
    with reached() as reach:
        rounds = Rounds(reach.database, chores(reach.settings), lambda: datetime.now(UTC))
        while not stop.wait(0.5):
            try:
                rounds.go()
            except OperationalError as error:
                _log.warning("scheduler.database_away", error=type(error.orig).__name__)


def _on_end(stop: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop())
