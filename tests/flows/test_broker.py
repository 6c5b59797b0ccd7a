"""Wake-ups in a real RabbitMQ: where they go, and what becomes of those that are lost, late or unreadable."""

from collections.abc import Iterator
from typing import Any, final

import pytest
from kombu.connection import Connection
from kombu.messaging import Producer
from structlog.testing import capture_logs

from commands.rabbit import Rabbit
from flows.broker import DEAD, STEPS, BrokerAway, Publisher, WakeUp
from flows.engine import Clock
from flows.relay import Relay
from hub.database import Database
from hub.settings import Settings
from tests.brokers import NEEDS_RABBIT
from tests.flows.announcing import CONNECTIONS, Scene
from tests.hub.making import AT

pytestmark = NEEDS_RABBIT

QUEUE = "oms.steps.warehouses"


@final
class Desk:
    """A publisher, and a look into the broker's queues."""

    def __init__(self, url: str) -> None:
        self.settings = Settings(broker_url=url, connections=CONNECTIONS)
        self.publisher = Publisher(self.settings)
        self.publish([1])
        self.connection = Connection(url)
        self.channel: Any = self.connection.default_channel
        self.channel.queue_purge(QUEUE)
        self.channel.queue_purge(DEAD)

    def publish(self, ids: list[int]) -> bool:
        return self.publisher.publish(WakeUp("warehouses", ids, {"traceparent": "of a test"}))

    def publish_late(self) -> None:
        producer: Any = Producer(self.connection)
        producer.publish(b"late", exchange=STEPS, routing_key="warehouses", expiration=0.001)

    def take(self, queue: str = QUEUE) -> Any:  # noqa: ANN401 # a message of amqp
        return self.channel.basic_get(queue)

    def count(self, queue: str) -> int:
        return self.channel.queue_declare(queue, passive=True).message_count

    def close(self) -> None:
        self.publisher.close()
        self.connection.release()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    with Rabbit(tmp_path_factory.mktemp("rabbit")) as rabbit:
        yield rabbit


@pytest.fixture
def desk(broker: Rabbit) -> Iterator[Desk]:
    made = Desk(broker.start())
    yield made
    made.close()


def test_a_wake_up_carries_ids_and_headers_and_ends_by_itself(desk: Desk) -> None:
    assert desk.publish([7, 8])
    message = desk.take()
    assert message.body.startswith("[[[7, 8]]")
    assert message.properties["expiration"] == "60000"
    assert message.properties["application_headers"]["traceparent"] == "of a test"


def test_a_queue_that_was_deleted_is_noticed_and_declared_again(desk: Desk) -> None:
    desk.channel.queue_delete(QUEUE)
    with capture_logs() as logs:
        assert not desk.publish([1])
    assert [line["event"] for line in logs] == ["relay.unroutable"]
    assert desk.publish([1])


def test_what_is_rejected_is_kept_among_the_dead_and_what_has_expired_is_not(desk: Desk) -> None:
    desk.publish([1])
    desk.channel.basic_reject(desk.take().delivery_tag, requeue=False)
    desk.publish_late()
    desk.publish([2])
    desk.channel.basic_reject(desk.take().delivery_tag, requeue=False)
    dead = [desk.take(DEAD).body for _ in range(2)]
    assert [body[:5] for body in dead] == ["[[[1]", "[[[2]"]
    assert desk.count(DEAD) == 0


def test_a_broker_that_was_killed_is_away_and_then_takes_more(desk: Desk, broker: Rabbit) -> None:
    broker.wipe()
    with pytest.raises(BrokerAway):
        desk.publish([1])
    broker.start()
    assert desk.publish([1])


def test_a_wake_up_that_was_lost_is_published_again(desk: Desk, database: Database) -> None:
    scene = Scene(database)
    scene.add(1)
    clock = Clock(lambda: AT, lambda: scene.now_s)
    relay = Relay(database, desk.settings, desk.publisher, clock)
    relay.go()
    desk.channel.queue_purge(QUEUE)
    scene.now_s = 2
    relay.go()
    assert desk.take().body.startswith("[[[1]]")
    relay.close()
