"""A partner that misbehaves by chance and keeps books of what it was made to execute, in the order it executed it.

It has two doors. Behind `keyed` a repeated key is executed once and answered as the first time; behind `asked` every
call is executed anew, and whoever is not sure may ask. It keeps the one promise that anybody can rely on: nothing is
executed later than the caller says it may land (`land_by`, seconds since 1970).
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from sandbox.faults import Fault, Mode, misbehave

Door = Literal["keyed", "asked"]
Trouble = Literal[
    "lost", "unheard", "stalled", "stalled_done", "late", "busy", "away", "broken", "broken_done", "nonsense"
]

TROUBLES: Final[Mapping[Trouble, int]] = {
    "lost": 5,  # executed, and the connection is closed instead of an answer
    "unheard": 3,  # reset before anything is executed
    "stalled": 2,  # nothing is executed, and nothing answered
    "stalled_done": 2,  # executed, and nothing answered
    "late": 4,  # nothing is answered, and some time later it is executed after all
    "busy": 1,  # 429 with Retry-After
    "away": 2,  # 503
    "broken": 2,  # 500 and not executed
    "broken_done": 3,  # 500 and executed all the same
    "nonsense": 2,  # executed, and answered with what nobody can read
}
"""What may happen to a call, and how often of it each does."""

SPELLS: Final[Sequence[Trouble]] = ("away", "unheard", "stalled")
"""What a spell consists of: everybody meets it until it is over, so that breakers open."""

DONE_FIRST: Final[frozenset[Trouble]] = frozenset({"broken_done"})
MODES: Final[dict[Trouble, Mode]] = {
    "lost": "lost_answer",
    "unheard": "reset",
    "stalled": "timeout",
    "stalled_done": "slow",
    "late": "timeout",
    "busy": "business",
    "away": "503",
    "broken": "500",
    "broken_done": "500",
    "nonsense": "garbage",
}
HARMLESS: Final[frozenset[Trouble]] = frozenset({"lost", "unheard", "stalled", "busy", "away", "broken", "nonsense"})
"""Troubles that a question may meet as well: there is nothing to be executed."""


class Errand(BaseModel):
    """What is to be executed: once per key, and after what was asked for earlier in its lane.

    `caller` is the process that asks for it, so that a chaos run can kill it in the act.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    lane: str
    land_by: float
    caller: int = 0


@dataclass(frozen=True, slots=True)
class Habits:
    """How often a call meets trouble, and how often a spell of it begins; `late_s` is after the caller has given up."""

    seed: int = 1
    trouble: float = 0.2
    troubles: Mapping[Trouble, int] = field(default_factory=lambda: TROUBLES)
    spell: float = 0.004
    spell_s: tuple[float, float] = (0.4, 1.2)
    stall_s: float = 6.0
    busy_s: int = 1
    late_s: tuple[float, float] = (0.6, 1.4)


@dataclass(frozen=True, slots=True)
class Execution:
    """One effect."""

    key: str
    lane: str


@dataclass(slots=True)
class Books:
    """What happened: executions in their order, repeats that had no effect, and what came too late to be executed."""

    executions: list[Execution] = field(default_factory=list[Execution])
    calls: Counter[str] = field(default_factory=Counter[str])
    repeats: int = 0
    expired: int = 0
    met: Counter[str] = field(default_factory=Counter[str])


@final
class Brittle:
    """The HTTP face of the books; everything happens on one event loop."""

    def __init__(self, habits: Habits, now: Callable[[], float] = time.time) -> None:
        self.books = Books()
        self.landing = 0
        self.caller = 0
        self._habits = habits
        self._now = now
        self._chance = random.Random(habits.seed)  # noqa: S311 # mishaps, not secrets
        self._known: set[str] = set()
        self._spell: tuple[float, Trouble] = (0.0, "away")
        self._calm = False

    def calm_down(self) -> None:
        """Behave from now on; what is still to land, lands."""
        self._calm = True

    async def take(self, request: Request, door: Door) -> Response:
        """Execute an errand, or what chance makes of it."""
        errand = Errand.model_validate_json(await request.body())
        self.books.calls[errand.key] += 1
        self.caller = errand.caller

        def act() -> Response:
            return self._execute(door, errand)

        trouble = self.choose()
        if trouble is None:
            return act()
        self.books.met[trouble] += 1
        if trouble in DONE_FIRST:
            act()
        if trouble == "late":
            self._land(act)
        return await self._misbehave(trouble, request, act)

    async def tell(self, request: Request, key: str) -> Response:
        """Say whether a key was executed, unless chance is against it."""

        def act() -> Response:
            return JSONResponse({"executed": key in self._known})

        trouble = self.choose()
        if trouble not in HARMLESS:
            return act()
        return await self._misbehave(trouble, request, act)

    def _execute(self, door: Door, errand: Errand) -> Response:
        if self._now() > errand.land_by:
            self.books.expired += 1
            return JSONResponse({"error": "too late to be begun"}, 503)
        if door == "keyed" and errand.key in self._known:
            self.books.repeats += 1
        else:
            self._known.add(errand.key)
            self.books.executions.append(Execution(errand.key, errand.lane))
        return JSONResponse({"executed": errand.key})

    def _land(self, act: Callable[[], object]) -> None:
        def land() -> None:
            self.landing -= 1
            act()

        self.landing += 1
        asyncio.get_running_loop().call_later(self._chance.uniform(*self._habits.late_s), land)

    async def _misbehave(self, trouble: Trouble, request: Request, act: Callable[[], Response]) -> Response:
        seconds = self._habits.stall_s if MODES[trouble] in {"timeout", "slow"} else 0.0
        busy = Response("come back", 429, headers={"Retry-After": str(self._habits.busy_s)})
        return await misbehave(Fault(MODES[trouble], seconds), request, act, busy)

    def choose(self) -> Trouble | None:
        """Draw what happens to the next call."""
        if self._calm:
            return None
        until, spell = self._spell
        if self._now() < until:
            return spell
        if self._chance.random() < self._habits.spell:
            self._spell = (self._now() + self._chance.uniform(*self._habits.spell_s), self._chance.choice(SPELLS))
        if self._chance.random() < self._habits.trouble:
            return self._chance.choices(list(self._habits.troubles), list(self._habits.troubles.values()))[0]
        return None


def application(brittle: Brittle) -> FastAPI:
    app = FastAPI(title="Sandbox of a brittle partner")
    app.add_api_route("/{door}/errands", brittle.take, methods=["POST"], response_model=None)
    app.add_api_route("/asked/errands/{key}", brittle.tell, methods=["GET"], response_model=None)
    return app
