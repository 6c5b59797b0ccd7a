"""What one version has that another had not: word by word, line by line in what is long, and value by value."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from hub.review.rules import RuleView

TOKEN: Final = re.compile(r"\w+|\s+|\W")
WORDED: Final = 2_000
"""Stretches of lines up to so many characters are told word by word; it takes the square of their length."""


class Piece(NamedTuple):
    """A stretch of a text: `mark` is `same`, `new` or `old`."""

    mark: str
    text: str


class Difference(NamedTuple):
    """How a version differs from the one before; `before` is None for the first, whose expression is all new."""

    rule: RuleView
    before: RuleView | None
    pieces: tuple[Piece, ...]

    @property
    def scope(self) -> bool:
        return self.before is not None and (self.rule.brand, self.rule.shop) != (self.before.brand, self.before.shop)

    @property
    def verdict(self) -> bool:
        return self.before is not None and self.rule.verdict != self.before.verdict

    @property
    def why(self) -> bool:
        return self.before is not None and self.rule.why != self.before.why


def differences(versions: list[RuleView]) -> list[Difference]:
    """Set each version against the one before it; the newest comes first."""
    older: list[RuleView | None] = [*versions[1:], None]
    return [
        Difference(rule, before, tuple(pieces(before.expression if before else rule.expression, rule.expression)))
        for rule, before in zip(versions, older, strict=True)
    ]


def pieces(before: str, after: str) -> Iterator[Piece]:
    """Set two short texts side by side, word by word."""
    old, new = TOKEN.findall(before), TOKEN.findall(after)
    for what, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            yield Piece("same", "".join(new[k:m]))
            continue
        if i < j:
            yield Piece("old", "".join(old[i:j]))
        if k < m:
            yield Piece("new", "".join(new[k:m]))


def line_pieces(before: str, after: str) -> Iterator[Piece]:
    """Set two texts of lines side by side; the words of a line count only where lines differ."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for what, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        was, told = "".join(old[i:j]), "".join(new[k:m])
        if what == "equal":
            yield Piece("same", told)
        elif what == "replace" and len(was) + len(told) <= WORDED:
            yield from pieces(was, told)
        else:
            yield from (Piece(mark, text) for mark, text in (("old", was), ("new", told)) if text)
