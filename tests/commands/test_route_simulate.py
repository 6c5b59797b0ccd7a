import json
from pathlib import Path

import pytest

from hub.database import Database, rows
from hub.errors import NotFound
from tests.commands.conftest import Oms
from tests.hub.making import order, place_all


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


def test_a_policy_that_decides_batches_together_is_said_to_be_tried_alone(
    oms: Oms, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("route", "simulate", "--policy", draft, "--days", "3650")
    assert "alone" not in oms(*asked).stderr
    Path(draft).write_text(Path(draft).read_text() + "[together]\norders = 2\n")
    assert "each order was decided alone: live, not-sh decides batches" in oms(*asked).stderr
    assert json.loads(oms(*asked, "--json").stdout)["alone"] == ["not-sh"]
    monkeypatch.setenv("OMS_LANGUAGE", "zh")
    assert "逐单试算：not-sh" in oms(*asked).stderr
