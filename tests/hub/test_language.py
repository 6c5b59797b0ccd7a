import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.language import Words, language, preferred


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "zh"),
        ("en", "en"),
        ("EN-gb", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("zh;q=0.1, en;q=0.2", "en"),
        ("zh;q=0, en;q=0.1", "en"),
        ("fr, de;q=0.5", "zh"),
        ("fr, en;q=0.1", "en"),
        ("en;q=0", "zh"),
        ("en;q=much", "zh"),
    ],
)
def test_the_language_asked_for_first_is_chosen(header: str, expected: str) -> None:
    assert preferred(header) == expected


@given(st.text(max_size=60))
def test_any_header_gives_one_of_two_languages(header: str) -> None:
    assert preferred(header) in {"zh", "en"}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "zh"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"OMS_LANGUAGE": "zh", "LANG": "en_GB.UTF-8"}, "zh"),
        ({"LC_ALL": "en_GB", "LANG": "zh_CN"}, "en"),
    ],
)
def test_a_process_speaks_the_language_of_its_person(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMS_LANGUAGE", "LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def test_words_are_said_in_both_languages_with_their_values() -> None:
    words = Words("第 {n} 步", "step {n}")
    assert (words.say("zh", n=1), words.say("en", n=1)) == ("第 1 步", "step 1")
    assert Words("{}", "{}").say("en") == "{}"
