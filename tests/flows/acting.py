"""A partner, an effect and a clock of our own making, and an engine that runs on them over the real tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, final

from sqlalchemy.orm import Session

from flows.claim import Terms, claim
from flows.effect import Claimed
from flows.engine import Clock, Engine
from hub.database import Database, row
from hub.errors import HubError, NotFound
from hub.exchange import Exchange, note
from hub.fulfilment.release import RELEASE
from hub.settings import Http, Settings, Worker
from hub.steps import StepState
from tests.hub.making import AT

LEASE = timedelta(seconds=10)
GRACE = timedelta(seconds=1)
PARTNER = "wms-sh"


@final
@dataclass
class FakePartner:
    """Answers as its script says, one line a call; an error of the script is raised."""

    idempotent: bool = True
    grace_s: float = 0
    script: list[object] = field(default_factory=list[object])
    executed: str | None = None
    calls: list[str] = field(default_factory=list[str])

    def act(self, what: str) -> object:
        self.calls.append(what)
        line = self.script.pop(0) if self.script else "done"
        if isinstance(line, BaseException):
            raise line
        return line


@final
@dataclass
class FakeEffect:
    """Sends the step's own key, and remembers what it was told to book."""

    flow: str = RELEASE
    subject: type = dict
    alone: bool = False
    unprepared: HubError | None = None
    booked: list[object] = field(default_factory=list[object])
    given_up: list[str] = field(default_factory=list[str])
    asked: Callable[[], None] = field(default=lambda: None)

    def prepare(self, session: Session, step: Claimed, at: datetime) -> str:  # noqa: ARG002 # the port's shape
        if self.unprepared:
            raise self.unprepared
        return step.idempotency_key

    def call(self, partner: Any, request: str) -> object:  # noqa: ANN401 # whatever the test cast
        note(Exchange(request="POST", request_body=b"10000000042", status=200, answer_body=b"ok", seconds=0))
        return partner.act(f"call {request}")

    def ask(self, partner: Any, request: str) -> Any | None:  # noqa: ANN401 # the port's answer
        partner.calls.append(f"ask {request}")
        self.asked()
        return partner.executed

    def settle(self, session: Session, step: Claimed, answer: object, at: datetime) -> None:  # noqa: ARG002 # as above
        self.booked.append(answer)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:  # noqa: ARG002 # as above
        self.given_up.append(error.code)


@final
class Play:
    """One engine with everything around it in a test's hands."""

    def __init__(self, database: Database, attempts: int = 4) -> None:
        self.database = database
        self.now = AT
        self.tick_s = 0.0
        self.slow_ask_s = 0.0
        self.slow_look_s = 0.0
        self.partner = FakePartner()
        self.effect = FakeEffect(asked=self._pass_time)
        self.attempts = attempts
        self.renew()

    def renew(self) -> None:
        """Make the engine anew, after its effect has been changed."""
        settings = Settings(
            worker=Worker(lease_s=LEASE.total_seconds(), grace_s=GRACE.total_seconds(), attempts=self.attempts),
            http=Http(connect_s=1, read_s=2),
        )
        clock = Clock(self._look, lambda: self.tick_s)
        self.engine = Engine(self.database, self, {RELEASE: self.effect}, settings, clock)

    def _look(self) -> datetime:
        self.tick_s += self.slow_look_s
        return self.now

    def _pass_time(self) -> None:
        self.tick_s += self.slow_ask_s

    def get(self, connection: str) -> object:
        if connection != PARTNER:
            raise NotFound(f"there is no connection {connection}")
        return self.partner

    def names(self) -> Sequence[str]:
        return [PARTNER]

    def claim(self) -> Claimed:
        with self.database.transaction() as session:
            (step,) = claim(session, 1, self.now, self.tick_s, Terms(LEASE, GRACE))
        return step

    def run(self, *script: object) -> StepState | None:
        """Claim the step that is due and run it with this script."""
        self.partner.script = list(script)
        return self.engine.run(self.claim())

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def step(self) -> Any:  # noqa: ANN401 # a row
        with self.database.transaction() as session:
            return row(session, "select * from step order by id limit 1")
