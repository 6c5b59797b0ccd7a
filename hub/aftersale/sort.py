"""Say of goods that arrived which lines of their order they are: pure."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from hub.aftersale.model import Goods
from hub.inventory.condition import Condition


class Awaited(NamedTuple):
    """A line of the order: pieces of it that are still to come by this return, and that can have come at all."""

    line_no: int
    sku: str
    asked: int
    room: int


class Sorted(NamedTuple):
    """Pieces that arrived by line, those of them that are damaged, and what is of no line of this order."""

    pieces: Mapping[int, int]
    damaged: Mapping[int, int]
    beyond: Sequence[Goods]


def sort_goods(goods: Sequence[Goods], lines: Sequence[Awaited]) -> Sorted:
    """Give each piece a line: first the one it was told of, then those that await its SKU, then any that shipped it.

    A line never takes more than has left of it and not come back; the rest is of none.
    """
    asked = {one.line_no: min(one.asked, one.room) for one in lines}
    room = {one.line_no: one.room for one in lines}
    rest = [one.pieces for one in goods]
    pieces: defaultdict[int, int] = defaultdict(int)
    damaged: defaultdict[int, int] = defaultdict(int)

    def take(fits: Callable[[Goods, Awaited], bool], limits: Sequence[dict[int, int]]) -> None:
        for at, told in enumerate(goods):
            for line in lines:
                if line.sku == told.sku and fits(told, line):
                    some = min(rest[at], *(limit[line.line_no] for limit in limits))
                    for counter in (asked, room):
                        counter[line.line_no] = max(0, counter[line.line_no] - some)
                    rest[at] -= some
                    pieces[line.line_no] += some
                    damaged[line.line_no] += some if told.condition is Condition.DAMAGED else 0

    take(lambda told, line: told.line_ref == str(line.line_no), (asked, room))
    take(lambda _told, _line: True, (asked, room))
    take(lambda _told, _line: True, (room,))
    beyond = [one.model_copy(update={"pieces": n}) for one, n in zip(goods, rest, strict=True) if n]
    return Sorted({no: n for no, n in sorted(pieces.items()) if n}, {no: n for no, n in damaged.items() if n}, beyond)
