"""A simulated worker: takes, prepares, calls and books with the real engine, stands still, dies, starts again."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol, final

from sqlalchemy.exc import IntegrityError, OperationalError

from commands.simulate_ground import BEGINNING, Seen
from commands.simulate_loop import Task
from commands.simulate_partner import Died
from commands.simulate_plan import LEASE_S, Chance
from flows.effect import Claimed
from flows.engine import Clock, Engine
from flows.settle import Result

OUTAGE_S: Final = 1.0
AT_ONCE: Final = 5
REPEATS: Final = 8


class Surroundings(Protocol):
    """What a worker needs of the world it is in."""

    @property
    def now_s(self) -> float: ...

    @property
    def chance(self) -> Chance: ...

    @property
    def is_upset(self) -> bool: ...

    @property
    def steps(self) -> Mapping[int, Seen]: ...

    def engine(self, clock: Clock) -> Engine: ...

    def pauses(self) -> bool: ...

    def look(self) -> None: ...

    def took(self, clock: datetime, before: Mapping[int, Seen]) -> None: ...

    def booked(self, clock: datetime, results: Sequence[Result], before: Mapping[int, Seen]) -> list[int]: ...

    def is_due(self, clock: datetime) -> bool: ...

    def next_wake_s(self, skew_s: float, empty: int) -> float | None: ...

    def tell(self, what: str, **more: object) -> None: ...

    def hold(self, law: str, what: str, *, so: bool) -> None: ...


@final
class Worker:
    """One worker's process; `skew_s` is how far its clock is ahead."""

    def __init__(self, world: Surroundings, skew_s: float) -> None:
        self._world = world
        self._skew_s = skew_s
        self._empty = 0
        self._clock = Clock(self._now, lambda: self._world.now_s + 1_000)
        self._engine = world.engine(self._clock)

    def live(self, task: Task) -> None:
        """Work for as long as the world turns."""
        while True:
            try:
                self._round(task)
            except Died:
                self._world.tell("died")
                self._world.look()
                task.sleep(self._world.chance.choice((0.1, 2, LEASE_S, 2 * LEASE_S)))
                self._world.tell("started")
            except OperationalError:
                self._world.tell("the database is away")
                self._world.look()
                task.sleep(OUTAGE_S)

    def _round(self, task: Task) -> None:
        world = self._world
        steps = self._take() if world.is_due(self._now()) else []
        if not steps:
            self._empty += 1
            task.rest(world.next_wake_s(self._skew_s, self._empty))
            return
        self._empty = 0
        self._nap(task)
        jobs = self._engine.prepare(steps)
        self._nap(task)
        results: list[Result] = []
        for job in jobs:
            result = self._engine.call(job)
            error = result.outcome.error
            world.tell(
                "heard",
                step=job.step.id,
                token=job.step.token,
                outcome=result.outcome.state,
                **({"code": error.code} if error else {}),
                **({"given_back": True} if result.outcome.given_back else {}),
            )
            results.append(result)
            self._nap(task)
            if world.chance.happens(0.4):
                self._book(task, results)
                results = []
        if results:
            self._book(task, results)

    def _take(self) -> list[Claimed]:
        world = self._world
        before, clock = world.steps, self._now()
        limit = world.chance.randint(1, AT_ONCE)
        ids = None
        if world.chance.happens(0.3):  # as a broker's messages name them
            ids = [one for one in before if world.chance.happens(0.7)]
        cap = world.chance.choice((None, None, 1))
        steps: list[Claimed] = []
        try:
            steps = self._engine.take(limit, cap=cap, ids=ids)
        except IntegrityError as error:
            world.hold("no bugs", f"take: {type(error).__name__}", so=False)
        except BaseException:
            self._see(clock, before)
            raise
        if steps:
            self._see(clock, before)
            world.tell("took", steps=",".join(f"{one.id}/{one.token}({one.was})" for one in steps))
        return steps

    def _see(self, clock: datetime, before: Mapping[int, Seen]) -> None:
        self._world.look()
        self._world.took(clock, before)

    def _book(self, task: Task, results: Sequence[Result]) -> None:
        """Book, again and again while the database is away; what was committed unheard is fenced the next time."""
        for _ in range(REPEATS):
            try:
                self._book_once(results)
            except OperationalError:
                self._world.tell("the database is away")
                task.sleep(OUTAGE_S)
            else:
                break
        self._nap(task)

    def _book_once(self, results: Sequence[Result]) -> None:
        world = self._world
        before, clock = world.steps, self._now()
        given: set[int] | None = None
        try:
            given = {step for step, _ in self._engine.book(results)}
        finally:
            world.look()
            mine = world.booked(clock, results, before)
            told = ",".join(f"{one}={world.steps[one].state}" for one in mine)
            lost = ",".join(str(one.step.id) for one in results if one.step.id not in mine)
            world.tell("booked", steps=told or "none", **({"fenced": lost} if lost else {}))
            if given is not None:
                unheard = set(mine) - given  # what was committed unheard is fenced when it is tried again
                true = given <= set(mine) and (not unheard or world.is_upset)
                world.hold("told truly", f"{sorted(given)} for {mine}", so=true)

    def _nap(self, task: Task) -> None:
        """Let others act; now and then for longer than a lease."""
        world = self._world
        if world.pauses():
            seconds = world.chance.choice((0.5, 0.5, 1, 1.5, 2.5)) * LEASE_S
            world.tell("stands still", seconds=round(seconds, 1))
            task.sleep(seconds)
        else:
            task.sleep(world.chance.uniform(0, 0.03))

    def _now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self._world.now_s + self._skew_s)
