"""The broker's side of Celery: its queues, its settings, and the publisher of wake-ups.

A message is a wake-up: it carries ids of steps and nothing else, and may be lost, doubled or late, for the rows are
what is true. Every family of connections has a queue of its own.

    oms.steps ─▶ oms.steps.channels, oms.steps.warehouses, …  ─ rejected, or delivered too often ─▶ oms.dead ─▶ oms.dead
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import structlog
from amqp.exceptions import (  # pyright: ignore[reportMissingTypeStubs] # amqp has none
    ChannelError,
    InternalError,
    MessageNacked,
)
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
CONFIRM_S: Final = 3.0
"""How long one queue may hold up the others: what it confirms later still wakes somebody."""

ANSWER_S: Final = 10.0
"""RabbitMQ looks five seconds for the leader of a queue that is to be deleted."""

TRIAL_MS: Final = 60_000
"""After how long a queue that was made for a trial goes, should its maker have died."""

TRIAL: Final = {"x-queue-type": "quorum", "x-expires": TRIAL_MS}

QUEUE_TROUBLES: Final = (TimeoutError, MessageNacked, ChannelError, InternalError)
"""What one queue may cause while the broker is well; an internal error closes the connection for its sake."""

_log = structlog.get_logger()


class BrokerAway(Exception):
    """The broker took nothing more: what is left must be published again."""


class QueueStuck(Exception):
    """One queue took nothing, be it that it refused or never answered; the others may well."""


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
        self._declared: set[str] = set()
        self._returned = 0
        self._blocked = False

    def publish(self, wake_up: WakeUp) -> bool:
        """Give a wake-up to the broker, and say whether a queue has it now.

        Raises: QueueStuck, BrokerAway.
        """
        self._open()
        with self._letting_go():
            self._declare(wake_up.family)
            self._returned = 0
            self._app.send_task(
                TASK,
                args=[list(wake_up.ids)],
                queue=f"{STEPS}.{wake_up.family}",
                producer=self._producer,
                declare=(),
                mandatory=True,
                expiration=EXPIRES_S,
                confirm_timeout=CONFIRM_S,
                retry=False,
                ignore_result=True,
                headers=dict(wake_up.headers),
            )
        if self._returned:  # confirmed all the same: the broker has no such queue any more
            _log.warning("relay.unroutable", family=wake_up.family)
            self._declared.discard(wake_up.family)
        return not self._returned

    def renew(self, family: str) -> None:
        """Delete a family's queue, to be declared anew, once it is certain that a new one takes messages.

        A queue that somebody has declared otherwise stays: that is a person's to change.
        Raises: QueueStuck when the queue stays as it is; BrokerAway.
        """
        self._open()
        with self._letting_go():
            self._declare(family)
            with self._answering() as channel:
                self._try_new_queue(channel)
                channel.queue_delete(f"{STEPS}.{family}")
        self._declared.discard(family)

    def close(self) -> None:
        """Let go of the broker; the next wake-up connects, and declares its queue, anew."""
        connection, self._connection, self._producer = self._connection, None, None
        self._declared.clear()
        if connection is not None:
            connection.collect(socket_timeout=1)

    def _open(self) -> None:
        if self._producer:
            return
        self._blocked = False
        alarms = {"on_blocked": self._on_blocked}
        self._connection = self._app.connection_for_write(heartbeat=0, transport_options=alarms)
        try:
            self._connection.ensure_connection(max_retries=1, timeout=CONNECT_S)
            with self._answering() as channel:
                dead: Any = dead_queue().bind(channel)
                dead.declare()
        except self._troubles() as error:
            self.close()
            raise BrokerAway(type(error).__name__) from error
        self._producer = self._app.amqp.Producer(self._connection, auto_declare=False, on_return=self._on_return)

    def _declare(self, family: str) -> None:
        if family in self._declared:
            return
        with self._answering() as channel:
            for queue in queues():
                if queue.routing_key == family:
                    bound: Any = queue.bind(channel)
                    bound.declare()
        self._declared.add(family)

    def _try_new_queue(self, channel: Any) -> None:  # noqa: ANN401 # a channel of amqp
        """See that a new queue takes a message: where it does not, the broker is slow and no queue is to blame."""
        name = f"{STEPS}.trial.{uuid4().hex}"
        channel.queue_declare(name, durable=True, auto_delete=False, arguments=TRIAL)
        self._producer.publish(b"trial", exchange="", routing_key=name, retry=False, confirm_timeout=CONFIRM_S)
        channel.queue_delete(name)

    @contextmanager
    def _answering(self) -> Generator[Any]:
        """Give the channel for questions; an answer that does not come is a TimeoutError and no end of waiting."""
        channel = self._connection.default_channel
        with self._connection.connection.transport.having_timeout(ANSWER_S):
            yield channel

    @contextmanager
    def _letting_go(self) -> Generator[None]:
        """Let go of the broker at the first trouble, and say whether it is one queue's or everybody's."""
        try:
            yield
        except self._troubles() as error:
            alarmed = self._blocked
            self.close()
            cause = error.__cause__ or error  # Celery wraps what it thinks will pass
            if alarmed or not isinstance(cause, QUEUE_TROUBLES):
                raise BrokerAway("alarm" if alarmed else type(cause).__name__) from error
            raise QueueStuck(type(cause).__name__) from error

    def _on_return(self, *_: object) -> None:
        self._returned += 1

    def _on_blocked(self, _reason: str) -> None:
        """Remember that the broker itself takes nothing now, for want of memory or disk."""
        self._blocked = True

    def _troubles(self) -> tuple[type[Exception], ...]:
        made = self._connection or self._app.connection_for_write()
        # A broker that refuses a message says so with an error that belongs to neither family.
        return (*made.connection_errors, *made.channel_errors, MessageNacked, KombuError, OSError)
