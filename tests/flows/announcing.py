"""Relays over one database, and a broker's place taken by a list, with time in a test's hands."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import final

from flows.broker import BrokerAway, QueueStuck, WakeUp
from flows.engine import Clock
from flows.relay import Relay
from hub.database import Database, run
from hub.settings import Connection, Settings
from tests.hub.making import AT

CONNECTIONS = {
    "wms-sh": Connection(kind="warehouses.qimen", brand="demo"),
    "sap": Connection(kind="erp.sap", brand="demo", at_once=2),
}
SETTINGS = Settings(connections=CONNECTIONS)


@final
@dataclass
class FakePublisher:
    """Remembers what it was given, unless it is away or one of its queues is stuck."""

    away: bool = False
    lost: bool = False
    stuck: set[str] = field(default_factory=set[str])
    healing: bool = True
    told: list[tuple[str, list[int]]] = field(default_factory=list[tuple[str, list[int]]])
    tried: list[str] = field(default_factory=list[str])
    renewed: list[str] = field(default_factory=list[str])

    def publish(self, wake_up: WakeUp) -> bool:
        if self.away:
            raise BrokerAway("away")
        self.tried.append(wake_up.family)
        if wake_up.family in self.stuck:
            raise QueueStuck("silent")
        if not self.lost:
            self.told.append((wake_up.family, list(wake_up.ids)))
        return not self.lost

    def renew(self, family: str) -> None:
        self.renewed.append(family)
        if not self.healing:
            raise QueueStuck("silent")
        self.stuck.discard(family)

    def close(self) -> None:
        """Have nothing to let go of."""


@final
class Scene:
    """Relays over one database, with time in the test's hands."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.broker = FakePublisher()
        self.now_s = 0.0
        self.relays: list[Relay] = []

    def relay(self) -> Relay:
        clock = Clock(lambda: AT + timedelta(seconds=self.now_s), lambda: self.now_s)
        self.relays.append(Relay(self.database, SETTINGS, self.broker, clock))
        return self.relays[-1]

    def add(self, count: int, connection: str = "wms-sh") -> None:
        self.run(
            """insert into step (flow, lane, connection, idempotency_key, subject, traceparent, state, run_at, attempts,
                                 token, doubt, unheard, last_error, created_at)
               select 'any', :name || n, :name, :name || n, '{}', '', 'pending', :at, 0, 0, false, 0, '', :at
               from generate_series(1, :count) n""",
            name=connection,
            count=count,
        )

    def claim(self, ids: str) -> None:
        self.run(f"update step set state = 'in_flight', run_at = :at + interval '1 day' where id in ({ids})")

    def run(self, statement: str, **values: object) -> None:
        with self.database.transaction() as session:
            run(session, statement, **values, **({"at": AT} if ":at" in statement else {}))

    def told(self) -> list[tuple[str, list[int]]]:
        """Give what was published since the last time."""
        told, self.broker.told = self.broker.told, []
        return told
