"""The relay: looks for due steps and publishes wake-ups for them, so that pool processes anywhere claim them.

It remembers what it has announced and announces again what nobody has claimed after a while: a wake-up that was lost
costs time and nothing else. One relay at a time publishes; the others stand by.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from time import sleep
from typing import Final, Protocol

import structlog
from opentelemetry.trace import SpanKind
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from flows.broker import BrokerAway, QueueStuck, WakeUp, family_of
from flows.engine import Clock
from hub.database import Database, row, rows, run
from hub.gates import CLAIMABLE, allowances, limits_of
from hub.settings import Settings
from hub.tracing import span, trace_headers

WINDOW: Final = 500
"""How many steps of one connection may be announced and not yet claimed."""

BATCH: Final = 20
"""How many ids one message carries, at most."""

FIRST_PATIENCE_S: Final = 2.0
LONGEST_PATIENCE_S: Final = 60.0
"""After how long something is announced again: each time later, until the connection's steps are claimed again."""

PACE_S: Final = 0.02
"""How much time lies between two rounds at least: steps that become due meanwhile share their messages."""

BROKER_REST_S: Final = 1.0
"""How long a broker that is away is left alone."""

FIRST_REST_S: Final = 1.0
LONGEST_REST_S: Final = 30.0
"""How long a family is left alone whose queue takes nothing: each time longer, until it takes something."""

RENEW_S: Final = 30.0
"""After how long in vain its queue is replaced: one that RabbitMQ has lost stays lost, and holds up who listens too."""

STAND_BY_S: Final = 1.0
"""How often a relay that stands by looks whether it is its turn."""

IDLE_LIMIT: Final = "30s"
"""A relay that is frozen, or whose machine has gone without a word, loses its turn after this."""

TURN: Final = 0x6F6D735F72656C61
"""The advisory lock's number: "oms_rela"."""

HEADS: Final = f"""
    select head.* from unnest(cast(:connections as text[]), cast(:windows as bigint[])) as one (connection, places)
    cross join lateral (
        select connection, id, run_at from step where {CLAIMABLE} and connection = one.connection and run_at <= :at
        order by connection, run_at, id limit one.places) head"""

_log = structlog.get_logger()

Head = tuple[int, datetime]
"""A due step: its id, and since when it is due."""


@dataclass(slots=True)
class Announced:
    """What was announced of one connection and is not claimed yet: when, in seconds of a monotonic clock."""

    at_s: dict[Head, float] = field(default_factory=dict[Head, float])
    patience_s: float = FIRST_PATIENCE_S

    def choose(self, heads: Sequence[Head], places: int, now_s: float) -> list[Head]:
        """Say which of the due steps to announce now: new ones, and those that waited in vain, within the places."""
        known = {head: self.at_s[head] for head in heads if head in self.at_s}
        if len(known) < len(self.at_s):  # some were claimed: somebody listens
            self.patience_s = FIRST_PATIENCE_S
        self.at_s = known
        waiting = {head for head, at_s in known.items() if now_s - at_s < self.patience_s}
        fitting = [head for head in heads if head not in waiting]
        return fitting[: max(0, places - len(waiting))]

    def note(self, heads: Sequence[Head], now_s: float) -> None:
        """Remember what a round published; what was said in vain before is said less often."""
        if any(head in self.at_s for head in heads):
            self.patience_s = min(2 * self.patience_s, LONGEST_PATIENCE_S)
        self.at_s.update((head, now_s) for head in heads)


@dataclass(slots=True)
class Stuck:
    """A family whose queue takes nothing: until when it is left alone, and when its queue is to be replaced."""

    renew_s: float
    until_s: float = 0.0
    rest_s: float = FIRST_REST_S

    def rest(self, now_s: float) -> None:
        """Leave it alone from now on, longer than the time before."""
        self.until_s = now_s + self.rest_s
        self.rest_s = min(2 * self.rest_s, LONGEST_REST_S)


class Outlet(Protocol):
    """Where wake-ups go."""

    def publish(self, wake_up: WakeUp) -> bool:
        """Give it a wake-up, and say whether a queue has it now.

        Raises: QueueStuck, BrokerAway.
        """
        ...

    def renew(self, family: str) -> None:
        """Replace a family's queue by a new one.

        Raises: QueueStuck, BrokerAway.
        """
        ...

    def close(self) -> None: ...


