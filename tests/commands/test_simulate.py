"""The simulation of the engine: its laws hold, planted faults are found, and a seed is a seed."""

from collections.abc import Iterator

import pytest

from commands.simulate import run_simulation
from commands.simulate_crew import simulate
from commands.simulate_faults import FAULTS
from commands.simulate_ground import OneConnection, ground
from commands.simulate_laws import Record
from tests.scale import count

SEEDS = count(60, 5_000)
"""How many are simulated."""

PLANT_SEEDS = 100


@pytest.fixture(scope="module")
def place() -> Iterator[OneConnection]:
    with ground() as database:
        yield database


def seeds_until_found(place: OneConnection, plant: str) -> int:
    """Give the first seed that finds a planted fault, and one more than there are when none does."""
    found = (seed for seed in range(1, PLANT_SEEDS + 1) if simulate(place, seed, plant).violations)
    return next(found, PLANT_SEEDS + 1)


def told(record: Record) -> list[str]:
    return [f"{event.at_s:.6f} {event.who} {event.what}" for event in record.events]


@pytest.mark.timeout(1_800)
def test_no_law_is_broken_in_any_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_simulation(SEEDS, None, "", as_json=True) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert f'"seeds": {SEEDS}, "violations": 0, "planted_caught": {len(FAULTS)}' in last


@pytest.mark.parametrize("plant", FAULTS)
def test_a_planted_fault_is_found(place: OneConnection, plant: str) -> None:
    assert seeds_until_found(place, plant) <= PLANT_SEEDS


@pytest.mark.parametrize("seed", [3, 17])
def test_a_seed_replays_identically(place: OneConnection, seed: int) -> None:
    first = told(simulate(place, seed))
    simulate(place, seed + 1)
    assert told(simulate(place, seed)) == first


def test_seeds_differ(place: OneConnection) -> None:
    assert told(simulate(place, 3)) != told(simulate(place, 4))


def test_a_planted_fault_is_gone_afterwards(place: OneConnection) -> None:
    seed = seeds_until_found(place, "double-claim")
    assert simulate(place, seed).violations == []


def test_a_violation_is_replayed_with_its_trace(capsys: pytest.CaptureFixture[str], place: OneConnection) -> None:
    seed = seeds_until_found(place, "no-fence")
    assert run_simulation(1, seed, "no-fence", as_json=False) == 1
    shown = capsys.readouterr().out
    assert "took" in shown
    assert "who has lost a step books nothing" in shown
