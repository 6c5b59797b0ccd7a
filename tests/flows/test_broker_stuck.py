"""One queue of a real RabbitMQ that takes nothing: lost by the broker, full, or declared by somebody else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from kombu.connection import Connection
from kombu.entity import Queue
from structlog.testing import capture_logs

from commands import rabbit as rabbits
from commands.rabbit import Rabbit
from flows import broker as brokers
from flows.broker import BrokerAway, Publisher, QueueStuck, WakeUp, queues
from flows.engine import Clock
from flows.relay import RENEW_S, Relay
from hub.database import Database
from hub.settings import Settings
from tests.brokers import NEEDS_RABBIT
from tests.flows.announcing import CONNECTIONS, Scene
from tests.hub.making import AT

pytestmark = NEEDS_RABBIT

QUEUE = "oms.steps.warehouses"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Rabbit]:
    with Rabbit(tmp_path) as rabbit:
        yield rabbit


@pytest.fixture
def publisher(broker: Rabbit) -> Iterator[Publisher]:
    made = Publisher(Settings(broker_url=broker.url, connections=CONNECTIONS))
    yield made
    made.close()


@pytest.fixture
def channel(broker: Rabbit) -> Iterator[Any]:
    with Connection(broker.url) as connection:
        yield connection.default_channel


def tell(publisher: Publisher, family: str) -> bool:
    return publisher.publish(WakeUp(family, [1], {}))


def lose_queue(broker: Rabbit, publisher: Publisher) -> None:
    """Kill the broker as soon as the queue is declared: it comes back without a leader (see Rabbit)."""
    tell(publisher, "warehouses")
    broker.kill()
    publisher.close()
    broker.start()


def short_queues() -> list[Queue]:
    """Name queues that are full with one message, and refuse the next."""
    short: Any = queues()
    for queue in short:
        queue.queue_arguments |= {"x-max-length": 0, "x-overflow": "reject-publish"}
    return short


def relay_of(scene: Scene, publisher: Publisher) -> Relay:
    clock = Clock(lambda: AT, lambda: scene.now_s)
    return Relay(scene.database, Settings(connections=CONNECTIONS), publisher, clock)


def test_a_queue_without_a_leader_is_stuck_and_the_others_are_not(broker: Rabbit, publisher: Publisher) -> None:
    lose_queue(broker, publisher)
    with pytest.raises(QueueStuck, match="TimeoutError"):
        tell(publisher, "warehouses")
    assert tell(publisher, "erp")


def test_a_queue_that_was_renewed_takes_messages(broker: Rabbit, publisher: Publisher) -> None:
    lose_queue(broker, publisher)
    publisher.renew("warehouses")
    assert tell(publisher, "warehouses")


def test_the_relay_replaces_a_queue_without_a_leader(database: Database, broker: Rabbit, publisher: Publisher) -> None:
    lose_queue(broker, publisher)
    scene = Scene(database)
    scene.add(1)
    scene.add(1, "sap")
    relay = relay_of(scene, publisher)
    with capture_logs() as logs:
        assert relay.go() == 1
        scene.now_s = RENEW_S
        relay.go()
        scene.now_s += 2
        relay.go()
    relay.close()
    events = ["relay.turn", "relay.family_stuck", "relay.queue_renewed", "relay.family_back"]
    assert [line["event"] for line in logs] == events


def test_a_message_that_a_full_queue_refuses_is_published_again(
    database: Database,
    publisher: Publisher,
    channel: Any,  # noqa: ANN401 # a channel of amqp
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(brokers, "queues", short_queues)
    tell(publisher, "warehouses")
    with pytest.raises(QueueStuck, match="MessageNacked"):
        tell(publisher, "warehouses")
    scene = Scene(database)
    scene.add(1)
    relay = relay_of(scene, publisher)
    assert relay.go() == 0
    channel.queue_purge(QUEUE)
    scene.now_s = 1
    assert relay.go() == 1
    relay.close()


def test_a_queue_that_somebody_has_declared_otherwise_is_stuck_and_stays(
    publisher: Publisher,
    channel: Any,  # noqa: ANN401 # a channel of amqp
) -> None:
    channel.queue_declare(QUEUE, durable=True, auto_delete=False)
    for act in (lambda: tell(publisher, "warehouses"), lambda: publisher.renew("warehouses")):
        with pytest.raises(QueueStuck, match="PreconditionFailed"):
            act()
    assert tell(publisher, "erp")
    assert channel.queue_declare(QUEUE, passive=True).queue == QUEUE


def test_a_broker_that_is_frozen_is_away(publisher: Publisher, broker: Rabbit) -> None:
    tell(publisher, "warehouses")
    beam = psutil.Process(broker.pid)
    beam.suspend()
    with pytest.raises(QueueStuck):
        tell(publisher, "warehouses")
    with pytest.raises(BrokerAway):
        tell(publisher, "erp")
    beam.resume()
    assert tell(publisher, "erp")


def test_a_broker_without_room_on_its_disk_is_away_and_keeps_its_queues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        rabbits, "CONFIG", rabbits.CONFIG.replace("disk_free_limit, 1000000", "disk_free_limit, 1000000000000000")
    )
    with Rabbit(tmp_path) as broker:
        publisher = Publisher(Settings(broker_url=broker.url))
        for act in (lambda: tell(publisher, "warehouses"), lambda: publisher.renew("warehouses")):
            with pytest.raises(BrokerAway, match="alarm"):
                act()
        publisher.close()
        with Connection(broker.url) as connection:
            channel: Any = connection.default_channel
            assert channel.queue_declare(QUEUE, passive=True).queue == QUEUE
