"""A partner in memory that misbehaves as its seed says and keeps its book, and the effect that calls it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol, final

from sqlalchemy.orm import Session

from commands.simulate_plan import CALL_S, GRACE_S, LATE_MARGIN_S, LEASE_S, Chance, Door, Fate
from flows.effect import Claimed
from hub.errors import HubError, Misconfigured, NotFound, OutcomeUnknown, Rejected, TryLater
from hub.exchange import Exchange, note
from hub.steps import NewStep, add

LONGEST_LATE_S: Final = 60.0
"""How late a call may land whose key is executed once: that harms nobody."""


class Died(BaseException):
    """The worker's process has ended."""


class Clumsy(Exception):
    """A bug in a flow, planned by the seed."""


class Errand(NamedTuple):
    """What is sent."""

    step: int
    token: int
    key: str
    lane: str
    place: int


class Surroundings(Protocol):
    """What a partner and an effect need of the world they are in."""

    @property
    def now_s(self) -> float: ...

    @property
    def chance(self) -> Chance: ...

    def fate_of(self, connection: str, key: str, *, asked: bool) -> Fate: ...

    def sleep(self, seconds: float) -> None: ...

    def later(self, seconds: float, act: Any) -> None: ...  # noqa: ANN401 # whatever can be called

    def tell(self, what: str, **more: object) -> None: ...

    def is_clumsy(self) -> bool: ...

    def pauses(self) -> bool: ...

    def begun(self, door: Door, errand: Errand) -> None: ...

    def ended(self, door: Door, errand: Errand) -> None: ...

    def executed(self, door: Door, errand: Errand, times: int) -> None: ...


@final
class Partner:
    """One connection's partner; an executed key is answered as the first time by one that is idempotent."""

    def __init__(self, door: Door, world: Surroundings) -> None:
        self.door = door
        self.idempotent = door.idempotent
        if door.grace_s is not None:
            self.grace_s = door.grace_s
        self.times: Counter[str] = Counter()
        self.order: list[Errand] = []
        self.sent: dict[str, tuple[str, int]] = {}
        self._late_s = LONGEST_LATE_S if self.idempotent else max(GRACE_S, door.grace_s or 0) - LATE_MARGIN_S
        self._world = world

    def send(self, errand: Errand) -> str:
        """Have an errand executed, if all goes well."""
        world = self._world
        fate = world.fate_of(self.door.name, errand.key, asked=False)
        world.tell("called", step=errand.step, token=errand.token, fate=fate)
        world.begun(self.door, errand)
        began_s = world.now_s
        try:
            self._meet(fate, errand)
        finally:
            world.ended(self.door, errand)
            note(Exchange(request="POST", request_body=b"", status=None, answer_body=b"", seconds=0))
        if fate is Fate.STALLED:
            world.tell("stands still", step=errand.step)
            world.sleep(world.chance.uniform(0.5, 2) * LEASE_S)
        world.tell("answered", step=errand.step, after_s=round(world.now_s - began_s, 2))
        return f"done {errand.key}"

    def find(self, errand: Errand) -> str | None:
        """Say whether an errand was executed, if all goes well."""
        world = self._world
        fate = world.fate_of(self.door.name, errand.key, asked=True)
        world.tell("asked", step=errand.step, token=errand.token, fate=fate)
        world.sleep(world.chance.uniform(0.01, 0.3))
        note(Exchange(request="GET", request_body=b"", status=None, answer_body=b"", seconds=0))
        self._excuse(fate)
        known = f"done {errand.key}" if self.times[errand.key] else None
        if fate is Fate.STALLED or world.pauses():
            world.tell("stands still", step=errand.step)
            world.sleep(world.chance.uniform(0.3, 2) * LEASE_S)
        world.tell("knows" if known else "knows nothing", step=errand.step)
        return known

    def _meet(self, fate: Fate, errand: Errand) -> None:
        """Let a call take its course."""
        world = self._world
        if fate is Fate.POISON:
            raise Died
        if fate is Fate.ORPHANED:
            world.later(world.chance.uniform(0, CALL_S - 0.6 + self._late_s), lambda: self._execute(errand))
            world.sleep(world.chance.uniform(0, CALL_S - 0.5))
            raise Died
        world.sleep(world.chance.uniform(0.01, 0.5))
        if not (self.idempotent and self.times[errand.key]):
            self._excuse(fate)
        if fate is Fate.LATE:
            self._land_late(errand)
        if fate is Fate.SLOW:
            world.sleep(world.chance.uniform(0, CALL_S - 1))
        self._execute(errand)
        if fate is Fate.LOST:
            self._miss()

    def _excuse(self, fate: Fate) -> None:
        """Answer without executing anything, or not at all.

        Raises: HubError.
        """
        match fate:
            case Fate.REFUSED:
                raise Rejected("no", code="no")
            case Fate.LATER:
                raise TryLater("later", code="http_429")
            case Fate.WISH:
                raise TryLater("later", code="http_429", after_s=round(self._world.chance.uniform(1, 20)))
            case Fate.AWAY:
                raise TryLater("away", code="http_503")
            case Fate.LOCKED:
                raise Misconfigured("who are you?")
            case Fate.SILENT:
                self._miss()
            case _:
                return

    def _miss(self) -> None:
        """Let the answer be missed, at once or at the end of patience."""
        world = self._world
        world.sleep(world.chance.uniform(0, 0.2) if world.chance.happens(0.5) else CALL_S - 0.6)
        raise OutcomeUnknown("no answer", code="silence")

    def _land_late(self, errand: Errand) -> None:
        """Miss the answer, and execute the call within what the partner says, or the hub's own grace."""
        world = self._world
        wait_s = world.chance.uniform(0, CALL_S - 0.6)
        world.later(wait_s + world.chance.uniform(0, self._late_s), lambda: self._execute(errand))
        world.sleep(wait_s)
        raise OutcomeUnknown("no answer", code="silence")

    def _execute(self, errand: Errand) -> None:
        if self.idempotent and self.times[errand.key]:
            self._world.tell("repeated", step=errand.step, token=errand.token)
            return
        self.times[errand.key] += 1
        self.order.append(errand)
        self._world.executed(self.door, errand, self.times[errand.key])


