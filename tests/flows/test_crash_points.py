"""A process that is killed at any named point leaves nothing lost, doubled or out of order to whoever comes next."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.station import Station
from hub.failpoints import POINTS
from sandbox.brittle import Brittle, Habits
from sandbox.brittle import application as brittle_application
from sandbox.listen import serving
from sandbox.qimen import application as warehouse_application
from sandbox.qimen_sites import Behaviour, Config, Site
from tests.flows.crashing import WITHIN_S, Scene
from tests.staging import secret_of

TURNS = {"intake.claimed": 5, "intake.handled": 3, "call.before": 4, "call.after": 4, "settle.written": 2}
"""At which time a process dies there; empty rounds count where a loop comes by without work, and 1 is the rest."""

KEPT = "intake.kept"


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    site = Site(
        connection="wms-sh",
        app_key="wms-sh",
        secret=secret_of("wms-sh"),
        customer_id="wms-sh",
        webhook="http://127.0.0.1:9/closed",
        warehouses=("sh",),
    )
    brittle = Brittle(Habits(trouble=0, spell=0))
    slow = Config(sites=(site,), behaviour=Behaviour(delay_s=(60, 60)))
    with serving(warehouse_application(slow)) as wms, serving(brittle_application(brittle)) as partner:
        made = Scene(Station(tmp_path), database_url, wms, partner, brittle)
        yield made
        made.close()


@pytest.mark.parametrize("point", [point for point in POINTS if point != KEPT])
def test_a_worker_killed_at_a_point_leaves_nothing_undone_or_doubled(point: str, scene: Scene) -> None:
    scene.load()
    first = scene.start_worker("first", f"{point}:{TURNS.get(point, 1)}")
    assert first.wait(WITHIN_S) == -signal.SIGKILL
    assert scene.left()
    scene.start_worker("second")
    assert scene.rest()
    assert scene.faults() == []


def test_an_api_killed_while_it_keeps_a_message_has_it_sent_again_and_kept_once(scene: Scene) -> None:
    first = scene.start("first", "commands", "api", failpoint=f"{KEPT}:3")
    shop = scene.shop_at()
    assert first.wait(WITHIN_S) == -signal.SIGKILL
    scene.start("second", "commands", "api")
    scene.start_worker("worker")
    shop.join()
    assert scene.rest()
    assert scene.faults(jobs=()) == []
