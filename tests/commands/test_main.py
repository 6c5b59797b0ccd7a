import sys
from pathlib import Path

import pytest

from commands.__main__ import main
from commands.refusal import refusal
from hub.errors import Conflict, HubError, NotFound
from hub.keyring import Keyring


@pytest.mark.parametrize("typed", ["[/red]", "\udcff"])
def test_what_was_typed_wrong_is_told_in_a_line(
    typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["./oms", "replay", "--filter", typed, "--dry-run"])
    with pytest.raises(SystemExit) as left:
        main()
    told = capsys.readouterr().err
    assert (left.value.code, "Traceback" in told) == (2, False)
    assert typed.encode(errors="backslashreplace").decode() in told


def test_a_refusal_is_called_in_chinese_by_what_the_api_calls_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMS_LANGUAGE", "zh")
    monkeypatch.setattr(sys, "argv", ["./oms", "replay", "--filter", "colour=red", "--dry-run"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err.startswith("错误 筛选条件不正确：")


@pytest.mark.parametrize(
    ("error", "zh", "en"),
    [
        (
            NotFound("there is no order T9", code="unknown_order"),
            "订单不存在：there is no order T9 (unknown_order)",
            "there is no order T9 (unknown_order)",
        ),
        (
            Conflict("5 left", code="more_than_left", zh="剩 5 件"),
            "剩 5 件 (more_than_left)",
            "5 left (more_than_left)",
        ),
        (Conflict("odd", code="odd"), "odd (odd)", "odd (odd)"),
    ],
)
def test_a_message_in_the_persons_language_needs_no_title(error: HubError, zh: str, en: str) -> None:
    assert (refusal(error, "zh"), refusal(error, "en")) == (zh, en)


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str) -> str:
    """Run a command that needs the settings, a key ring and a database, and give what it is refused with."""
    monkeypatch.setenv("OMS_LANGUAGE", language)
    monkeypatch.setattr(sys, "argv", ["./oms", "case", "ls"])
    with pytest.raises(SystemExit) as left:
        main()
    told = capsys.readouterr().err
    assert (left.value.code, "Traceback" in told) == (2, False)
    return told


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stand where nothing is configured but a key ring, and a database that is not there."""
    (tmp_path / "keyring").write_text(Keyring.generate(), encoding="utf-8")
    monkeypatch.setenv("OMS_SECRETS_FOLDER", str(tmp_path))
    monkeypatch.setenv("OMS_DATABASE_URL", "postgresql://oms:hidden-word@127.0.0.1:1/oms")
    monkeypatch.delenv("OMS_SETTINGS", raising=False)
    monkeypatch.setenv("OMS_DATA_FOLDER", str(tmp_path / "none"))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        (None, "无法读取：文件不存在 (settings)", "cannot be read: there is no such file (settings)"),
        ("api_port = ", "不是有效的 TOML：", "are no TOML: "),
        ("[orders]\nunpaid_minutes = 1", "设置 orders.unpaid_minutes：没有", "orders.unpaid_minutes: is not"),
        ("[worker]\nlease_s = 1", "worker.lease_s 应大于", "worker.lease_s must be more than"),
    ],
)
def test_settings_that_cannot_be_read_are_told_in_both_languages(
    bare: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str | None,
    zh: str,
    en: str,
) -> None:
    file = bare / "over.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("OMS_SETTINGS", str(file))
    assert zh in refused(monkeypatch, capsys, "zh")
    assert en in refused(monkeypatch, capsys, "en")


@pytest.mark.usefixtures("bare")
def test_a_variable_that_is_no_json_is_told_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMS_ORDERS", "{")
    assert "环境变量无法读取" in refused(monkeypatch, capsys, "zh")
    assert "orders" in refused(monkeypatch, capsys, "en")


@pytest.mark.parametrize(
    ("ring", "zh", "en"),
    [
        ("", "缺少密钥 keyring：请设置 OMS_SECRET_KEYRING", "the secret keyring is missing: set OMS_SECRET_KEYRING"),
        ("{", "密钥环无法读取", "the key ring cannot be read"),
        ('{"active": "k", "keys": {}, "index": "", "audit": ""}', "密钥环须含", "the key ring needs"),
    ],
)
def test_a_wrong_key_ring_is_told_in_both_languages(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ring: str, zh: str, en: str
) -> None:
    (bare / "keyring").write_text(ring, encoding="utf-8")
    assert zh in refused(monkeypatch, capsys, "zh")
    assert en in refused(monkeypatch, capsys, "en")


@pytest.mark.usefixtures("bare")
def test_a_database_that_is_away_is_told_in_both_languages_and_its_password_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    zh, en = (refused(monkeypatch, capsys, language) for language in ("zh", "en"))
    assert ("数据库没有应答：" in zh, "the database does not answer: " in en) == (True, True)
    assert "hidden-word" not in zh + en


@pytest.mark.usefixtures("bare")
def test_an_address_that_is_none_is_told_in_both_languages_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMS_DATABASE_URL", "postgresql://oms:hidden-word")
    zh, en = (refused(monkeypatch, capsys, language) for language in ("zh", "en"))
    assert ("不是数据库地址" in zh, "is no address of a database" in en) == (True, True)
    assert "hidden-word" not in zh + en


def test_a_database_of_another_version_says_how_to_upgrade_it(
    bare: Path, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bare
    monkeypatch.setenv("OMS_DATABASE_URL", server)
    assert "请执行 ./oms db upgrade" in refused(monkeypatch, capsys, "zh")
    assert "run ./oms db upgrade" in refused(monkeypatch, capsys, "en")
