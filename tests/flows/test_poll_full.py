from datetime import timedelta

import pytest

from hub.database import Database
from hub.errors import TryLater
from hub.fullness import look
from hub.polls import HINTS, ORDERS, PROBE, TOKEN, hasten_poll
from hub.ports import Hinted
from hub.settings import Limits
from hub.tokens import find_token, store_token
from tests.flows.test_poll import FRESH, Stage, message
from tests.hub.making import AT

FULL, ROOMY = Limits(free_disk_mb=10**12), Limits(free_disk_mb=0)


@pytest.fixture
def stage(database: Database, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Give a poller whose hub is full, with an order and a hint at the channel."""
    made = Stage(database, monkeypatch)
    made.channel.pages = [[message(1)]]
    made.channel.hinted = [Hinted(messages=(message(2),), receipts=("r2",))]
    limit(made, FULL)
    return made


def limit(stage: Stage, limits: Limits) -> None:
    with stage.database.transaction() as session:
        look(session, limits, stage.now)


def test_nothing_is_fetched_while_the_hub_is_full(stage: Stage) -> None:
    stage.go()
    assert (stage.channel.spans, stage.channel.confirmed, stage.kept()) == ([], [], [])
    assert [stage.poll(name)[2:] for name in (ORDERS, HINTS)] == [(0, "")] * 2


def test_what_waited_at_the_partner_comes_as_soon_as_there_is_room(stage: Stage) -> None:
    stage.go()
    limit(stage, ROOMY)
    stage.go(1)
    assert sorted(stage.kept()) == ["T1:1", "T2:1"]
    assert stage.channel.spans[0][0] == AT - timedelta(hours=24, seconds=10)


def test_failures_in_a_row_are_still_counted_after_a_rest(stage: Stage) -> None:
    limit(stage, ROOMY)
    stage.channel.pages = [TryLater("busy")]
    stage.go()
    limit(stage, FULL)
    stage.go(3600)
    assert stage.poll(ORDERS)[2] == 1


def test_tokens_and_signs_of_life_go_on_in_a_full_hub(stage: Stage) -> None:
    with stage.database.transaction() as session:
        store_token(session, "tmall", FRESH.model_copy(update={"expires_at": AT}), AT)
    stage.go()
    with stage.database.transaction() as session:
        hasten_poll(session, "tmall", PROBE, stage.now)
        token = find_token(session, "tmall")
    stage.go()
    assert (stage.channel.probed, token and token.expires_at, stage.poll(TOKEN)[2]) == (1, FRESH.expires_at, 0)
