import json
from pathlib import Path

from hub.database import Database
from tests.commands.conftest import Oms
from tests.hub.making import order, placed


def test_a_rate_card_is_loaded_named_by_a_policy_and_told_of(oms: Oms, database: Database, tmp_path: Path) -> None:
    card, policy = tmp_path / "card.csv", tmp_path / "policy.toml"
    card.write_text("courier,first_fen,each_fen,days\nSF,1200,200,1\nZTO,500,100,3\n")
    policy.write_text('version = "carried"\nbrand = "demo"\n[freight]\nrates = "r1"\n')
    assert "2 lines" in oms("route", "rates", "load", str(card), "--brand", "demo", "--edition", "r1").stderr
    assert [one["edition"] for one in json.loads(oms("route", "rates", "ls", "--json").stdout)] == ["r1"]
    assert "r1" in oms("route", "rates", "ls", "--brand", "demo").stdout
    assert oms("route", "policy", "draft", str(policy)).exit_code == 0
    oms("route", "policy", "publish", "carried", "1", "--brand", "demo", "--reason", "new", "--untried", "a test")
    with database.transaction() as session:
        placed(session, order({"apple": 1}))
    shown = oms("route", "explain", "T1").stdout
    assert "sh × ZTO (standard): freight ¥5.00, cost ¥6.00, there in 3 days · chosen · 2026-11-14" in shown
    assert "sh × SF (standard): freight ¥12.00, cost ¥13.00, there in 1 days · lost by ¥7.00" in shown


def test_what_a_spreadsheet_or_windows_has_written_is_read(oms: Oms, tmp_path: Path) -> None:
    card, policy, calendar = tmp_path / "card.csv", tmp_path / "policy.toml", tmp_path / "calendar.toml"
    card.write_text("courier,first_fen,each_fen,days\nSF,1200,200,1,,\n", encoding="utf-8-sig")
    policy.write_text('version = "own"\nbrand = "demo"\n', encoding="utf-8-sig")
    calendar.write_text('calendar = "cn"\nyear = 2027\noff = [2027-01-01]\n', encoding="utf-8-sig")
    assert oms("route", "rates", "load", str(card), "--brand", "demo", "--edition", "r1").exit_code == 0
    assert oms("route", "policy", "draft", str(policy)).exit_code == 0
    assert oms("route", "calendar", "load", str(calendar)).exit_code == 0
