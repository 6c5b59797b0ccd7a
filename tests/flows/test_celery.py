"""Steps by Celery: the real worker and its pool, with a real RabbitMQ that may be killed and wiped."""

import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from kombu.connection import Connection
from kombu.entity import Exchange
from kombu.messaging import Producer

from commands.rabbit import Rabbit
from flows.broker import DEAD, STEPS, TASK, Publisher, WakeUp
from hub.database import Database
from hub.settings import Settings
from sandbox.listen import serving
from tests.brokers import NEEDS_RABBIT
from tests.flows.celery_station import Station, made, place_some, pool_of, warehouse_application

pytestmark = NEEDS_RABBIT

DONE: Final = "select count(*) from fulfilment_order where negotiation = 'submitted'"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    with Rabbit(tmp_path_factory.mktemp("rabbit")) as rabbit:
        yield rabbit


@pytest.fixture
def warehouses() -> Iterator[str]:
    with serving(warehouse_application()) as url:
        yield f"{url}/router"


@pytest.fixture
def station(database: Database, tmp_path: Path, broker: Rabbit, warehouses: str) -> Station:
    return made(database, tmp_path, broker, {"wms-sh": warehouses, "wms-bj": warehouses})


@contextmanager
def silence() -> Generator[str]:
    """Listen as a partner that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/router"


def test_steps_are_done_and_a_worker_that_is_told_to_end_leaves_nobody_behind(station: Station) -> None:
    place_some(station, 20)
    with station.worker() as worker:
        station.wait_for(lambda: station.told(DONE) == 20)
        family = worker.children(recursive=True)
        worker.terminate()
        assert worker.wait(60) == 0
        assert len(family) == 3
        assert not any(one.is_running() for one in family)


def test_what_the_pool_cannot_read_ends_among_the_dead_and_harms_nobody(station: Station, broker: Rabbit) -> None:
    publisher = Publisher(Settings(broker_url=broker.url))
    publisher.publish(WakeUp("other", [999], {}))
    publisher.close()
    with Connection(broker.url) as connection:
        producer: Any = Producer(connection, Exchange(STEPS, passive=True), "warehouses")
        for task in (TASK, "another.task"):
            headers = {"task": task, "id": task, "lang": "py", "argsrepr": "", "kwargsrepr": ""}
            producer.publish([["one"], {}, {}], serializer="json", headers=headers)
        producer.publish(b"{", content_type="application/json", content_encoding="utf-8")
        producer.publish(b"gASVAQAAAAAAAAAu", content_type="application/x-python-serialize", content_encoding="binary")
        place_some(station, 1)
        with station.worker():
            station.wait_for(lambda: station.told(DONE) == 1)
            dead: Any = connection.default_channel
            station.wait_for(lambda: dead.queue_declare(DEAD, passive=True).message_count == 2)
            assert dead.queue_declare(f"{STEPS}.warehouses", passive=True).message_count == 0


def test_a_pool_whose_worker_was_killed_ends_by_itself(station: Station) -> None:
    place_some(station, 1)
    with station.worker() as worker:
        station.wait_for(lambda: station.told(DONE) == 1)
        family = worker.children(recursive=True)
        worker.kill()
        gone, alive = psutil.wait_procs(family, timeout=60)
        assert len(gone) == 3
        assert not alive


def test_a_pool_that_was_killed_is_started_again(station: Station) -> None:
    with station.worker() as worker:
        station.wait_for(lambda: pool_of(worker))
        (main,) = worker.children()
        main.kill()
        place_some(station, 3)
        station.wait_for(lambda: station.told(DONE) == 3)
        worker.terminate()
        assert worker.wait(60) == 0


def test_steps_are_done_after_a_broker_came_back_and_after_one_came_back_without_its_disk(
    station: Station, broker: Rabbit
) -> None:
    with station.worker():
        place_some(station, 3, name="before")
        station.wait_for(lambda: station.told(DONE) == 3)
        broker.kill()
        place_some(station, 3, name="killed")
        broker.start()
        station.wait_for(lambda: station.told(DONE) == 6)
        broker.wipe()
        place_some(station, 3, name="wiped")
        broker.start()
        station.wait_for(lambda: station.told(DONE) == 9)
        assert station.log().count("relay.broker_away") == 2


def test_what_a_killed_process_had_in_flight_is_sent_again_after_its_lease(
    database: Database, tmp_path: Path, broker: Rabbit, warehouses: str
) -> None:
    with silence() as nowhere:
        station = made(database, tmp_path, broker, {"wms-sh": warehouses, "wms-bj": nowhere})
        place_some(station, 1, "pear")
        with station.worker() as worker:
            station.wait_for(lambda: station.told("select count(*) from step where state = 'in_flight'") == 1)
            for hand in pool_of(worker):
                hand.kill()
            station.wait_for(lambda: station.told("select max(unheard) from step") == 1)


def test_partners_that_never_answer_hold_up_nobody(
    database: Database, tmp_path: Path, broker: Rabbit, warehouses: str
) -> None:
    with silence() as nowhere:
        station = made(database, tmp_path, broker, {"wms-sh": warehouses, "wms-bj": nowhere}, read_s=120)
        place_some(station, 40, "pear", "N")
        with station.worker():
            station.wait_for(lambda: station.told("select count(*) >= 2 from step where state = 'in_flight'"))
            place_some(station, 10)
            station.wait_for(lambda: station.told(DONE) == 10)


def test_without_a_broker_in_the_settings_it_says_what_is_missing(
    database: Database, tmp_path: Path, warehouses: str
) -> None:
    station = Station(tmp_path, database, "", {"wms-sh": warehouses, "wms-bj": warehouses})
    with station.worker() as worker:
        assert worker.wait(60) == 2
    assert "OMS_BROKER_URL" in station.log()
