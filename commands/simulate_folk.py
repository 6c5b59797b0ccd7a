"""What people and the hub itself do in a simulation: add, withdraw, cancel, retry, resume, sweep, close gates."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol, final

from commands.simulate_ground import OneConnection, Seen
from commands.simulate_loop import Loop
from commands.simulate_plan import FLOWS, Act, Chance, Plan
from commands.simulate_watch import CLOSED, Watch
from hub.connections import resume
from hub.database import run
from hub.errors import Conflict
from hub.repair import cancel_step, retry_step
from hub.roles import SYSTEM
from hub.steps import NewStep, add, wake_parked, withdraw

AGAIN_S: Final = 5.0
WHY: Final = "simulated"
LAST_CALLS: Final = 3
"""How often a gate that is still open gets a call to close it."""


class Surroundings(Protocol):
    """What they need of the world they are in."""

    @property
    def chance(self) -> Chance: ...

    @property
    def plan(self) -> Plan: ...

    @property
    def at(self) -> datetime: ...

    @property
    def loop(self) -> Loop: ...

    @property
    def database(self) -> OneConnection: ...

    @property
    def watch(self) -> Watch: ...

    def look(self) -> None: ...

    def tell(self, what: str, **more: object) -> None: ...


@final
class Folk:
    """Acts at the plan's moments, on whatever chance chooses."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self._last_calls = 0
        self._swept = False

    def plan(self) -> None:
        """Set down when what is done."""
        world = self._world
        for at_s, steps in world.plan.batches:
            world.loop.at(at_s, lambda steps=steps: self._add(steps))
        for at_s, act in world.plan.acts:
            world.loop.at(at_s, lambda act=act: self._do(act))

    def calm_down(self) -> None:
        """Let every connection go on, some time after the faults have stopped."""
        world = self._world
        world.loop.at(world.loop.now_s + AGAIN_S, self._resume)
        world.loop.at(world.loop.now_s + AGAIN_S * 3, self._retry)

    def close(self) -> bool:
        """Do what is left when nothing moves any more, and say whether there was something."""
        if not self._swept:
            self._swept = True
            self._sweep()
            return True
        open_gates = self._world.watch.open_gates()
        if not open_gates or self._last_calls == LAST_CALLS:
            return False
        self._last_calls += 1
        subject = {"place": 0, "then": ""}
        keys = {name: f"last-{name}/{self._last_calls}" for name in open_gates}
        self._add([NewStep(FLOWS[0], f"last-{name}", name, key, None, subject) for name, key in keys.items()])
        return True

    def retry(self, step: int) -> None:
        """Try one again that is dead, if it still is."""
        world = self._world
        try:
            with world.database.transaction() as session:
                retry_step(session, SYSTEM, step, WHY, world.at)
        except Conflict:
            return
        world.tell("retried", step=step)
        world.look()

    def _do(self, act: Act) -> None:
        match act:
            case Act.WITHDRAW:
                self._withdraw()
            case Act.CANCEL:
                self._cancel()
            case Act.RETRY:
                self._retry()
            case Act.RESUME:
                self._resume()
            case Act.SWEEP:
                self._sweep()
            case Act.UNPROMOTE:
                self._unpromote()

    def _add(self, steps: Sequence[NewStep]) -> None:
        world = self._world
        with world.database.transaction() as session:
            add(session, steps, world.at)
        world.tell("added", steps=",".join(one.idempotency_key for one in steps))
        world.look()

    def _withdraw(self) -> None:
        world = self._world
        steps = self._open()
        if steps:
            step = world.chance.choice(steps)
            lane, flow = step.lane, step.flow
            with world.database.transaction() as session:
                done = withdraw(session, lane, flow, world.at)
            world.tell("withdrawn" if done else "not to be withdrawn", lane=lane, flow=flow)
            world.look()

    def _cancel(self) -> None:
        world = self._world
        steps = self._open()
        if not steps:
            return
        step = world.chance.choice(steps).id
        try:
            with world.database.transaction() as session:
                cancel_step(session, SYSTEM, step, WHY, world.at)
        except Conflict:
            world.tell("not to be cancelled", step=step)
            return
        world.tell("cancelled", step=step)
        world.look()

    def _retry(self) -> None:
        """Have half of what is dead tried again."""
        world = self._world
        dead = [one.id for one in world.watch.steps.values() if one.state == "dead" and world.chance.happens(0.5)]
        for step in dead:
            self.retry(step)

    def _open(self) -> list[Seen]:
        """Give the steps whose end is still open, and now and then one that has ended."""
        world = self._world
        return [one for one in world.watch.steps.values() if one.state not in CLOSED or world.chance.happens(0.1)]

    def _resume(self) -> None:
        world = self._world
        for name in sorted(world.watch.paused):
            with world.database.transaction() as session:
                resume(session, name, SYSTEM.name, WHY, world.at)
            world.tell("resumed", connection=name)
        world.watch.paused.clear()
        world.look()

    def _sweep(self) -> None:
        world = self._world
        after = ""
        with world.database.transaction() as session:
            after = wake_parked(session, world.at, after)
        world.tell("swept")
        world.look()

    def _unpromote(self) -> None:
        """Let a head wait that was never tried, as if its promotion had been lost; a sweep comes by later."""
        world = self._world
        fresh = [one.id for one in world.watch.steps.values() if one.state == "pending" and one.attempts == 0]
        if fresh:
            step = world.chance.choice(fresh)
            with world.database.transaction() as session:
                run(session, "update step set state = 'waiting' where id = :id", id=step)
            world.tell("its promotion is lost", step=step)
            world.look()
            world.loop.at(world.loop.now_s + AGAIN_S, self._sweep)
