"""The broker's side of Celery: its queues, its settings, and the publisher of wake-ups.

A message is a wake-up: it carries ids of steps and nothing else, and may be lost, doubled or late, for the rows are
what is true. Every family of connections has a queue of its own.

    oms.steps ─▶ oms.steps.channels, oms.steps.warehouses, …  ─ rejected, or delivered too often ─▶ oms.dead ─▶ oms.dead
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from amqp.exceptions import MessageNacked  # pyright: ignore[reportMissingTypeStubs] # amqp has none
from celery import Celery  # pyright: ignore[reportMissingTypeStubs] # Celery has none
from celery.worker.consumer import Consumer  # pyright: ignore[reportMissingTypeStubs] # as above
from kombu.entity import Exchange, Queue, binding
from kombu.exceptions import KombuError

from connectors.registry import KINDS
from hub.settings import Settings

TASK: Final = "oms.run_steps"
STEPS: Final = "oms.steps"
DEAD: Final = "oms.dead"
OTHER: Final = "other"
"""The family of a connection that is not configured any more: somebody must still find that out."""

EXPIRES_S: Final = 60.0
"""How long a wake-up waits in its queue: while nobody listens they must not pile up."""

DELIVERIES: Final = 5
"""How often a message is delivered before it counts as poison."""

DEAD_KEPT: Final = 10_000
DEAD_KEPT_S: Final = 7 * 86_400

LONGEST_TASK_S: Final = 29 * 60
"""RabbitMQ closes the channel of whoever has not acknowledged within half an hour."""

TURN_S: Final = 0.5
CONNECT_S: Final = 3.0
CONFIRM_S: Final = 10.0

_log = structlog.get_logger()


class BrokerAway(Exception):
    """The broker took nothing more: what is left must be published again."""


class StepConsumer(Consumer):
    """Celery's consumer without its 28 queues for delays: when something is due is written in its row."""

    def register_with_event_loop(self, hub: Any) -> None:  # noqa: ANN401 # kombu's event loop
        """Have the loop turn at least so often: it looks only then whether it was asked to end."""
        consumer: Any = super()
        consumer.register_with_event_loop(hub)
        hub.call_repeatedly(TURN_S, lambda: None)

    class Blueprint(Consumer.Blueprint):
        """The consumer's parts."""

        default_steps = tuple(one for one in Consumer.Blueprint.default_steps if "DelayedDelivery" not in one)


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Steps of one family that may be due; `headers` are for whoever follows a message's way."""

    family: str
    ids: Sequence[int]
    headers: Mapping[str, str]


def family_of(settings: Settings, connection: str) -> str:
    """Say which queue a connection's wake-ups go through."""
    known = settings.connections.get(connection)
    family = known.kind.partition(".")[0] if known else OTHER
    return family if family in KINDS else OTHER


def queues() -> list[Queue]:
    """Name the queues of steps; what cannot be worked off goes to the dead ones', what has merely expired nowhere."""
    exchange = Exchange(STEPS, "direct", durable=True)
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERIES,
        "x-dead-letter-exchange": DEAD,
    }
    return [
        Queue(f"{STEPS}.{family}", exchange, routing_key=family, durable=True, queue_arguments=arguments)
        for family in (*KINDS, OTHER)
    ]


def queue_names() -> list[str]:
    """Name the queues of steps, as Celery wishes to be told."""
    return [f"{STEPS}.{family}" for family in (*KINDS, OTHER)]


def dead_queue() -> Queue:
    """Name the queue in which messages end that nobody could read, for a person to look at."""
    exchange = Exchange(DEAD, "headers", durable=True)
    reasons = [
        binding(exchange, arguments={"x-match": "all-with-x", "x-first-death-reason": reason})
        for reason in ("rejected", "delivery_limit")
    ]
    arguments = {"x-queue-type": "quorum", "x-max-length": DEAD_KEPT, "x-message-ttl": DEAD_KEPT_S * 1_000}
    return Queue(DEAD, bindings=reasons, durable=True, queue_arguments=arguments)


def application(settings: Settings) -> Celery:
    """Make the Celery application of this process; nothing is connected yet.

    Raises: NeedsOperator when the broker's password is missing.
    """
    app: Any = Celery("oms", broker=settings.broker_address(), set_as_current=False)
    lease_s = settings.worker.lease_s
    app.conf.update(
        task_queues=queues(),
        task_default_queue=f"{STEPS}.{OTHER}",
        task_default_exchange=STEPS,
        task_default_routing_key=OTHER,
        task_create_missing_queues=False,
        task_serializer="json",
        accept_content=["json"],
        result_backend=None,
        task_ignore_result=True,
        task_acks_late=True,
        task_acks_on_failure_or_timeout=False,
        task_reject_on_worker_lost=True,
        task_time_limit=min(2 * lease_s + 60, LONGEST_TASK_S),
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_soft_shutdown_timeout=settings.http.connect_s + 2 * settings.http.read_s + 1,
        worker_consumer="flows.broker:StepConsumer",
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=CONNECT_S,
        broker_heartbeat=20,
        broker_transport_options={"confirm_publish": True},
    )
    return app


class Publisher:
    """Publishes wake-ups, each confirmed by the broker; used by one thread, connected when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._app: Any = application(settings)
        self._connection: Any = None
        self._producer: Any = None
        self._returned = 0

    def publish(self, wake_up: WakeUp) -> bool:
        """Give a wake-up to the broker, and say whether a queue has it now.

        Raises: BrokerAway.
        """
        try:
            producer = self._producer or self._open()
            self._returned = 0
            self._app.send_task(
                TASK,
                args=[list(wake_up.ids)],
                queue=f"{STEPS}.{wake_up.family}",
                producer=producer,
                mandatory=True,
                expiration=EXPIRES_S,
                confirm_timeout=CONFIRM_S,
                retry=False,
                ignore_result=True,
                headers=dict(wake_up.headers),
            )
        except self._troubles() as error:
            self.close()
            raise BrokerAway(type(error).__name__) from error
        if self._returned:  # confirmed all the same: the broker has no such queue any more
            _log.warning("relay.unroutable", family=wake_up.family)
            self.close()
        return not self._returned

    def close(self) -> None:
        """Let go of the broker; the next wake-up connects, and declares the queues, anew."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            connection.collect(socket_timeout=1)

    def _open(self) -> object:
        self._connection = self._app.connection_for_write(heartbeat=0)
        self._connection.ensure_connection(max_retries=1, timeout=CONNECT_S)
        channel = self._connection.default_channel
        for queue in (dead_queue(), *queues()):
            bound: Any = queue.bind(channel)
            bound.declare()
        self._producer = self._app.amqp.Producer(self._connection, auto_declare=False, on_return=self._on_return)
        return self._producer

    def _on_return(self, *_: object) -> None:
        self._returned += 1

    def _troubles(self) -> tuple[type[Exception], ...]:
        made = self._connection or self._app.connection_for_write()
        # A broker that refuses a message says so with an error that belongs to neither family.
        return (*made.connection_errors, *made.channel_errors, MessageNacked, KombuError, OSError)
