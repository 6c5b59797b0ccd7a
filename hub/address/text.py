"""Read a text that a customer typed: cleaned, and with the names of divisions that begin at each place of it."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

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
    cleaned, heads = clean(text), _heads()
    found: dict[int, Sequence[Name]] = {}
    for at in range(min(len(cleaned), REACH) - 1):
        begun = heads.get(cleaned[at : at + 2])
        if begun and (here := [name for name in begun if cleaned.startswith(name.text, at, REACH)]):
            found[at] = here
    return Text(cleaned, found)


def clean(text: str) -> str:
    """Fold full-width characters, and drop the spaces that stand beside a Chinese one."""
    folded = unicodedata.normalize("NFKC", text)
    if " " in folded or not folded.isprintable():  # there is no other printable space
        folded = _JOINT.sub("", folded)
    return folded.strip()


@cache
def _heads() -> Mapping[str, Sequence[Name]]:
    """Give the names by their first two characters, which all of them have, the shortest first."""
    heads: dict[str, list[Name]] = {}
    for text, (form, codes) in sorted(names().items(), key=lambda each: len(each[0])):
        heads.setdefault(text[:2], []).append(Name(text, form, codes))
    return heads
