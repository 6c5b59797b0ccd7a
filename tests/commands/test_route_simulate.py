import json
from pathlib import Path

import pytest

from hub.database import Database, rows
from hub.errors import NotFound
from tests.commands.conftest import Oms
from tests.hub.making import order, place_all, stock
from tests.hub.order.place.test_plan_together import two_placed


@pytest.fixture
def draft(tmp_path: Path, database: Database) -> str:
    with database.transaction() as session:
        place_all(session, order({"apple": 1}), order({"apple": 2}, "T2"))
    file = tmp_path / "draft.toml"
    file.write_text('version = "not-sh"\nbrand = "demo"\n[eliminate]\nlocations = ["sh"]\n')
    return str(file)


def test_a_draft_is_compared_with_what_is_in_force(oms: Oms, draft: str) -> None:
    shown = oms("route", "simulate", "--policy", draft, "--days", "3650").stdout
    assert "share of sh" in shown
    assert "-100.0%" in shown
    told = json.loads(oms("route", "simulate", "--policy", draft, "--days", "3650", "--json").stdout)
    assert (told["orders"], told["moved"], list(told["draft"]["series"])) == (2, 2, ["2026-11-11"])


def test_days_without_orders_have_nothing_to_compare(oms: Oms, draft: str) -> None:
    assert "nothing was sourced" in oms("route", "simulate", "--policy", draft, "--days", "1").stderr


def trials(database: Database) -> int:
    with database.transaction() as session:
        return len(rows(session, "select 1 from trial"))


def test_what_was_tried_on_nothing_was_not_tried(oms: Oms, draft: str, database: Database) -> None:
    oms("route", "simulate", "--policy", draft, "--days", "1")
    assert trials(database) == 0
    oms("route", "simulate", "--policy", draft, "--days", "3650")
    assert trials(database) == 1


@pytest.mark.parametrize(
    ("now", "then", "code"),
    [('["sh"]', '["nowhere"]', "unknown_location"), ('brand = "demo"', 'brand = "nobrand"', "unknown_brand")],
)
def test_names_that_nobody_could_draft_are_not_tried(
    oms: Oms, draft: str, database: Database, now: str, then: str, code: str
) -> None:
    Path(draft).write_text(Path(draft).read_text().replace(now, then))
    error = oms("route", "simulate", "--policy", draft, "--days", "3650").exception
    assert isinstance(error, NotFound)
    assert (error.code, "没有仓库" in error.say("zh"), trials(database)) == (code, True, 0)


def test_a_draft_that_uses_goods_up_or_fills_days_is_told_of(oms: Oms, draft: str, database: Database) -> None:
    with database.transaction() as session:
        place_all(session, *[order({"apple": pieces}, f"N{no}") for no, pieces in enumerate((60, 60, 1))])
    narrow = Path(draft).with_name("narrow.toml")
    narrow.write_text('version = "narrow"\nbrand = "demo"\n[locations.sh]\nmost_a_day = 1\n')
    told = [oms("route", "simulate", "--policy", file, "--days", "3650").stderr for file in (draft, str(narrow))]
    assert "not-sh used up SKUs that later orders then missed: bj 1" in told[0]
    assert "narrow filled all places of days: sh 1" in told[1]


def test_a_policy_that_decides_batches_together_says_how_many_and_what_they_cost(
    oms: Oms, draft: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("route", "simulate", "--policy", draft, "--days", "3650")
    assert "decided together" not in oms(*asked).stderr
    with database.transaction() as session:
        stock(session, {"sh": {"pear": 1}, "bj": {"pear": 1}})
        two_placed(session, "pear", "P")
    Path(draft).write_text('version = "at-once"\nbrand = "demo"\n[together]\norders = 2\n')
    assert "at-once: batches with enough orders 1, decided together 1 (4 orders): ¥" in oms(*asked).stderr
    told = json.loads(oms(*asked, "--json").stdout)
    assert (told["in_force"]["batches"], told["draft"]["batches"]["together"]) == (None, 1)
    monkeypatch.setenv("OMS_LANGUAGE", "zh")
    assert "at-once 达到一起决定所需单数的批次 1，其中一起决定 1（4 单）：合计" in oms(*asked).stderr
