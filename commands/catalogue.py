"""Compare the console's texts with their Chinese catalogue: none missing, none unused, each once and in its place."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from babel.messages.extract import extract_from_file

from dashboards.texts import CATALOGUE, read_catalogue
from hub.settings import ROOT

CONSOLE: Final = ROOT / "dashboards"
KEYWORDS: Final = {"_": None, "N_": None, "say": None, "gettext": None}
"""The names of the functions that take a text of the catalogue."""

TEMPLATE_OPTIONS: Final = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}

EMPTY: Final = 'msgid ""'


def find_untranslated() -> Sequence[str]:
    """Give a line for each text that lacks its Chinese, each that nothing uses, each written twice or out of order."""
    used = texts_used()
    known = {str(one.id): str(one.string) for one in read_catalogue() if one.id}
    missing = [f"{used[text]}: no Chinese for “{text}”" for text in sorted(used) if not known.get(text)]
    unused = [f"{_place(CATALOGUE)}: nothing uses “{text}”" for text in sorted(known.keys() - used.keys())]
    broken = [f"{used[text]}: “{text}” and its Chinese name different values" for text in used if _differs(text, known)]
    listed = list(known)
    astray = [
        f"{_place(CATALOGUE)}: “{text}” stands where “{right}” belongs: sort by msgid"
        for text, right in zip(listed, sorted(listed), strict=True)
        if text != right
    ]
    return [*missing, *unused, *broken, *_twice(), *astray[:1]]


def _twice() -> Iterator[str]:
    """Name the texts that stand twice: who reads the catalogue takes the second of them without a word."""
    written = Counter(line for line in CATALOGUE.read_text(encoding="utf-8").splitlines() if line.startswith('msgid "'))
    for line, n in written.items():
        if n > 1 and line != EMPTY:  # which begins the head, and texts of several lines
            yield f"{_place(CATALOGUE)}: {line} stands {n} times"


def texts_used() -> dict[str, str]:
    """Give every msgid of templates and modules, and the first place that uses it."""
    found: dict[str, str] = {}
    for path in sorted((*CONSOLE.glob("*.py"), *(CONSOLE / "templates").glob("*.html"))):
        for line, text in _texts_in(path):
            found.setdefault(text, f"{_place(path)}:{line}")
    return found


def _texts_in(path: Path) -> Iterator[tuple[int, str]]:
    method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
    for line, text, _comments, _context in extract_from_file(
        method, path, keywords=KEYWORDS, options=TEMPLATE_OPTIONS if path.suffix == ".html" else None
    ):
        if text and isinstance(text, str):
            yield line, text


def _differs(text: str, known: dict[str, str]) -> bool:
    return bool(known.get(text)) and _values(text) != _values(known[text])


def _values(text: str) -> set[str]:
    return {part.partition(")")[0] for part in text.split("%(")[1:]}


def _place(path: Path) -> str:
    return str(path.relative_to(ROOT))
