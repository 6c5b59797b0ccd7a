"""The road itself: what a caller meets on it, and what it counts."""

from collections.abc import Generator
from itertools import count

import pytest
import requests
from fastapi import FastAPI, Request

from sandbox.listen import serving
from sandbox.rough_road import RoughRoad, Trouble, rough_road

PATIENCE = (0.5, 0.2)


@pytest.fixture(scope="module")
def partner() -> Generator[str]:
    """Give the address of a partner that numbers what it is sent."""
    app, numbers = FastAPI(), count(1)

    async def take(request: Request) -> dict[str, object]:
        return {"no": next(numbers), "got": (await request.body()).decode()}

    app.add_api_route("/", take, methods=["POST"])
    with serving(app) as url:
        yield url


@pytest.fixture
def road(partner: str) -> Generator[RoughRoad]:
    with rough_road(partner) as laid:
        yield laid


def post(road: RoughRoad, body: str = "hello") -> requests.Response:
    return requests.post(road.url, body, timeout=PATIENCE)


def test_a_smooth_road_carries_a_request_and_its_answer(road: RoughRoad) -> None:
    assert post(road, "x" * 100_000).json()["got"] == "x" * 100_000
    assert len(road.rest().passed_on) == 1


def test_a_late_answer_is_a_whole_one(road: RoughRoad) -> None:
    road.misbehave("late", seconds=0.05)
    assert post(road).json()["got"] == "hello"


@pytest.mark.parametrize("trouble", ["reset", "half"])
def test_an_answer_that_breaks_off_is_one_that_the_partner_has_given(road: RoughRoad, trouble: Trouble) -> None:
    before = post(road).json()["no"]
    road.misbehave(trouble)
    with pytest.raises(requests.RequestException):
        post(road)
    road.heal()
    assert post(road).json()["no"] == before + 2


@pytest.mark.parametrize("trouble", ["slow_head", "slow_body", "stall"])
def test_a_caller_who_gives_up_is_counted_and_the_partner_has_answered(road: RoughRoad, trouble: Trouble) -> None:
    before = post(road).json()["no"]
    road.misbehave(trouble)
    with pytest.raises(requests.RequestException):
        impatient(road)
    assert road.rest().given_up == 1
    road.heal()
    assert post(road).json()["no"] == before + 2


def test_a_reset_before_the_partner_is_one_that_it_never_heard_of(road: RoughRoad) -> None:
    before = post(road).json()["no"]
    road.misbehave("reset_unheard")
    with pytest.raises(requests.ConnectionError):
        post(road)
    road.heal()
    assert (post(road).json()["no"], len(road.rest().passed_on)) == (before + 1, 2)


def test_only_what_holds_the_words_meets_the_trouble(road: RoughRoad) -> None:
    road.misbehave("reset", b"bad")
    assert post(road, "good").json()["got"] == "good"
    with pytest.raises(requests.ConnectionError):
        post(road, "bad")


def test_a_gate_that_is_shut_refuses_and_opens_again_at_the_same_address(road: RoughRoad) -> None:
    for _ in range(2):
        road.refuse()
        with pytest.raises(requests.ConnectionError):
            post(road)
        road.heal()
        assert post(road).ok
    assert len(road.rest().passed_on) == 2


def test_an_answer_is_forged_behind_the_partners_back(road: RoughRoad) -> None:
    road.misbehave("forged", forge=lambda answer: answer.replace(b"hello", b"hallo"))
    assert post(road).json()["got"] == "hallo"
    assert len(road.rest().passed_on) == 1


def impatient(road: RoughRoad) -> None:
    """Call with less patience than there is between two bytes of an answer."""
    requests.post(road.url, "hello", timeout=(0.5, 0.01))
