"""What a seed decides beforehand: partners and their limits, workers and their clocks, lanes, and how rough it gets."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from hub.settings import Breaker, Connection, Http, Settings, Worker
from hub.steps import NewStep

_Choice = TypeVar("_Choice")

HTTP: Final = Http(connect_s=1, read_s=2)
CALL_S: Final = HTTP.connect_s + 2 * HTTP.read_s
"""How long a call may take before its answer is missed."""

LEASE_S: Final = 10.0
GRACE_S: Final = 1.0
SKEW_S: Final = 0.2
"""How far a worker's clock is off at most; two of them, and what is late, must fit into the grace."""

LATE_MARGIN_S: Final = 2 * SKEW_S + 0.1

FLOWS: Final = ("sim.send", "sim.alone")
"""The second is booked alone, as flows are that touch stock."""


class Chance(random.Random):
    """A seed's own chance: mishaps, not secrets."""

    def happens(self, probability: float) -> bool:
        """Draw whether something happens; what never does draws nothing."""
        return probability > 0 and self.random() < probability

    def drawn(self, weights: Mapping[_Choice, int]) -> _Choice:
        """Draw one of these by their weights, which may all be nothing."""
        return self.choices(list(weights), [one + 1e-9 for one in weights.values()])[0]


class Fate(StrEnum):
    """What becomes of a call."""

    ANSWERED = "answered"
    SLOW = "slow"  # answered just before it would be missed
    REFUSED = "refused"
    LATER = "later"
    WISH = "wish"  # later, and the partner says when
    AWAY = "away"
    LOST = "lost"  # executed, and the answer is lost
    SILENT = "silent"  # not executed, and no answer
    LATE = "late"  # executed after its answer was missed
    STALLED = "stalled"  # executed and answered, but the worker stands still beyond its lease
    ORPHANED = "orphaned"  # executed, and the worker dies meanwhile
    LOCKED = "locked"  # our credentials are wrong
    POISON = "poison"  # whoever makes this call dies of it, each time


TROUBLES: Final[Mapping[Fate, int]] = {
    Fate.SLOW: 6,
    Fate.REFUSED: 5,
    Fate.LATER: 5,
    Fate.WISH: 3,
    Fate.AWAY: 4,
    Fate.LOST: 7,
    Fate.SILENT: 6,
    Fate.LATE: 8,
    Fate.STALLED: 4,
    Fate.ORPHANED: 8,
    Fate.LOCKED: 1,
}

SPELLS: Final = (Fate.AWAY, Fate.SILENT, Fate.LOST)
"""What a spell consists of: every call of a connection meets it, so that breakers open."""


class Act(StrEnum):
    """What people and the hub itself do meanwhile."""

    WITHDRAW = "withdraw"
    CANCEL = "cancel"
    RETRY = "retry"
    RESUME = "resume"
    SWEEP = "sweep"
    UNPROMOTE = "unpromote"  # the head of a lane waits again, as if a promotion had been lost


ACTS: Final[Mapping[Act, int]] = {
    Act.WITHDRAW: 2,
    Act.CANCEL: 2,
    Act.RETRY: 5,
    Act.RESUME: 3,
    Act.SWEEP: 2,
    Act.UNPROMOTE: 1,
}


@dataclass(frozen=True, slots=True)
class Door:
    """A connection: `grace_s` is what its partner says of late calls, if it says anything."""

    name: str
    idempotent: bool
    grace_s: float | None
    rate_per_s: float | None
    burst: int
    at_once: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A seed's beginning; `calm_s` is when all faults stop but that of the call `poison`; chances are of each occasion.

    `deaf` is that of a bell that nobody hears, `eager` that of a person who retries what is dead within seconds.
    """

    seed: int
    doors: Sequence[Door]
    skews_s: Sequence[float]
    batches: Sequence[tuple[float, Sequence[NewStep]]]
    acts: Sequence[tuple[float, Act]]
    spells: Sequence[tuple[float, float, str, Fate]]
    troubles: Mapping[Fate, int]
    trouble: float
    death: float
    pause: float
    upset: float
    clumsy: float
    deaf: float
    eager: float
    poison: str
    calm_s: float
    attempts: int
    breaker: Breaker

    def settings(self) -> Settings:
        """Give the settings of this seed's engines; no file is read for them."""
        connections = {
            one.name: Connection(
                kind="sim", brand="sim", rate_per_s=one.rate_per_s, burst=one.burst, at_once=one.at_once
            )
            for one in self.doors
        }
        worker = Worker(lease_s=LEASE_S, grace_s=GRACE_S, attempts=self.attempts)
        return Settings.model_construct(worker=worker, http=HTTP, breaker=self.breaker, connections=connections)


