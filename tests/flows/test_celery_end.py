"""How the processes of a worker by Celery end while calls are in flight."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final, final

import psutil
import pytest
from fastapi import Request, Response

from commands.rabbit import Rabbit
from hub.database import Database
from sandbox.listen import serving
from tests.brokers import NEEDS_RABBIT
from tests.flows.celery_station import Station, made, place_some, pool_of, warehouse_application

pytestmark = NEEDS_RABBIT

IN_FLIGHT: Final = "select count(*) from step where state = 'in_flight'"
SENT_ONCE: Final = "select count(*) from fulfilment_order where negotiation = 'submitted'"
READ_S: Final = 30


@final
class Door:
    """Keeps a partner's answers until it is opened, and counts who has come."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.came = 0

    async def hold(self, request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        self.came += 1
        await asyncio.to_thread(self.opened.wait)
        return await answer(request)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    with Rabbit(tmp_path_factory.mktemp("rabbit")) as rabbit:
        yield rabbit


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def station(database: Database, tmp_path: Path, broker: Rabbit, door: Door) -> Iterator[Station]:
    application = warehouse_application()
    application.middleware("http")(door.hold)
    with serving(application) as url:
        address = f"{url}/router"
        yield made(database, tmp_path, broker, {"wms-sh": address, "wms-bj": address}, READ_S)
        door.opened.set()


def test_a_worker_that_is_told_to_end_finishes_its_calls(station: Station, door: Door) -> None:
    place_some(station, 1)
    with station.worker() as worker:
        station.wait_for(lambda: door.came)
        worker.terminate()
        (main,) = worker.children()
        station.wait_for(lambda: "Warm shutdown" in station.log())
        door.opened.set()
        assert worker.wait(60) == 0
        assert not main.is_running()
    assert (station.told(SENT_ONCE), door.came) == (1, 1)


def test_a_pool_whose_worker_was_killed_finishes_its_calls(station: Station, door: Door) -> None:
    place_some(station, 1)
    with station.worker() as worker:
        station.wait_for(lambda: door.came)
        family = worker.children(recursive=True)
        worker.kill()
        station.wait_for(lambda: "Warm shutdown" in station.log())
        door.opened.set()
        assert not psutil.wait_procs(family, timeout=60)[1]
    assert (station.told(SENT_ONCE), door.came) == (1, 1)


def test_a_pool_process_that_is_told_to_end_finishes_its_calls_and_another_takes_its_place(
    station: Station, door: Door
) -> None:
    place_some(station, 1)
    with station.worker() as worker:
        station.wait_for(lambda: door.came)
        hands = pool_of(worker)
        for hand in hands:
            hand.terminate()
        door.opened.set()
        station.wait_for(lambda: station.told(SENT_ONCE) == 1)
        assert not psutil.wait_procs(hands, timeout=60)[1]
        place_some(station, 1, name="N")
        station.wait_for(lambda: station.told(SENT_ONCE) == 2)
    assert door.came == 2
