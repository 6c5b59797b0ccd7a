"""The checker that closes a simulation: steps, attempts and the partners' books must tell the same story."""

from collections.abc import Sequence
from typing import Final

from commands.simulate_plan import SKEW_S
from commands.simulate_watch import CLOSED
from commands.simulate_world import World

ATTEMPTS: Final = b"select step_id, token, outcome from attempt"


def close(world: World) -> None:
    """Hold everything to the laws, now that nothing moves any more."""
    _all_ends(world)
    _books_agree(world)
    _lanes_in_order(world)
    _what_follows(world)
    _rates(world)
    kept = sorted(world.database.look_for(ATTEMPTS))
    booked = sorted(world.watch.attempts)
    differ = sorted(set(kept) ^ set(booked))
    world.hold("attempts are kept", f"{differ[:3]}", so=kept == booked)
    world.hold("gates close", ", ".join(world.watch.open_gates()), so=not world.watch.open_gates())


def _all_ends(world: World) -> None:
    dead_ahead: set[str] = set()
    for step in world.steps.values():
        if step.state == "dead":
            dead_ahead.add(step.lane)
        ended = step.state in CLOSED or step.state == "dead" or (step.state == "waiting" and step.lane in dead_ahead)
        world.hold("all ends", f"step {step.id} is {step.state}", so=ended)


def _books_agree(world: World) -> None:
    for step in world.steps.values():
        times = world.partners[step.connection].times[step.key]
        what = f"step {step.id} is {step.state}, executed {times} times"
        world.hold("once", what, so=times <= 1)
        world.hold("done is executed", what, so=step.state != "done" or times == 1)
        never = step.state in {"cancelled", "waiting"} or (step.state == "dead" and not step.doubt)
        world.hold("refused is not executed", what, so=not never or times == 0)
    for partner in world.partners.values():
        for errand in partner.order:
            step = world.steps[errand.step]
            same = (step.key, step.lane) == (errand.key, errand.lane)
            world.hold("same request", f"step {step.id}", so=same)


def _lanes_in_order(world: World) -> None:
    """First executions of a lane come in the order of its steps."""
    for partner in world.partners.values():
        latest: dict[str, int] = {}
        for errand in partner.order:
            ahead = latest.get(errand.lane, 0)
            world.hold("in order", f"step {errand.step} after {ahead}", so=errand.step >= ahead)
            latest[errand.lane] = max(ahead, errand.step)


def _what_follows(world: World) -> None:
    """What a step's booking adds is there exactly when the step is done."""
    keys = {step.key for step in world.steps.values()}
    follows = [new for _at_s, steps in world.plan.batches for new in steps if new.subject["then"]]
    done = {step.key for step in world.steps.values() if step.state == "done"}
    for new in follows:
        there = f"{new.idempotency_key}>" in keys
        world.hold("booked once", new.idempotency_key, so=there == (new.idempotency_key in done))


def _rates(world: World) -> None:
    """In no window are more calls claimed than were saved up and came in meanwhile; clocks differ a little."""
    for door in world.plan.doors:
        if door.rate_per_s is not None:
            times = world.watch.claims[door.name]
            world.hold("rate", door.name, so=_fits(times, door.rate_per_s, door.burst))


def _fits(times: Sequence[float], rate_per_s: float, burst: int) -> bool:
    return all(
        last - first + 1 <= burst + rate_per_s * (times[last] - times[first] + 2 * SKEW_S) + 1e-6
        for first in range(len(times))
        for last in range(first, len(times))
    )
