"""What the relay announces, when it announces it again, and who of several does."""

from collections.abc import Iterator

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from flows import relay as module
from flows.relay import Announced
from hub.database import Database
from tests.flows.announcing import Scene
from tests.hub.making import AT


@pytest.fixture
def scene(database: Database) -> Iterator[Scene]:
    made = Scene(database)
    yield made
    for relay in made.relays:
        relay.close()


def test_what_is_due_is_announced_once_in_the_queue_of_its_kind(scene: Scene) -> None:
    scene.add(2)
    scene.add(1, "gone")
    relay = scene.relay()
    assert relay.go() == 3
    assert relay.go() == 0
    assert sorted(scene.told()) == [("other", [3]), ("warehouses", [1, 2])]


def test_a_message_carries_a_batch(scene: Scene) -> None:
    scene.add(45)
    scene.relay().go()
    assert [len(ids) for _, ids in scene.told()] == [20, 20, 5]


def test_what_nobody_claims_is_announced_again_and_then_less_often(scene: Scene) -> None:
    scene.add(1)
    relay = scene.relay()
    heard: list[int] = []
    for second in range(20):
        scene.now_s = second
        heard += [second] if relay.go() else []
    assert heard == [0, 2, 6, 14]


def test_many_that_nobody_claims_are_said_again_as_soon_as_one(scene: Scene) -> None:
    scene.add(65)
    relay = scene.relay()
    heard: list[int] = []
    for second in range(20):
        scene.now_s = second
        heard += [second] if relay.go() else []
    assert heard == [0, 2, 6, 14]


def test_while_a_connections_steps_are_claimed_the_others_are_announced_again_soon(scene: Scene) -> None:
    scene.add(3)
    relay = scene.relay()
    relay.go()
    scene.now_s = 2
    relay.go()
    scene.claim("1")
    scene.now_s = 4
    assert relay.go() == 2


def test_what_was_claimed_is_announced_no_more(scene: Scene) -> None:
    scene.add(2)
    relay = scene.relay()
    relay.go()
    scene.claim("1, 2")
    scene.now_s = 100
    assert relay.go() == 0


def test_of_one_connection_no_more_than_a_window_is_under_way(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 3)
    scene.add(5)
    relay = scene.relay()
    assert relay.go() == 3
    scene.claim("1, 2")
    assert relay.go() == 2


def test_no_more_is_announced_than_a_gate_lets_through(scene: Scene) -> None:
    scene.add(5, "sap")
    relay = scene.relay()
    assert relay.go() == 2
    assert relay.go() == 0


def test_one_relay_announces_and_another_takes_over(scene: Scene) -> None:
    scene.add(1)
    first, second = scene.relay(), scene.relay()
    assert (first.go(), second.go()) == (1, 0)
    first.close()
    scene.now_s = 1
    assert second.go() == 1


def test_a_relay_whose_connection_is_lost_has_lost_its_turn(scene: Scene) -> None:
    scene.add(1)
    first, second = scene.relay(), scene.relay()
    first.go()
    second.go()
    scene.run("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
    scene.now_s = 1
    assert second.go() == 1
    with pytest.raises(OperationalError):
        first.go()
    scene.now_s = 2
    assert first.go() == 0


def test_a_broker_that_is_away_is_told_of_once_and_asked_again(scene: Scene) -> None:
    scene.add(1)
    relay = scene.relay()
    scene.broker.away = True
    with capture_logs() as logs:
        for second in range(5):
            scene.now_s = second
            assert relay.go() == 0
    assert [line["event"] for line in logs] == ["relay.turn", "relay.broker_away"]
    scene.broker.away = False
    scene.now_s = 6
    assert relay.go() == 1


def test_what_no_queue_has_taken_is_announced_in_the_next_round(scene: Scene) -> None:
    scene.add(1)
    relay = scene.relay()
    scene.broker.lost = True
    assert relay.go() == 0
    scene.broker.lost = False
    assert relay.go() == 1


def test_patience_ends_at_a_minute() -> None:
    one, head = Announced(), (1, AT)
    for second in range(0, 1_000, 100):
        assert one.choose([head], 1, second) == [head]
        one.note([head], second)
    assert one.patience_s == 60
