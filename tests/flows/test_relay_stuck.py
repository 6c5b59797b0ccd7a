"""What the relay does about a family whose queue takes nothing, and what becomes of the others meanwhile."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from flows.relay import Relay, Stuck
from hub.database import Database
from tests.flows.announcing import Scene


@pytest.fixture
def scene(database: Database) -> Iterator[Scene]:
    made = Scene(database)
    made.add(2)
    made.add(1, "sap")
    made.broker.stuck.add("erp")
    yield made
    for relay in made.relays:
        relay.close()


def rounds(scene: Scene, relay: Relay, seconds: range) -> list[int]:
    """Let time pass, and give the seconds in which the stuck queue was tried."""
    tried: list[int] = []
    for scene.now_s in seconds:
        scene.broker.tried.clear()
        relay.go()
        tried += [scene.now_s] if "erp" in scene.broker.tried else []
    return tried


def test_a_family_whose_queue_takes_nothing_holds_up_no_other(scene: Scene) -> None:
    relay = scene.relay()
    assert relay.go() == 2
    scene.add(1, "wms-sh-2")
    assert relay.go() == 1
    assert scene.told() == [("warehouses", [1, 2]), ("other", [4])]


def test_it_is_left_alone_for_longer_each_time(scene: Scene) -> None:
    scene.broker.healing = False
    assert rounds(scene, scene.relay(), range(100)) == [0, 1, 3, 7, 15, 31, 61, 91]


def test_it_is_told_of_once_and_again_when_it_is_back(scene: Scene) -> None:
    relay = scene.relay()
    with capture_logs() as logs:
        rounds(scene, relay, range(5))
        scene.broker.stuck.clear()
        rounds(scene, relay, range(5, 10))
    said = [(line["event"], line.get("family")) for line in logs]
    assert said == [("relay.turn", None), ("relay.family_stuck", "erp"), ("relay.family_back", "erp")]
    assert ("erp", [3]) in scene.told()


def test_its_queue_is_replaced_after_half_a_minute_in_vain(scene: Scene) -> None:
    relay = scene.relay()
    with capture_logs() as logs:
        assert rounds(scene, relay, range(33)) == [0, 1, 3, 7, 15, 31, 32]
    assert scene.broker.renewed == ["erp"]
    assert [line["event"] for line in logs][-2:] == ["relay.queue_renewed", "relay.family_back"]


def test_a_queue_that_cannot_be_replaced_is_left_for_half_a_minute_again(scene: Scene) -> None:
    scene.broker.healing = False
    rounds(scene, scene.relay(), range(92))
    assert scene.broker.renewed == ["erp"] * 3


def test_of_several_stuck_families_a_round_tries_one_and_never_the_same_alone(scene: Scene) -> None:
    scene.broker.stuck.add("warehouses")
    relay = scene.relay()
    assert relay.go() == 0
    scene.now_s = 1
    tried: list[list[str]] = []
    for _ in range(3):
        scene.broker.tried.clear()
        relay.go()
        tried.append(list(scene.broker.tried))
    assert sorted(tried) == [[], ["erp"], ["warehouses"]]


def test_what_a_stuck_queue_had_taken_is_announced_again(scene: Scene) -> None:
    scene.add(1, "gone")
    relay = scene.relay()
    relay.go()
    scene.broker.stuck.add("other")
    scene.add(1, "gone-too")
    relay.go()
    scene.broker.stuck.clear()
    scene.told()
    scene.now_s = 1
    assert (relay.go(), relay.go()) == (1, 2)
    assert [ids for family, ids in scene.told() if family == "other"] == [[4], [5]]


def test_a_broker_that_is_away_lets_all_rest_and_ends_what_was_said_of_one(scene: Scene) -> None:
    relay = scene.relay()
    rounds(scene, relay, range(8))
    scene.broker.away = True
    scene.add(1, "gone")
    rounds(scene, relay, range(8, 16))
    scene.broker.away = False
    scene.broker.stuck.clear()
    scene.now_s = 17
    assert relay.go() == 4


def test_a_rest_ends_at_half_a_minute() -> None:
    one = Stuck(0)
    for _ in range(10):
        one.rest(100)
    assert (one.until_s, one.rest_s) == (130, 30)
