"""Gift strategies from a terminal."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.database import Database
from hub.errors import Conflict, Malformed
from hub.order.place.batch import place
from tests.commands.conftest import Oms
from tests.hub.making import ZONE, add_sku, order, placed

SPRING = {"brand": "demo", "name": "spring", "min_fen": 1_000, "gives": [{"sku": "apple"}]}


@pytest.fixture
def spring(tmp_path: Path) -> str:
    path = tmp_path / "spring.json"
    path.write_text(json.dumps(SPRING))
    return str(path)


def test_a_strategy_goes_from_a_file_into_force_and_out_of_it(oms: Oms, spring: str) -> None:
    assert oms("gift", "draft", spring).exit_code == 0
    refused = oms("gift", "publish", "demo", "spring", "1").exception
    assert isinstance(refused, Conflict)
    assert refused.code == "untried"
    assert "no trial" in oms("gift", "trial", spring).stdout
    assert oms("gift", "publish", "demo", "spring", "1").exit_code == 1  # on no order it was not tried
    assert oms("gift", "publish", "demo", "spring", "1", "--untried", "no orders yet").exit_code == 0
    assert [one["state"] for one in json.loads(oms("gift", "ls", "--json").stdout)] == ["in_force"]
    assert oms("gift", "retire", "demo", "spring").exit_code == 0
    assert "retired" in oms("gift", "ls").stdout


def test_a_draft_is_tried_on_a_placed_order(oms: Oms, spring: str, database: Database) -> None:
    with database.transaction() as session:
        placed(session, order({"apple": 1}))
    oms("gift", "draft", spring)
    told = json.loads(oms("gift", "try", "T1", "--brand", "demo", "--strategy", "spring", "--json").stdout)
    assert [(one["verdict"], one["times"]) for one in told["would"]] == [("given", 1)]
    assert told["was"] == []
    assert "gives" in oms("gift", "try", "T1", "--brand", "demo", "--strategy", "spring").stdout


def test_a_file_is_tried_on_the_orders_of_the_last_days(oms: Oms, spring: str, database: Database) -> None:
    now = datetime.now(UTC)
    with database.transaction() as session:
        add_sku(session, "apple")
        place(session, [order({"apple": 1}, placed_at=now, paid_at=now)], now, ZONE)
    told = json.loads(oms("gift", "trial", spring, "--json").stdout)
    assert (told["looked"], told["orders"], told["fen"]) == (1, 1, 1_000)
    assert "would have had it" in oms("gift", "trial", spring, "--days", "1").stdout


def test_why_an_order_got_a_gift_is_told(oms: Oms, spring: str, database: Database) -> None:
    oms("gift", "draft", spring)
    oms("gift", "publish", "demo", "spring", "1", "--untried", "a test")
    with database.transaction() as session:
        placed(session, order({"apple": 1}))
    assert "gives (when placed)" in oms("gift", "try", "T1").stdout


def test_a_file_that_is_no_strategy_is_refused(oms: Oms, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text("{}")
    assert isinstance(oms("gift", "draft", str(path)).exception, Malformed)
