"""What an expression costs at most by the longest list that it is asked about, so that no order takes seconds.

CEL as it is evaluated here copies a list each time it is named, and all that `map` and `filter` have kept at each item
that they keep. Whether an expression is quick or takes a minute so depends on the order; what it costs at most can be
reckoned before it is asked. The weights were measured with common-expression-language 0.10.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, cast

from hub.review.specimen import SPECIMENS

MOST_STEPS: Final = 6_000_000
"""What one rule may cost for one order, all its lines or fulfilment orders together: about half a second."""

MOST_LINES: Final = 1 << 16
"""More than any order has."""

ROUND: Final = 10
"""Steps of a macro for each item, a step being a text copied from list to list (some 80 ns); see `Macro.steps`."""

LINE: Final = 20
"""Steps of copying a line with its facts."""

MACROS: Final = frozenset({"exists", "exists_one", "existsOne", "all", "map", "filter"})
KEEPING: Final = frozenset({"map", "filter"})

_MACRO: Final = re.compile(rf"\.\s*({'|'.join(sorted(MACROS))})\s*\(\s*([A-Za-z_]\w*)?|[()]")
LISTED: Final = frozenset(
    {
        (of, name)
        for groups in SPECIMENS.values()
        for of, facts in groups.items()
        if isinstance(facts, Mapping)
        for name, fact in cast("Mapping[str, object]", facts).items()
        if isinstance(fact, list)
    }
)
"""Facts of groups that are lists themselves."""

_LIST: Final = re.compile("|".join(rf"\b{of}\s*\.\s*{name}\b" for of, name in sorted(LISTED)))


_WORD: Final = re.compile(r"[A-Za-z_]\w*")


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
        words = len(_WORD.findall(self.body))
        copied = longest * len(_LIST.findall(self.body)) + 3 * words // 2 + self.body.count(",")
        if large > LINE:
            copied += large * len(re.findall(rf"\b{self.item}\b", self.body))
        kept = self.made(longest) if self.kind == "map" else large
        return items * (ROUND + copied) * (1 + self.sums) + (items**2 * kept // 2 if self.kind in KEEPING else 0)


class Work(NamedTuple):
    """What there is to do in an expression: its macros, and how many lists are joined before they go over them.

    A list that is written out has at most `written` items.
    """

    macros: tuple[Macro, ...] = ()
    joined: int = 0
    written: int = 0

    def steps(self, longest: int) -> int:
        """Say what it costs at most where no list has more items than so many."""
        large = max((one.made(longest) for one in self.macros if one.kind == "map"), default=LINE)
        items = max(longest, self.written) * (1 + self.joined)
        return sum(one.steps(longest, items, max(large, LINE)) for one in self.macros)


def short_of(work: Work) -> int:
    """Say how many lines an order may have that it is asked of without a look at its cost, each line by itself."""
    many = MOST_LINES
    while many and work.steps(many) * many > MOST_STEPS:
        many //= 2
    return many


def work_of(bare: str) -> Work:
    """Say what there is to do in an expression without its texts and comments."""
    macros = tuple(_macros(bare))
    return Work(macros, bare.count("+") - sum(one.sums for one in macros if not one.within), 1 + bare.count(","))


def _macros(bare: str) -> Iterator[Macro]:
    """Give the macros as they end."""
    opened: list[re.Match[str]] = []
    for found in _MACRO.finditer(bare):
        if found[0] != ")":
            opened.append(found)
        elif opened and (began := opened.pop())[1]:
            yield Macro(began[1], began[2] or "", bare[began.end() : found.start()], any(one[1] for one in opened))
