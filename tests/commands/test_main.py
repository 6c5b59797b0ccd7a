import sys

import pytest

from commands.__main__ import main


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
