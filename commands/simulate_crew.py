"""Runs seeds: one after the other in a process that keeps a database for as long as it lives."""

import sys
from collections.abc import Generator, MutableMapping
from contextlib import ExitStack, contextmanager
from multiprocessing.util import Finalize
from typing import Any, Final, NamedTuple

import structlog
from structlog.testing import capture_logs

from commands.simulate_faults import planted
from commands.simulate_ground import OneConnection, ground
from commands.simulate_laws import Record
from commands.simulate_partner import Clumsy
from commands.simulate_verdict import close
from commands.simulate_world import World

BUG: Final = "step.bug"

_kept: dict[str, OneConnection] = {}
"""This process's database, once it has one."""


class Share(NamedTuple):
    """Some seeds one after the other; with a fault planted, until one finds it."""

    first: int
    many: int
    plant: str = ""


class Found(NamedTuple):
    """A seed that broke a law: the first it broke."""

    seed: int
    law: str
    what: str


def simulate(database: OneConnection, seed: int, plant: str = "") -> Record:
    """Run one seed to its end, and check it.

    Raises: Malformed for a fault that is not known.
    """
    with planted(plant) as engine:
        world = World(database, seed, engine)
        with _listening(world):
            world.run()
        close(world)
    return world.record


def simulate_share(share: Share) -> tuple[Share, list[Found]]:
    """Run a share of the seeds in this process, and give those that broke a law."""
    database = _database()
    found: list[Found] = []
    for seed in range(share.first, share.first + share.many):
        record = simulate(database, seed, share.plant)
        if record.violations:
            found.append(Found(seed, record.violations[0].law, record.violations[0].what))
            if share.plant:
                break
    return share, found


def _database() -> OneConnection:
    if "database" not in _kept:
        stack = ExitStack()
        _kept["database"] = stack.enter_context(ground())
        Finalize(None, stack.close, exitpriority=10)  # a pool's process ends without atexit
    return _kept["database"]


@contextmanager
def _listening(world: World) -> Generator[None]:
    """Let nothing be logged, and hold every error that the engine met and nobody planned against it."""

    def judge(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        error = sys.exc_info()[1]
        if event["event"] == BUG and not isinstance(error, Clumsy):
            world.hold("no bugs", f"{type(error).__name__} in {event['where']}", so=False)
        raise structlog.DropEvent

    with capture_logs(processors=[judge]):
        yield
