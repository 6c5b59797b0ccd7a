import json

import pytest

from commands.screen import give

FIGURES = {"per_s": 12, "seconds": 3.5, "下界": None}


@pytest.mark.parametrize("as_json", [True, False])
def test_figures_end_with_one_json_line(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:  # noqa: FBT001 # pytest
    give(FIGURES, as_json=as_json)
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[-1]) == FIGURES
    assert (len(lines) == 1) == as_json


def test_figures_are_a_table_for_people_first(capsys: pytest.CaptureFixture[str]) -> None:
    give(FIGURES, as_json=False)
    assert [line.split() for line in capsys.readouterr().out.splitlines()[:2]] == [["per_s", "12"], ["seconds", "3.5"]]


def test_a_text_is_given_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    give("[a] text", as_json=False)
    assert capsys.readouterr().out == "[a] text\n"
