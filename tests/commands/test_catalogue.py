from pathlib import Path

import pytest

from commands import catalogue
from commands.catalogue import find_untranslated

HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out a console with one template and one module."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.html").write_text('{{ _("Apple") }}{{ _("%(n)s pears", n=2) }}')
    (tmp_path / "b.py").write_text('LABEL = N_("Berry")\n\ndef f(visit):\n    return visit.say("Cherry")\n')
    for name, value in {"CONSOLE": tmp_path, "ROOT": tmp_path, "CATALOGUE": tmp_path / "console.po"}.items():
        monkeypatch.setattr(catalogue, name, value)
    monkeypatch.setattr(catalogue, "read_catalogue", lambda: read(tmp_path / "console.po"))
    return tmp_path


read = catalogue.read_catalogue


def write(tree: Path, **texts: str) -> None:
    lines = [f'msgid "{name}"\nmsgstr "{text}"\n' for name, text in texts.items()]
    (tree / "console.po").write_text(HEAD + "\n".join(lines))


ALL = {"%(n)s pears": "%(n)s 个梨", "Apple": "苹果", "Berry": "莓", "Cherry": "樱桃"}


def test_a_full_catalogue_has_nothing_to_mend(tree: Path) -> None:
    write(tree, **ALL)
    assert find_untranslated() == []


def test_a_text_without_its_chinese_is_told_with_its_place(tree: Path) -> None:
    write(tree, **{**ALL, "Cherry": ""})
    assert find_untranslated() == ["b.py:4: no Chinese for “Cherry”"]


def test_a_text_that_nothing_uses_is_told(tree: Path) -> None:
    write(tree, **ALL, Date="枣")
    assert find_untranslated() == ["console.po: nothing uses “Date”"]


def test_values_that_differ_are_told(tree: Path) -> None:
    write(tree, **{**ALL, "%(n)s pears": "%(m)s 个梨"})
    assert find_untranslated() == ["templates/a.html:1: “%(n)s pears” and its Chinese name different values"]


def test_a_text_that_stands_twice_is_told(tree: Path) -> None:
    write(tree, **ALL)
    with (tree / "console.po").open("a") as stream:
        stream.write('\nmsgid "Cherry"\nmsgstr "车厘子"\n')
    assert find_untranslated() == ['console.po: msgid "Cherry" stands 2 times']


def test_a_text_out_of_order_is_told(tree: Path) -> None:
    write(tree, **dict(reversed(ALL.items())))
    assert find_untranslated() == ["console.po: “Cherry” stands where “%(n)s pears” belongs: sort by msgid"]
