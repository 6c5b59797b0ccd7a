import sys

import pytest

from commands.__main__ import main
from commands.refusal import refusal
from hub.errors import Conflict, HubError, NotFound


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