def plan_of(seed: int, chance: Chance) -> Plan:
    """Draw a plan."""
    doors = _doors(chance)
    calm_s = chance.uniform(25, 60)
    rough = chance.choice((0.1, 0.3, 0.3, 0.55))
    batches = _batches(chance, doors, calm_s)
    keys = [one.idempotency_key for _at_s, steps in batches for one in steps]
    many = chance.randint(3, 9)
    return Plan(
        seed,
        doors,
        [chance.uniform(-SKEW_S, SKEW_S) for _ in range(chance.randint(2, 4))],
        batches,
        sorted((chance.uniform(2, calm_s), chance.drawn(ACTS)) for _ in range(many)),
        _spells(chance, doors, calm_s),
        troubles={fate: weight * chance.choice((0, 1, 1, 1, 6)) for fate, weight in TROUBLES.items()},
        trouble=rough,
        death=chance.choice((0.0, 0.02, 0.05)),
        pause=chance.choice((0.0, 0.05, 0.12)),
        upset=chance.choice((0.0, 0.0, 0.03)),
        clumsy=chance.choice((0.0, 0.0, 0.03)),
        deaf=chance.choice((0.0, 0.3, 1.0)),
        eager=chance.choice((0.0, 0.3, 0.8)),
        poison=chance.choice(keys) if chance.happens(0.1) else "",
        calm_s=calm_s,
        attempts=chance.choice((1, 2, 3, 4, 6)),
        breaker=Breaker(failures=chance.randint(2, 4), cool_s=chance.choice((1, 3)), longest_cool_s=12),
    )


def _doors(chance: Chance) -> list[Door]:
    graces = {"keyed": None, "asked": chance.choice((None, 0.5)), "tardy": chance.choice((3.0, 15.0, 40.0))}
    names = ["keyed", "asked", "tardy"]
    chance.shuffle(names)
    return [
        Door(
            name,
            idempotent=name == "keyed",
            grace_s=graces[name],
            rate_per_s=chance.choice((None, None, 0.5, 2.0)),
            burst=chance.randint(1, 4),
            at_once=chance.choice((None, None, 1, 2)),
        )
        for name in names[: chance.randint(2, 3)]
    ]


def _batches(chance: Chance, doors: Sequence[Door], calm_s: float) -> list[tuple[float, list[NewStep]]]:
    """Give every lane's steps to one or several transactions; what follows from a step is in its subject."""
    batches: list[tuple[float, list[NewStep]]] = [(0.0, [])]
    batches += [(chance.uniform(0, calm_s * 0.7), []) for _ in range(chance.randint(1, 3))]
    batches.sort(key=lambda one: one[0])
    for lane in range(chance.randint(2, 5)):
        door = chance.choice(doors).name
        places = sorted(chance.randrange(len(batches)) for _ in range(chance.randint(1, 4)))
        for no, place in enumerate(places):
            name = f"lane-{lane}"
            then = chance.choice(doors).name if chance.happens(0.2) else ""
            step = NewStep(chance.choice(FLOWS), name, door, f"{name}/{no}", None, {"place": no, "then": then})
            batches[place][1].append(step)
    for _at_s, steps in batches:
        if chance.happens(0.5):  # lanes mixed, each in its order
            steps.sort(key=lambda one: one.subject["place"])
    return [one for one in batches if one[1]]


def _spells(chance: Chance, doors: Sequence[Door], calm_s: float) -> list[tuple[float, float, str, Fate]]:
    spells: list[tuple[float, float, str, Fate]] = []
    for _ in range(chance.choice((0, 0, 1, 2))):
        begins_s = chance.uniform(0, calm_s * 0.8)
        ends_s = begins_s + chance.uniform(5, 20)
        spells.append((begins_s, ends_s, chance.choice(doors).name, chance.choice(SPELLS)))
    return spells
