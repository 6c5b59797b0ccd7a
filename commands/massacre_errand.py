"""What a chaos run's jobs do: an errand to the brittle partner, sent once in effect and booked by one audit line."""

import json
import os
import time
from datetime import datetime
from typing import Any, Final, final

from sqlalchemy.orm import Session

from connectors.registry import Registry
from connectors.transport.http import Call, HttpApi
from flows.effect import Claimed
from hub.audit import record
from hub.document import Document
from hub.errors import HubError, NeedsOperator, OutcomeUnknown
from hub.settings import Connection, Http, Settings

FLOW: Final = "chaos.errand"
BOOKED: Final = "chaos.booked"
"""The audit line of a booked job: there must be one for each."""

FAMILY: Final = "chaos."
KEYED: Final = f"{FAMILY}keyed"
"""The kind of a connection whose partner takes a repeated key once; that of others is asked."""

ACTOR: Final = "chaos"

LATE_S: Final = 60.0
"""How late a call may land whose key is executed once: that harms nobody."""


class Subject(Document):
    """A job of a chaos run: its place among those of its lane."""

    place: int


class Errand(Document):
    """What is sent."""

    key: str
    lane: str


@final
class BrittlePartner:
    """The caller's side of sandbox.brittle."""

    def __init__(self, connection: Connection, http: Http) -> None:
        self.idempotent = connection.kind == KEYED
        self.grace_s = float(connection.options.get("grace_s", "0"))
        self._url = connection.base_url
        self._land_within_s = LATE_S if self.idempotent else http.read_s + self.grace_s
        self._api = HttpApi(http, lambda call: call)

    def send(self, errand: Errand) -> str:
        """Have an errand executed; what is heard of it too late lands within `grace_s` or not at all."""
        body = {**errand.model_dump(), "land_by": time.time() + self._land_within_s, "caller": os.getpid()}
        headers = {"content-type": "application/json"}
        answer = self._api.send(Call("POST", f"{self._url}/errands", headers=headers, body=json.dumps(body).encode()))
        return str(_read(answer.body, "executed"))

    def find(self, errand: Errand) -> str | None:
        answer = self._api.send(Call("GET", f"{self._url}/errands/{errand.key}"))
        return errand.key if _read(answer.body, "executed") else None


@final
class RunErrand:
    """Sends one errand."""

    flow: str = FLOW
    subject: type = Subject
    alone: bool = False

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Errand:  # noqa: ARG002 # the port's shape
        return Errand(key=step.idempotency_key, lane=step.lane)

    def call(self, partner: object, request: Errand) -> str:
        return _brittle(partner).send(request)

    def ask(self, partner: object, request: Errand) -> Any | None:  # noqa: ANN401 # the port's answer
        return _brittle(partner).find(request)

    def settle(self, session: Session, step: Claimed, answer: str, at: datetime) -> None:
        record(session, at, ACTOR, BOOKED, f"chaos:{answer}", step=step.id)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case tells of it; the run counts it as lost."""


@final
class Partners:
    """The brittle partners of a chaos run, and all others as ever."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._registry = registry
        self._brittle = {name: BrittlePartner(one, settings.http) for name, one in brittle(settings).items()}

    def get(self, connection: str) -> object:
        """Raises: as the registry's."""
        return self._brittle.get(connection) or self._registry.get(connection)

    def names(self) -> list[str]:
        return sorted([*self._brittle, *self._registry.names()])


def brittle(settings: Settings) -> dict[str, Connection]:
    """Give the connections of chaos runs, which no module under connectors/ serves."""
    return {name: one for name, one in settings.connections.items() if one.kind.startswith(FAMILY)}


def _read(body: bytes, field: str) -> object:
    try:
        return json.loads(body)[field]
    except (ValueError, KeyError, TypeError) as error:
        raise OutcomeUnknown("the answer cannot be read", code="unreadable") from error


def _brittle(partner: object) -> BrittlePartner:
    if not isinstance(partner, BrittlePartner):
        raise NeedsOperator(f"{type(partner).__name__} takes no errands", code="wrong_kind")
    return partner
