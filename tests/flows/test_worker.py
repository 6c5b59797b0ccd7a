import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from connectors.registry import Registry
from flows import engine as module
from flows import loops
from flows.worker import Worker
from hub.database import Database, row, run
from hub.inbox import keep
from hub.partitions import make_partitions
from sandbox.listen import serving
from sandbox.qimen import application
from sandbox.qimen_sites import Behaviour, Config, Site
from tests.hub.making import order, placed, stock
from tests.staging import encoded, order_of, secret_of, settings_in

WITHIN_S = 60


@pytest.fixture
def warehouse() -> Iterator[str]:
    site = Site(
        connection="wms-sh",
        app_key="wms-sh",
        secret=secret_of("wms-sh"),
        customer_id="wms-sh",
        webhook="http://127.0.0.1:9/closed",
        warehouses=("sh",),
    )
    with serving(application(Config(sites=(site,), behaviour=Behaviour(delay_s=(60, 60))))) as url:
        yield url


@pytest.fixture
def worker(database: Database, tmp_path: Path, warehouse: str) -> Worker:
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
        stock(session, {"sh": {"apple": 100}})
    settings = settings_in(tmp_path, wms=warehouse)
    return Worker(database, settings, Registry(settings))


def run_until(worker: Worker, done: Callable[[], bool]) -> None:
    """Let a worker work in a thread until something is so, then stop it and see it end."""
    thread = threading.Thread(target=worker.run)
    with capture_logs():
        thread.start()
        deadline = time.monotonic() + WITHIN_S
        while not done() and time.monotonic() < deadline:
            time.sleep(0.02)
        worker.stop()
        thread.join(WITHIN_S)
    assert not thread.is_alive()
    assert done()


def told(database: Database, statement: str) -> object:
    with database.transaction() as session:
        found = row(session, statement)
    return found[0] if found else None


def test_it_works_off_steps_and_inbox_and_stops(worker: Worker, database: Database) -> None:
    with database.transaction() as session:
        placed(session, order({"apple": 1}))
        keep(session, "mall-pc", "order", "1", encoded(order_of("T2")), datetime.now(UTC))
    submitted = "select count(*) from fulfilment_order where negotiation = 'submitted'"
    sealed = "select count(place) from audit_entry"
    run_until(worker, lambda: told(database, submitted) == 2 and told(database, sealed) == 2)


def test_a_step_that_a_dead_worker_left_is_taken_over(worker: Worker, database: Database) -> None:
    with database.transaction() as session:
        placed(session, order({"apple": 1}))
        run(
            session,
            "update step set state = 'in_flight', token = 1, run_at = :then",
            then=datetime.now(UTC) - timedelta(hours=1),
        )
    run_until(worker, lambda: told(database, "select negotiation from fulfilment_order") == "submitted")


def test_a_database_that_comes_back_is_worked_on_again(
    worker: Worker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, claim = iter([True] * 3), module.claim
    monkeypatch.setattr(loops, "OUTAGE_S", 0.05)

    def flicker(*arguments: object) -> object:
        if next(away, False):
            raise OperationalError("select 1", {}, Exception("gone"))
        return claim(*arguments)  # pyright: ignore[reportArgumentType] # what the worker hands on

    monkeypatch.setattr(module, "claim", flicker)
    with database.transaction() as session:
        placed(session, order({"apple": 1}))
    run_until(worker, lambda: told(database, "select negotiation from fulfilment_order") == "submitted")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_loop_ends_the_whole_worker(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "claim", None)
    with pytest.raises(SystemExit), capture_logs():
        worker.run()
