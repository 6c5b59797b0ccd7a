import asyncio
from collections.abc import Sequence
from threading import Event

import pytest

from api.gather import Gather


class Work:
    """Doubles numbers, group by group; `bad` ones are a bug, and the first group waits until it may go on."""

    def __init__(self, *bad: int, error: type[Exception] = RuntimeError) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.go = Event(), Event()
        self._bad = bad
        self._error = error

    def __call__(self, group: Sequence[int]) -> Sequence[int | Exception]:
        self.groups.append(list(group))
        self.begun.set()
        if len(self.groups) == 1:
            self.go.wait(5)
        if set(self._bad) & set(group):
            raise self._error("no")
        return [ValueError("refused") if one < 0 else 2 * one for one in group]


async def given(work: Work, *numbers: int, most: int = 64) -> list[int | BaseException]:
    """Give the first number alone, the others while it is under way; give all results."""
    gather = Gather[int, int](work, 0.5, most, (OSError,))
    first = asyncio.create_task(gather.give(numbers[0]))
    await asyncio.to_thread(work.begun.wait, 5)
    others = [asyncio.create_task(gather.give(one)) for one in numbers[1:]]
    await asyncio.sleep(0.01)
    work.go.set()
    results = await asyncio.gather(first, *others, return_exceptions=True)
    gather.close()
    return results


def test_who_comes_alone_waits_for_nobody_and_the_others_go_together() -> None:
    work = Work()
    assert asyncio.run(given(work, 1, 2, 3, 4)) == [2, 4, 6, 8]
    assert work.groups == [[1], [2, 3, 4]]


def test_a_group_has_its_limit() -> None:
    work = Work()
    assert asyncio.run(given(work, 1, 2, 3, 4, most=2)) == [2, 4, 6, 8]
    assert [len(group) for group in work.groups] == [1, 2, 1]


def test_each_is_answered_for_itself() -> None:
    results = asyncio.run(given(Work(), 1, -2, 3))
    assert (results[0], type(results[1]), results[2]) == (2, ValueError, 6)


def test_whoever_is_to_blame_fails_alone() -> None:
    work = Work(4)
    results = asyncio.run(given(work, 1, 2, 3, 4, 5))
    assert [one if isinstance(one, int) else type(one) for one in results] == [2, 4, 6, RuntimeError, 10]
    assert [4] in work.groups


def test_an_error_that_is_everybody_s_is_not_tried_apart() -> None:
    work = Work(4, error=OSError)
    results = asyncio.run(given(work, 1, 2, 3, 4))
    assert [type(one) for one in results[1:]] == [OSError] * 3
    assert work.groups == [[1], [2, 3, 4]]


def test_a_caller_that_hangs_up_keeps_nobody_from_an_answer() -> None:
    async def hang_up() -> int:
        work = Work()
        gather = Gather[int, int](work, 0.5, 64, ())
        gone = asyncio.create_task(gather.give(1))
        await asyncio.to_thread(work.begun.wait, 5)
        stays = asyncio.create_task(gather.give(2))
        gone.cancel()
        work.go.set()
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await stays

    assert asyncio.run(hang_up()) == 4