class Relay:
    """One process's relay; `go` is called by one thread."""

    def __init__(self, database: Database, settings: Settings, outlet: Outlet, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._outlet = outlet
        self._clock = clock
        self._announced: dict[str, Announced] = {}
        self._stuck: dict[str, Stuck] = {}
        self._turn: Connection | None = None
        self._look_s = 0.0
        self._broker_s = 0.0
        self._away = False
        self._limits = limits_of(settings.connections)

    def go(self) -> int:
        """Announce what is due, if it is this relay's turn; give how many steps that were.

        Raises: OperationalError when the database is away.
        """
        now_s = self._clock.monotonic()
        if now_s < self._broker_s or not self._has_turn(now_s):
            return 0
        sleep(PACE_S)
        try:
            return self._tell(self._chosen())
        except BrokerAway as error:
            self._broker_s = self._clock.monotonic() + BROKER_REST_S
            self._announced.clear()  # what it had taken may be lost as well
            self._stuck.clear()
            if not self._away:
                _log.warning("relay.broker_away", error=str(error))
            self._away = True
            return 0

    def close(self) -> None:
        """Leave the turn to somebody else."""
        self._outlet.close()
        self._drop_turn()

    def _has_turn(self, now_s: float) -> bool:
        """Take the turn if nobody has it; whose connection is lost has lost it as well."""
        if self._turn is not None:
            return True
        if now_s < self._look_s:
            return False
        self._look_s = now_s + STAND_BY_S
        turn = self._database.engine.connect()
        turn.detach()  # not for the pool: whoever is handed it next would have the turn
        try:
            with Session(turn) as session, session.begin():
                run(session, f"set idle_session_timeout = '{IDLE_LIMIT}'")
                found = row(session, "select pg_try_advisory_lock(:turn) as mine", turn=TURN)
        except DBAPIError:
            turn.close()
            raise
        if found is None or not found.mine:
            turn.close()
            return False
        self._turn = turn
        self._announced.clear()
        self._stuck.clear()
        _log.info("relay.turn")
        return True

    def _drop_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            with suppress(DBAPIError):
                turn.close()

    def _chosen(self) -> dict[str, list[Head]]:
        """Look, on the connection that has the turn, at what is due, and choose what to announce of it."""
        at = self._clock.now()
        if self._turn is None:
            return {}
        try:
            with Session(self._turn) as session, session.begin():
                allowed = allowances(session, self._limits, at)
            places = {name: min(WINDOW, one.places) for name, one in allowed.items()}
            with Session(self._turn) as session, session.begin():
                found = rows(session, HEADS, connections=list(places), windows=[WINDOW] * len(places), at=at)
        except DBAPIError:
            self._drop_turn()
            raise
        heads: dict[str, list[Head]] = {name: [] for name in places}
        for one in found:
            heads[one.connection].append((one.id, one.run_at))
        self._announced = {name: self._announced.get(name, Announced()) for name in places}
        now_s = self._clock.monotonic()
        return {name: self._announced[name].choose(heads[name], places[name], now_s) for name in places}

    def _tell(self, chosen: Mapping[str, Sequence[Head]]) -> int:
        """Announce family by family, so that one whose queue takes nothing holds up no other.

        Raises: BrokerAway.
        """
        families: dict[str, list[str]] = {}
        for name, heads in chosen.items():
            if heads:
                families.setdefault(family_of(self._settings, name), []).append(name)
        well = [family for family in families if family not in self._stuck]
        told = 0
        for family in well + self._rested(families):
            try:
                told += sum(self._announce(family, name, chosen[name]) for name in families[family])
            except QueueStuck as error:
                for name in self._announced:
                    if family_of(self._settings, name) == family:
                        self._announced[name] = Announced()  # what its queue had taken may be lost as well
                self._leave(family, error)
        return told

    def _rested(self, families: Collection[str]) -> list[str]:
        """Choose the stuck family to try: one at most, for each may cost the round seconds."""
        now_s = self._clock.monotonic()
        until = {name: one.until_s for name, one in self._stuck.items() if name in families and one.until_s <= now_s}
        return sorted(until, key=until.__getitem__)[:1]

    def _leave(self, family: str, error: QueueStuck) -> None:
        """Let a family rest; replace its queue when that has been of no use for long.

        Raises: BrokerAway.
        """
        now_s = self._clock.monotonic()
        if family not in self._stuck:
            _log.warning("relay.family_stuck", family=family, error=str(error))
            self._stuck[family] = Stuck(now_s + RENEW_S)
        stuck = self._stuck[family]
        if stuck.renew_s <= now_s:
            stuck.renew_s = now_s + RENEW_S
            with suppress(QueueStuck):
                self._outlet.renew(family)
                stuck.rest_s = FIRST_REST_S
                _log.warning("relay.queue_renewed", family=family)
        stuck.rest(self._clock.monotonic())

    def _announce(self, family: str, connection: str, heads: Sequence[Head]) -> int:
        """Publish one connection's due steps, and remember those that a queue has.

        Raises: QueueStuck, BrokerAway.
        """
        said: list[Head] = []
        for start in range(0, len(heads), BATCH):
            batch = heads[start : start + BATCH]
            with span("steps.announce", "", SpanKind.PRODUCER, connection=connection, steps=len(batch)):
                has_it = self._outlet.publish(WakeUp(family, [step for step, _ in batch], trace_headers()))
            if has_it:
                said += batch
        self._announced[connection].note(said, self._clock.monotonic())  # all at once: patience grows once a round
        if said:
            self._note_recovery(family)
        return len(said)

    def _note_recovery(self, family: str) -> None:
        if self._away:
            self._away = False
            _log.info("relay.broker_back")
        if self._stuck.pop(family, None):
            _log.info("relay.family_back", family=family)
