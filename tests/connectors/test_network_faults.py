"""Every connector on a rough road to its stand-in: what each fault means, and that nothing is executed twice.

RFC is left out: its sockets are the SDK's own and no proxy of ours can stand in them. What its library says of a broken
connection is sorted in tests/connectors/transport/test_rfc.py.
"""

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest

from hub.errors import TryLater
from hub.exchange import listening
from sandbox.rough_road import UNHEARD, Trouble
from tests.connectors.errands import HASTY, Stand, run_to_the_end
from tests.connectors.ways import ERRANDS, Way, every_errand, way_of

BREAKS: Final[tuple[Trouble, ...]] = ("reset_unheard", "reset", "half")
DELAYS: Final[tuple[Trouble, ...]] = ("stall", "slow_head", "slow_body")
AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Ending:
    """How an errand ended whose answer took too long, and how often it was executed once it had been run again."""

    said: str
    times_passed: int
    given_up: int
    executed: int | None


Delayed = Mapping[tuple[type[Stand], str, Trouble], Future[Ending]]


@pytest.fixture(scope="module")
def delayed(find_stand: Callable[[type[Stand]], Stand]) -> Generator[Delayed]:
    """Run every errand into every delay, several at a time, for all they do is wait."""
    opened = {kind: find_stand(kind) for kind, _ in ERRANDS}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (kind, name, trouble): pool.submit(delay, opened[kind], name, trouble)
            for kind, name in ERRANDS
            for trouble in DELAYS
        }


def delay(stand: Stand, name: str, trouble: Trouble) -> Ending:
    with way_of(stand, name) as way:
        way.road.misbehave(trouble, way.errand.holding)
        with pytest.raises(way.errand.unheard), listening() as heard:
            way.errand.do(way.partner(HASTY))
        times, given_up = way.times_passed(), way.road.rest().given_up
        way.road.heal()
        run_to_the_end(way.errand, way.partner())
        return Ending(heard[-1].error, times, given_up, way.executed())


@every_errand
@pytest.mark.parametrize("trouble", DELAYS)
def test_the_caller_ends_what_takes_too_long_and_it_is_executed_once(
    delayed: Delayed, kind: type[Stand], name: str, trouble: Trouble
) -> None:
    ending = delayed[kind, name, trouble].result()
    assert "in time" in ending.said
    assert (ending.times_passed, ending.given_up) == (1, 1)
    assert ending.executed in {None, 1}


@every_errand
@pytest.mark.parametrize("trouble", BREAKS)
def test_what_breaks_is_unknown_and_then_executed_once(way: Way, trouble: Trouble) -> None:
    way.road.misbehave(trouble, way.errand.holding)
    with pytest.raises(way.errand.unheard), listening() as heard:
        way.errand.do(way.partner())
    assert heard[-1].error
    assert way.times_passed() == (trouble not in UNHEARD)
    way.road.heal()
    run_to_the_end(way.errand, way.partner())
    assert way.executed() in {None, 1}


@every_errand
def test_a_shut_gate_is_tried_later_for_it_was_certainly_not_executed(way: Way) -> None:
    way.road.refuse()
    with pytest.raises(TryLater) as caught:
        way.errand.do(way.partner())
    assert (caught.value.code, way.times_passed(), way.executed() or 0) == ("unreachable", 0, 0)
    way.road.heal()
    way.errand.do(way.partner())
    assert way.executed() in {None, 1}


@every_errand
def test_a_late_answer_within_the_limit_is_as_good_as_any(way: Way) -> None:
    way.road.misbehave("late", way.errand.holding, seconds=0.05)
    way.errand.do(way.partner())
    assert way.times_passed() >= 1
    assert way.executed() in {None, 1}
