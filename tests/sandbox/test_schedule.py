import threading
from collections.abc import Iterator

from sandbox.schedule import Schedule, Script

_WITHIN_S = 60.0


def _finished(schedule: Schedule, done: threading.Event) -> bool:
    try:
        return done.wait(_WITHIN_S)
    finally:
        schedule.close()


def _script(name: str, waits: list[float], log: list[str], done: threading.Event) -> Script:
    for wait_s in waits:
        log.append(name)
        yield wait_s
    done.set()


def test_a_script_runs_to_its_end() -> None:
    schedule, done, log = Schedule(2), threading.Event(), list[str]()
    schedule.add(_script("a", [0.0, 0.01, 0.0], log, done))
    assert _finished(schedule, done)
    assert log == ["a", "a", "a"]


def test_a_long_wait_holds_up_nobody() -> None:
    schedule, done, log = Schedule(1), threading.Event(), list[str]()
    schedule.add(_script("slow", [60.0], log, threading.Event()))
    schedule.add(_script("quick", [0.0, 0.0], log, done))
    assert _finished(schedule, done)
    assert log == ["slow", "quick", "quick"]


def test_an_earlier_script_overtakes_a_later_one() -> None:
    schedule, done, log = Schedule(1), threading.Event(), list[str]()
    schedule.add(_script("late", [], log, threading.Event()), after_s=60.0)
    schedule.add(_script("soon", [0.0], log, done), after_s=0.01)
    assert _finished(schedule, done)


def test_more_scripts_than_threads_all_run() -> None:
    schedule, done, left = Schedule(3), threading.Event(), threading.Semaphore(0)

    def script() -> Iterator[float]:
        yield 0.001
        left.release()

    for _ in range(200):
        schedule.add(script())
    assert all(left.acquire(timeout=_WITHIN_S) for _ in range(200))
    done.set()
    assert _finished(schedule, done)
