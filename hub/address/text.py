"""Read a text that a customer typed: cleaned, and with the names of divisions that begin at each place of it."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol, cast

import ahocorasick
import msgspec

from hub.address.division import Form, names

REACH: Final = 80  # characters of the street text that may still name a division

_JOINT: Final = re.compile(r"[\u200b-\u200d\ufeff]|(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])")
_ROAD: Final = re.compile(r"[东南西北中]{0,2}(?:路|街|大道|道|巷|弄|站|村|镇|乡|桥)|[门寺]|大学|学院|中学")
_OTHER_WORD: Final = re.compile(r"(?<=市)(?:场|民中心|民广场)|(?<=区)域|街道")


@dataclass(frozen=True, slots=True)
class Name:
    text: str
    form: Form
    codes: Sequence[str]


class _Automaton(Protocol):
    def add_word(self, key: str, value: Name, /) -> bool: ...
    def make_automaton(self) -> None: ...
    def iter(self, string: str, start: int, end: int, /) -> Iterator[tuple[int, Name]]: ...


class Text(msgspec.Struct, frozen=True):
    """A cleaned text and the names that begin at each place of it, the shortest first."""

    text: str
    names: Mapping[int, Sequence[Name]]

    def after(self, pattern: re.Pattern[str], at: int) -> int:
        found = pattern.match(self.text, at)
        return found.end() if found else at

    def names_at(self, at: int) -> list[Name]:
        """Give the names that begin here, the longest first, but for the beginnings of other words."""
        return [name for name in reversed(self.names.get(at, ())) if not self._is_other_word(name, at + len(name.text))]

    def _is_other_word(self, name: Name, end: int) -> bool:
        """Whether a road, a village or a market goes on here (南京东路, 长沙市场), and not 江苏 before 镇江."""
        if name.form is Form.SHORT:
            return end not in self.names and _ROAD.match(self.text, end) is not None
        return _OTHER_WORD.match(self.text, end) is not None


def read_text(text: str) -> Text:
    cleaned = clean(text)
    found: dict[int, list[Name]] = {}
    for last, name in _automaton().iter(cleaned, 0, min(len(cleaned), REACH)):
        found.setdefault(last + 1 - len(name.text), []).append(name)
    return Text(cleaned, found)


def clean(text: str) -> str:
    """Fold full-width characters, and drop the spaces that stand beside a Chinese one."""
    return _JOINT.sub("", unicodedata.normalize("NFKC", text)).strip()


@cache
def _automaton() -> _Automaton:
    # The C extension has no stubs.
    automaton = cast("_Automaton", ahocorasick.Automaton())  # pyright: ignore[reportUnknownMemberType]
    for text, (form, codes) in names().items():
        automaton.add_word(text, Name(text, form, codes))
    automaton.make_automaton()
    return automaton
