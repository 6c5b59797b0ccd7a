"""The worker of a chaos run: the real one, whose engine also knows the run's own partner and effect."""

import signal
import sys
from collections.abc import Mapping
from time import monotonic
from typing import Final

from commands.massacre_errand import FLOW, Partners, RunErrand, brittle
from commands.mode import Mode
from commands.pool import CeleryCrew, Pool, serve_pool
from commands.reach import Reach, reached
from connectors.partner import utc_now
from connectors.registry import Registry
from flows.dispatch import Dispatcher
from flows.effect import Effect
from flows.engine import Clock, Engine
from flows.health import Pulse
from flows.listing import effects
from flows.pool import Hand
from flows.worker import Crew, Worker
from hub.database import Database
from hub.failpoints import arm_from_environment
from hub.keyring import Keyring
from hub.log import start_logging
from hub.settings import Settings
from hub.tokens import Tokens

MODULE: Final = "commands.massacre_worker"
POOL: Final = "pool"


def serve(mode: Mode) -> None:
    """Run flows until told to stop or killed."""
    start_logging()
    arm_from_environment()
    with reached() as reach:
        settings = _without_brittle(reach.settings)
        # Its loops know nothing of the brittle partner: only what runs steps does.
        registry = Registry(settings, Tokens(reach.database))
        crew = _celery(reach) if mode is Mode.CELERY else _embedded(reach, registry)
        worker = Worker(reach.database, settings, registry, crew)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: worker.stop())
        worker.run()


def make_hand(settings: Settings) -> Hand:
    """Make what one process of the pool works with."""
    ring = Keyring.read(settings.secret("keyring"))
    database = Database(settings.database_url, ring, connections=settings.worker.threads + 4)
    registry = Registry(_without_brittle(settings), Tokens(database))
    return Hand(database, settings, Partners(settings, registry), _known(settings))


def _embedded(reach: Reach, registry: Registry) -> Crew:
    partners, worker = Partners(reach.settings, registry), reach.settings.worker
    known, clock = _known(reach.settings), Clock(utc_now, monotonic)
    engine = Engine(reach.database, partners, known, reach.settings, clock, Pulse().hear)
    return Dispatcher(engine, worker.threads, worker.batch, monotonic)


def _celery(reach: Reach) -> Crew:
    return CeleryCrew(reach.database, reach.settings, Pool(reach.url, reach.settings, (MODULE, POOL)))


def _known(settings: Settings) -> Mapping[str, Effect]:
    return {**effects(settings), FLOW: RunErrand()}


def _without_brittle(settings: Settings) -> Settings:
    ours = brittle(settings)
    others = {name: one for name, one in settings.connections.items() if name not in ours}
    return settings.model_copy(update={"connections": others})


if __name__ == "__main__":
    if sys.argv[1] == POOL:
        serve_pool(make_hand)
    else:
        serve(Mode(sys.argv[1]))
