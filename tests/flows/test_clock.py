import time

from flows.engine import WALL


def test_a_lease_runs_while_the_machine_sleeps() -> None:
    before, told, after = (
        time.clock_gettime(time.CLOCK_BOOTTIME),
        WALL.monotonic(),
        time.clock_gettime(time.CLOCK_BOOTTIME),
    )
    assert before <= told <= after