@final
class Send:
    """Sends a step's own key; what its subject says follows is added where the answer is booked."""

    subject: type = dict

    def __init__(self, flow: str, world: Surroundings, *, alone: bool) -> None:
        self.flow = flow
        self.alone = alone
        self._world = world

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Errand:  # noqa: ARG002 # the port's shape
        if self._world.is_clumsy():
            raise Clumsy
        return Errand(step.id, step.token, step.idempotency_key, step.lane, step.subject["place"])

    def call(self, partner: object, request: Errand) -> str:
        if self._world.is_clumsy():
            raise Clumsy
        return _known(partner).send(request)

    def ask(self, partner: object, request: Errand) -> Any | None:  # noqa: ANN401 # the port's answer
        return _known(partner).find(request)

    def settle(self, session: Session, step: Claimed, answer: str, at: datetime) -> None:
        if self._world.is_clumsy():
            raise Clumsy
        if answer != f"done {step.idempotency_key}":
            raise NotFound("the answer is another call's")
        if then := step.subject["then"]:
            lane = f"{step.lane}>{then}"
            key = f"{step.idempotency_key}>"
            add(session, [NewStep(self.flow, lane, then, key, None, {"place": step.subject["place"], "then": ""})], at)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:  # noqa: ARG002 # the port's
        if self._world.is_clumsy():
            raise Clumsy


@final
class Partners:
    """The partners of a seed by the names of their connections."""

    def __init__(self, partners: Sequence[Partner]) -> None:
        self._partners = {one.door.name: one for one in partners}

    def get(self, connection: str) -> object:
        """Raises: NotFound."""
        if connection not in self._partners:
            raise NotFound(f"there is no connection {connection}")
        return self._partners[connection]

    def names(self) -> list[str]:
        return list(self._partners)


def _known(partner: object) -> Partner:
    if not isinstance(partner, Partner):
        raise NotFound("another's partner")
    return partner
