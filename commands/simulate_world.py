"""One seed's world: its database, partners, workers and people on one virtual clock, from the first step to quiet."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, final

from commands.simulate_folk import Folk
from commands.simulate_ground import BEGINNING, OneConnection, Seen, Trouble
from commands.simulate_laws import Record
from commands.simulate_loop import Loop
from commands.simulate_partner import Died, Errand, Partner, Partners, Send
from commands.simulate_plan import FLOWS, Chance, Door, Fate, Plan, plan_of
from commands.simulate_watch import CLAIMABLE, Watch
from commands.simulate_worker import Worker
from flows.engine import Clock, Engine
from flows.settle import Result
from hub.failpoints import arm, disarm

DEADLY: Final = (
    "claim.claimed",
    "claim.committed",
    "call.before",
    "call.after",
    "settle.written",
    "settle.committed",
)
POLL_S: Final = 2.0
LONGEST_POLL_S: Final = 30.0
EAGER_S: Final = 4.0
HEARD_S: Final = 0.005
EVENTS: Final = 20_000
PATIENCE_S: Final = 900
"""How long after the faults have stopped something may still be under way."""


@final
class World:
    """Everything of one seed."""

    def __init__(self, database: OneConnection, seed: int, engine: type[Engine] = Engine) -> None:
        self.chance = Chance(f"simulation {seed}")
        random.seed(seed)  # the engine's jitter
        self.plan: Plan = plan_of(seed, self.chance)
        self.record = Record()
        self.watch = Watch(self.plan, self.record)
        self.database = database
        self.loop = Loop()
        self.calm = False
        self.partners = {door.name: Partner(door, self) for door in self.plan.doors}
        self._settings = self.plan.settings()
        self._engine = engine
        self._folk = Folk(self)

    def run(self) -> None:
        """Let everything happen; what is broken is in the record."""
        self.database.tidy()
        self.database.trouble, self.database.rung = self._trouble, self._ring
        for point in DEADLY:
            arm(point, self._at_point(point))
        try:
            self._folk.plan()
            for no, skew_s in enumerate(self.plan.skews_s, 1):
                self.loop.start(f"worker {no}", Worker(self, skew_s).live)
            self.loop.at(self.plan.calm_s, self._calm_down)
            quiet = self.loop.run(EVENTS)
            while quiet and self._folk.close():
                quiet = self.loop.run(EVENTS)
            self.hold("all ends", f"still busy after {EVENTS} events", so=quiet)
        finally:
            disarm()
            self.database.trouble, self.database.rung = lambda: Trouble.NONE, lambda: None
            self.loop.close()

    @property
    def now_s(self) -> float:
        return self.loop.now_s

    @property
    def at(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.loop.now_s)

    @property
    def steps(self) -> Mapping[int, Seen]:
        return self.watch.steps

    @property
    def is_upset(self) -> bool:
        """Whether the database may go away in this seed."""
        return self.plan.upset > 0

    def engine(self, clock: Clock) -> Engine:
        effects = {flow: Send(flow, self, alone=flow == "sim.alone") for flow in FLOWS}
        return self._engine(self.database, Partners(list(self.partners.values())), effects, self._settings, clock)

    def tell(self, what: str, **more: object) -> None:
        task = self.loop.current
        self.record.tell(self.now_s, task.name if task else "world", what, **more)

    def hold(self, law: str, what: str, *, so: bool) -> None:
        self.record.hold(self.now_s, law, what, so=so)

    # Of partners and effects:

    def fate_of(self, connection: str, key: str, *, asked: bool) -> Fate:
        """Draw what becomes of a call or a question."""
        if key == self.plan.poison and not asked:
            return Fate.POISON
        if self.calm:
            return Fate.ANSWERED
        for begins_s, ends_s, name, fate in self.plan.spells:
            if name == connection and begins_s <= self.now_s < ends_s:
                return fate
        if not self.chance.happens(self.plan.trouble):
            return Fate.ANSWERED
        fate = self.chance.drawn(self.plan.troubles)
        return Fate.ANSWERED if asked and fate is Fate.REFUSED else fate

    def sleep(self, seconds: float) -> None:
        """Let whoever calls wait."""
        if self.loop.current is None:
            raise RuntimeError("nobody is there to wait")
        self.loop.current.sleep(seconds)

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        self.loop.at(self.now_s + seconds, act)

    def is_clumsy(self) -> bool:
        clumsy = self._happens(self.plan.clumsy)
        if clumsy:
            self.tell("a bug in the flow")
            self.watch.forgive()
        return clumsy

    def begun(self, door: Door, errand: Errand) -> None:
        if not door.idempotent:
            self.look()  # it may just have prolonged its lease
        self.watch.begun(self.now_s, door, errand)

    def ended(self, door: Door, errand: Errand) -> None:
        self.watch.ended(door, errand)

    def executed(self, door: Door, errand: Errand, times: int) -> None:
        self.tell("executed", step=errand.step, token=errand.token, times=times, at=door.name)
        self.hold("once", errand.key, so=times == 1)

    # Of workers:

    def pauses(self) -> bool:
        return self._happens(self.plan.pause)

    def look(self) -> None:
        """See what became of the tables, and wake whoever would see it too."""
        before = self.watch.steps
        self.watch.look(self.now_s, self.database.look())
        if self.watch.steps != before:
            self._wake()

    def took(self, clock: datetime, before: Mapping[int, Seen]) -> None:
        self.watch.took(self.now_s, clock, before)

    def booked(self, clock: datetime, results: Sequence[Result], before: Mapping[int, Seen]) -> list[int]:
        booked = self.watch.booked(self.now_s, clock, results, before)
        for step in booked:
            if self.watch.steps[step].state == "dead" and self._happens(self.plan.eager):
                self.later(self.chance.uniform(0, EAGER_S), lambda step=step: self._folk.retry(step))
        return booked

    def is_due(self, clock: datetime) -> bool:
        """Say whether a claim could find something at all."""
        return any(one.run_at <= clock and one.state in CLAIMABLE for one in self.watch.steps.values())

    def next_wake_s(self, skew_s: float, empty: int) -> float | None:
        """Say when a worker that found nothing looks again; looking before anything is due would find nothing again."""
        due = min((one.run_at for one in self.watch.steps.values() if one.state in CLAIMABLE), default=None)
        if due is None or (self.calm and self.now_s > self.plan.calm_s + PATIENCE_S):
            return None
        due_s = (due - BEGINNING).total_seconds() - skew_s
        if due_s > self.now_s:
            return due_s + self.chance.uniform(0, POLL_S)
        return self.now_s + min(POLL_S * 1.5 ** min(empty, 10), LONGEST_POLL_S) * self.chance.uniform(0.5, 1)

    def _wake(self) -> None:
        """Let resting workers look when something has become due sooner than they meant to."""
        due = min((one.run_at for one in self.watch.steps.values() if one.state in CLAIMABLE), default=None)
        if due is not None:
            due_s = max((due - BEGINNING).total_seconds(), self.now_s)
            for task in self.loop.tasks:
                if task.rests:
                    task.wake_by(due_s + self.chance.uniform(0, POLL_S))

    def _ring(self) -> None:
        """Wake resting workers at once, unless nobody hears the bell."""
        if not self.chance.happens(self.plan.deaf):
            for task in self.loop.tasks:
                task.wake_by(self.now_s + HEARD_S)

    def _at_point(self, point: str) -> Callable[[], object]:
        def reached() -> None:
            if self.loop.current is not None and self._happens(self.plan.death):
                self.tell("dies", at=point)
                raise Died

        return reached

    def _trouble(self) -> Trouble:
        if self.loop.current is None or not self._happens(self.plan.upset):
            return Trouble.NONE
        return self.chance.choice((Trouble.REFUSED, Trouble.UNDONE, Trouble.UNHEARD))

    def _happens(self, probability: float) -> bool:
        """Draw whether a fault happens; none does when all is calm."""
        return not self.calm and self.chance.happens(probability)

    def _calm_down(self) -> None:
        self.calm = True
        self.tell("faults stop")
        self._folk.calm_down()
