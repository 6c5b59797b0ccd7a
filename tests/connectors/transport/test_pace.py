import pytest

from connectors.transport.pace import Pace
from hub.errors import TryLater


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def took(calls: int, per_s: float) -> float:
    """Say how long so many calls one after the other wait."""
    clock = Clock()
    pace = Pace(per_s, clock, clock.sleep)
    for _ in range(calls):
        pace.wait()
    return clock.now - 100


def test_calls_are_spaced_evenly_after_the_first_few() -> None:
    assert took(1, 10) == took(2, 10) == 0
    assert took(12, 10) == pytest.approx(1.0)


def test_time_that_nobody_used_is_not_saved_up() -> None:
    clock = Clock()
    pace = Pace(10, clock, clock.sleep)
    clock.now += 3_600
    for _ in range(12):
        pace.wait()
    assert clock.now - 3_700 == pytest.approx(1.0)


def test_who_would_wait_too_long_comes_again_and_takes_no_turn() -> None:
    clock = Clock()
    pace = Pace(1, clock, lambda _: None)  # three threads ask at once: none of them has slept yet
    for _ in range(3):
        pace.wait()
    waits = list[float | None]()
    for _ in range(3):
        with pytest.raises(TryLater) as caught:
            pace.wait()
        waits.append(caught.value.after_s)
    assert waits == pytest.approx([2.9] * 3)
