"""The brittle partner: what each trouble does, and that its books are right."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack

import pytest
import requests

from sandbox.brittle import Brittle, Habits, Trouble, application
from sandbox.listen import serving

PATIENCE_S = 0.3
Open = Callable[..., tuple[Brittle, str]]


@pytest.fixture
def opened() -> Generator[Open]:
    """Serve a brittle partner that meets every call with one trouble, or with none."""
    with ExitStack() as stack:

        def open_one(trouble: Trouble | None = None) -> tuple[Brittle, str]:
            habits = Habits(trouble=trouble is not None, spell=0, stall_s=1, late_s=(0.4, 0.5))
            brittle = Brittle(habits if trouble is None else _only(habits, trouble))
            return brittle, stack.enter_context(serving(application(brittle)))

        yield open_one


def _only(habits: Habits, trouble: Trouble) -> Habits:
    return Habits(trouble=1, troubles={trouble: 1}, spell=0, stall_s=habits.stall_s, late_s=habits.late_s)


def send(url: str, key: str = "k1", *, door: str = "asked", lane: str = "l", land_by: float = 0) -> int:
    errand = {"key": key, "lane": lane, "land_by": land_by or time.time() + 60}
    return requests.post(f"{url}/{door}/errands", json=errand, timeout=PATIENCE_S).status_code


def executed(brittle: Brittle) -> list[str]:
    return [one.key for one in brittle.books.executions]


def test_a_repeated_key_is_executed_once_behind_the_keyed_door(opened: Open) -> None:
    brittle, url = opened()
    assert [send(url, door="keyed"), send(url, door="keyed")] == [200, 200]
    assert executed(brittle) == ["k1"]
    assert brittle.books.repeats == 1


def test_a_repeated_call_is_executed_again_behind_the_other(opened: Open) -> None:
    brittle, url = opened()
    assert [send(url), send(url)] == [200, 200]
    assert executed(brittle) == ["k1", "k1"]


def test_it_says_what_it_has_executed(opened: Open) -> None:
    _, url = opened()
    send(url)
    said = [requests.get(f"{url}/asked/errands/{key}", timeout=1).json()["executed"] for key in ("k1", "k2")]
    assert said == [True, False]


def test_executions_stand_in_their_order_with_their_lanes(opened: Open) -> None:
    brittle, url = opened()
    for key, lane in (("b", "l1"), ("a", "l2"), ("c", "l1")):
        send(url, key, lane=lane)
    assert [(one.key, one.lane) for one in brittle.books.executions] == [("b", "l1"), ("a", "l2"), ("c", "l1")]


@pytest.mark.parametrize("trouble", ["lost", "stalled_done"])
def test_an_answer_may_be_missed_though_it_was_executed(trouble: Trouble, opened: Open) -> None:
    brittle, url = opened(trouble)
    with pytest.raises(requests.RequestException):
        send(url)
    assert executed(brittle) == ["k1"]


@pytest.mark.parametrize("trouble", ["unheard", "stalled"])
def test_an_answer_may_be_missed_because_nothing_was_executed(trouble: Trouble, opened: Open) -> None:
    brittle, url = opened(trouble)
    with pytest.raises(requests.RequestException):
        send(url)
    assert executed(brittle) == []


@pytest.mark.parametrize(
    ("trouble", "status", "effects"),
    [("busy", 429, 0), ("away", 503, 0), ("broken", 500, 0), ("broken_done", 500, 1), ("nonsense", 200, 1)],
)
def test_a_bad_answer_says_nothing_of_the_effect(trouble: Trouble, status: int, effects: int, opened: Open) -> None:
    brittle, url = opened(trouble)
    assert send(url) == status
    assert len(executed(brittle)) == effects


def test_a_busy_answer_says_when_to_come_back(opened: Open) -> None:
    _, url = opened("busy")
    errand = {"key": "k1", "lane": "l", "land_by": time.time() + 60}
    assert requests.post(f"{url}/asked/errands", json=errand, timeout=1).headers["Retry-After"] == "1"


def test_a_late_call_lands_after_its_caller_has_given_up(opened: Open) -> None:
    brittle, url = opened("late")
    with pytest.raises(requests.ReadTimeout):
        send(url)
    assert executed(brittle) == []
    while brittle.landing:
        time.sleep(0.02)
    assert executed(brittle) == ["k1"]


def test_what_comes_later_than_it_may_land_is_thrown_away(opened: Open) -> None:
    brittle, url = opened()
    assert send(url, land_by=time.time() - 1) == 503
    assert executed(brittle) == []
    assert brittle.books.expired == 1


def test_it_behaves_once_it_is_told_to(opened: Open) -> None:
    brittle, url = opened("broken")
    brittle.calm_down()
    assert send(url) == 200


def test_a_spell_meets_everybody_until_it_is_over() -> None:
    now = [100.0]
    brittle = Brittle(Habits(trouble=0, spell=1, spell_s=(1, 1)), now=lambda: now[0])
    assert brittle.choose() is None
    met = {brittle.choose() for _ in range(20)}
    assert len(met) == 1
    now[0] += 2
    assert brittle.choose() is None
