"""The worker of a chaos run: the real one, whose engine also knows the run's own partner and effect."""

import signal
import sys
from time import monotonic

from commands.chaos import Mode
from commands.massacre_errand import FLOW, Partners, RunErrand, brittle
from commands.reach import Reach, reached
from connectors.partner import utc_now
from connectors.registry import Registry
from flows.dispatch import Dispatcher
from flows.engine import Clock, Engine
from flows.health import Pulse
from flows.listing import effects
from flows.worker import Worker
from hub.failpoints import arm_from_environment
from hub.log import start_logging
from hub.tokens import Tokens


def serve(_mode: Mode) -> None:
    """Run flows until told to stop or killed."""
    start_logging()
    arm_from_environment()
    with reached() as reach:
        worker = worker_of(reach)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: worker.stop())
        worker.run()


def worker_of(reach: Reach) -> Worker:
    """Make the worker; its loops know nothing of the brittle partner, only what runs steps does."""
    ours = brittle(reach.settings)
    others = {name: one for name, one in reach.settings.connections.items() if name not in ours}
    settings = reach.settings.model_copy(update={"connections": others})
    registry = Registry(settings, Tokens(reach.database))
    known = {**effects(), FLOW: RunErrand()}
    partners = Partners(reach.settings, registry)
    engine = Engine(reach.database, partners, known, reach.settings, Clock(utc_now, monotonic), Pulse().hear)
    crew = Dispatcher(engine, settings.worker.threads, settings.worker.batch, monotonic)
    return Worker(reach.database, settings, registry, crew)


if __name__ == "__main__":
    serve(Mode(sys.argv[1]))
