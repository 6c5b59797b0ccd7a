import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.transport.deadline import Deadline
from hub.errors import TryLater
from hub.settings import Http

LIMITS = Http(connect_s=3, read_s=10)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_exchange_may_take_what_the_settings_say() -> None:
    assert Deadline(LIMITS).limits().model_dump() == pytest.approx({"connect_s": 3, "read_s": 10}, abs=0.1)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_no_exchange_outlives_the_deadline_however_slow_those_before_it_were(shares: list[float]) -> None:
    clock = Clock()
    deadline = Deadline(LIMITS, clock)
    for share in shares:
        try:
            limits = deadline.limits()
        except TryLater:
            break
        slowest = limits.connect_s + 2 * limits.read_s
        assert clock.now + slowest <= 23 + 1e-6
        clock.now += share * slowest


def test_what_is_left_too_little_for_is_not_begun() -> None:
    clock = Clock()
    deadline = Deadline(LIMITS, clock)
    clock.now = 21
    with pytest.raises(TryLater) as caught:
        deadline.limits()
    assert caught.value.code == "out_of_time"
