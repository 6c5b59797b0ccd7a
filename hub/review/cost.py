"""What an expression costs at most by the longest list that it is asked about, so that no order takes seconds.

CEL as it is evaluated here copies a list each time it is named, and all that `map` and `filter` have kept at each item
that they keep. Whether an expression is quick or takes a minute so depends on the order; what it costs at most can be
reckoned before it is asked. The weights were measured with common-expression-language 0.6 (see review-rules.md).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, cast

from hub.review.specimen import SPECIMENS

MOST_STEPS: Final = 6_000_000
"""What one rule may cost for one order, all its lines or fulfilment orders together: about half a second."""

ROUND: Final = 14
"""Steps of a macro for each item, a step being a text copied from list to list (some 80 ns)."""

LINE: Final = 20
"""Steps of copying a line with its facts."""

MACROS: Final = frozenset({"exists", "exists_one", "existsOne", "all", "map", "filter"})
KEEPING: Final = frozenset({"map", "filter"})

_MACRO: Final = re.compile(rf"\.\s*({'|'.join(sorted(MACROS))})\s*\(\s*([A-Za-z_]\w*)?|[()]")
_LISTS: Final = {
    rf"{of}\s*\.\s*{name}"
    for groups in SPECIMENS.values()
    for of, facts in groups.items()
    if isinstance(facts, Mapping)
    for name, fact in cast("Mapping[str, object]", facts).items()
    if isinstance(fact, list)
}
_LIST: Final = re.compile(rf"\b(?:{'|'.join(sorted(_LISTS))})\b")


class Macro(NamedTuple):
    """A macro of an expression: what it calls each item, what it asks of it, and whether it stands in another."""

    kind: str
    item: str
    body: str
    within: bool

    @property
    def sums(self) -> int:
        return self.body.count("+")

    def made(self, longest: int) -> int:
        """Say how large one item of what a `map` makes can be."""
        return (1 + self.sums) * (LINE * self.body.count(",") + longest * len(_LIST.findall(self.body)))

    def steps(self, longest: int, items: int, large: int) -> int:
        """Say what going over so many items costs, of which each is so large."""
        copied = longest * len(_LIST.findall(self.body))
        if large > LINE:
            copied += large * len(re.findall(rf"\b{self.item}\b", self.body))
        kept = self.made(longest) if self.kind == "map" else large
        return items * (ROUND + copied) * (1 + self.sums) + (items**2 * kept // 2 if self.kind in KEEPING else 0)


class Work(NamedTuple):
    """What there is to do in an expression: its macros, and how many lists are joined before they go over them."""

    macros: tuple[Macro, ...] = ()
    joined: int = 0

    def steps(self, longest: int) -> int:
        """Say what it costs at most where no list has more items than so many."""
        large = max((one.made(longest) for one in self.macros if one.kind == "map"), default=LINE)
        return sum(one.steps(longest, longest * (1 + self.joined), max(large, LINE)) for one in self.macros)


def work_of(bare: str) -> Work:
    """Say what there is to do in an expression without its texts and comments."""
    macros = tuple(_macros(bare))
    return Work(macros, bare.count("+") - sum(one.sums for one in macros if not one.within))


def _macros(bare: str) -> Iterator[Macro]:
    """Give the macros as they end."""
    opened: list[re.Match[str]] = []
    for found in _MACRO.finditer(bare):
        if found[0] != ")":
            opened.append(found)
        elif opened and (began := opened.pop())[1]:
            yield Macro(began[1], began[2] or "", bare[began.end() : found.start()], any(one[1] for one in opened))
