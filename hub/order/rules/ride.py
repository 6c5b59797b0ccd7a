"""Gifts that travel with their main item: a piece and its gifts are one while parcels are filled."""

from collections.abc import Collection, Sequence
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from hub.catalogue.model import ORDINARY
from hub.sourcing.model import Want

Lines = tuple[Want, ...]


def lead(lines: Lines, groups: Sequence[Collection[int]]) -> list[Lines]:
    """Cut off a part for each group of gifts and main items, before the rest: these gifts, and one piece of each item.

    Nothing is cut off where that would leave gifts alone.
    """
    left = {want.line_no: want.quantity for want in lines}
    led: list[Lines] = []
    for group in groups:
        some = [want for want in lines if want.line_no in group and left[want.line_no]]
        part = tuple([replace(want, quantity=left[want.line_no] if want.with_no else 1) for want in some])
        if len({not want.with_no for want in part}) > 1:
            left |= {want.line_no: left[want.line_no] - want.quantity for want in part}
            led.append(part)
    rest = tuple([replace(want, quantity=n) for want in lines if (n := left[want.line_no])])
    if not rest:
        return led
    return [lines] if all(want.with_no for want in rest) else [*led, rest]


class Unit(msgspec.Struct, frozen=True):
    """A main item and so many pieces of each gift with each piece of it."""

    main: Want
    gifts: tuple[tuple[Want, int], ...]


class Rides:
    """Remembers what was bound, until all of it is taken apart."""

    def __init__(self) -> None:
        self._units: list[Unit] = []

    def __bool__(self) -> bool:
        return bool(self._units)

    def bind(self, lines: Lines) -> Lines:
        """Put each gift to its main item where both are here; it is spread over the pieces as evenly as it goes."""
        mains = {want.line_no for want in lines if not want.with_no}
        gifts = [want for want in lines if want.with_no in mains]
        if not gifts:
            return lines
        bound: list[Want] = []
        for want in lines:
            own = [gift for gift in gifts if gift.with_no == want.line_no]
            if own:
                bound += self._units_of(want, own)
            elif want.with_no not in mains:
                bound.append(want)
        return tuple(bound)

    def _units_of(self, main: Want, gifts: Sequence[Want]) -> list[Want]:
        """Cut a line where the number of gifts a piece changes: of 5 gifts over 3 pieces, two get 2 and one gets 1."""
        edges = sorted({gift.quantity % main.quantity for gift in gifts} | {0, main.quantity})
        units: list[Want] = []
        for start, end in pairwise(edges):
            shares = [(gift, *divmod(gift.quantity, main.quantity)) for gift in gifts]
            each = tuple([(gift, pieces) for gift, whole, rest in shares if (pieces := whole + (rest > start))])
            self._units.append(Unit(main, each))
            units.append(_as_one(main, each, end - start, -len(self._units)))
        return units

    def unbind(self, lines: Lines) -> Lines:
        """Take the units of a part apart: each line once, the main item before its gifts."""
        merged: dict[int, Want] = {}
        for want in lines:
            for one, pieces in self._pieces(want):
                there = merged.get(one.line_no)
                merged[one.line_no] = replace(one, quantity=pieces + (there.quantity if there else 0))
        return tuple(merged.values())

    def _pieces(self, want: Want) -> list[tuple[Want, int]]:
        if want.line_no > 0:
            return [(want, want.quantity)]
        unit = self._units[-want.line_no - 1]
        return [(unit.main, want.quantity), *((gift, pieces * want.quantity) for gift, pieces in unit.gifts)]


def _as_one(main: Want, gifts: Sequence[tuple[Want, int]], quantity: int, no: int) -> Want:
    """Describe a main item with its gifts as goods of one line: their weights, volumes and values together."""
    cm3 = sum([gift.traits.cm3 * pieces for gift, pieces in gifts if gift.traits])
    traits = main.traits or ORDINARY
    traits = replace(traits, cm3=traits.cm3 + cm3) if cm3 else main.traits
    grams = main.grams + sum([gift.grams * pieces for gift, pieces in gifts])
    fen = main.fen + sum([gift.fen * pieces for gift, pieces in gifts])
    return replace(main, line_no=no, quantity=quantity, grams=grams, traits=traits, fen=fen)
