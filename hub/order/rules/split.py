"""Cut an order's lines into the parts that can travel together: a fold over a chain of rules chosen in the policy.

A rule says what may not lie in one part, and cuts what does. `WITH_MAIN` binds gifts to what they come with: rules
before it may part them, rules behind it see a piece and its gifts as one. A `Floor` joins what is worth too little.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter

import msgspec
from msgspec.structs import replace

from hub.catalogue.model import ORDINARY
from hub.order.rules.ride import Rides
from hub.sourcing.model import Want

Lines = tuple[Want, ...]
Cut = Callable[[Lines], list[Lines]]
Measure = Callable[[Want], int]


class Splitter(msgspec.Struct, frozen=True):
    """One dimension: how to cut, and whether a part keeps the rule; `plain` ones also cut goods without traits."""

    name: str
    cut: Cut
    keeps: Callable[[Lines], bool]
    plain: bool = False

    def __call__(self, lines: Lines) -> list[Lines]:
        return self.cut(lines)


class WithMain(msgspec.Struct, frozen=True):
    """From here on a gift goes wherever its main item goes."""

    plain: bool = False
    name: str = "with_main"


class Floor(msgspec.Struct, frozen=True):
    """A part worth less than `fen` joins another, if no rule before this one forbids that they travel together."""

    fen: int
    plain: bool = True
    name: str = "floor"


Link = Splitter | WithMain | Floor
WITH_MAIN = WithMain()


def split(lines: Lines, chain: Sequence[Link], told: list[list[str]] | None = None) -> list[Lines]:
    """Run the chain over every part so far; no piece is lost, doubled or moved between lines.

    Into `told` go the names of the rules that made each part what it is, where somebody asks.
    """
    for want in lines:
        if want.traits is not None or want.with_no:
            break
    else:
        chain = [link for link in chain if link.plain]
    parts = [lines] if lines else []
    by = told if told is not None else []
    by[:] = [[] for _ in parts]
    rides = Rides()
    for no, link in enumerate(chain):
        if isinstance(link, Splitter):
            cut = [link.cut(part) for part in parts]
            if len(parts) != sum(map(len, cut)):
                both = zip(by, cut, strict=True)
                by[:] = [[*was, link.name] if len(groups) > 1 else was for was, groups in both for _ in groups]
            parts = [group for groups in cut for group in groups]
        elif isinstance(link, Floor):
            parts = _join(parts, link, [one for one in chain[:no] if isinstance(one, Splitter)], by)
        else:
            parts = [rides.bind(part) for part in parts]
    return [rides.unbind(part) for part in parts] if rides else parts


def weighs_value(chain: Sequence[Link]) -> bool:
    """Say whether a chain asks what ordinary goods are worth."""
    return any(isinstance(link, Floor) for link in chain)


def gently(splitter: Splitter) -> Splitter:
    """Make a rule a wish: it cuts, but a floor may join what it has cut."""
    return replace(splitter, keeps=_anything)


def _anything(_lines: Lines) -> bool:
    return True


def apart(name: str, key: Callable[[Want], Hashable], *, plain: bool = False) -> Splitter:
    """Make the rule that lines travel with those of the same key only, in the order the keys first occur."""

    def cut(lines: Lines) -> list[Lines]:
        if len(lines) == 1 or keeps(lines):
            return [lines]
        groups: defaultdict[Hashable, list[Want]] = defaultdict(list)
        for want in lines:
            groups[key(want)].append(want)
        return [tuple(group) for group in groups.values()]

    def keeps(lines: Lines) -> bool:
        return len({key(want) for want in lines}) <= 1

    return Splitter(name, cut, keeps, plain)


by_storage = apart("storage", attrgetter("storage"), plain=True)
"""One temperature a parcel."""

by_hazard = apart("hazard", lambda want: (want.traits or ORDINARY).hazard)
"""Dangerous goods travel with their own class alone: not with food, not with another class, not with anything else."""

by_supplier = apart("supplier", lambda want: (want.traits or ORDINARY).supplier)
"""What a supplier sends himself is his own parcel."""

by_bond = apart("bond", lambda want: (want.traits or ORDINARY).bonded)
"""Goods under bond are cleared by customs, so they travel apart from others."""

by_size = apart("size", lambda want: (want.traits or ORDINARY).oversize)
"""Oversize goods need another service of the courier."""

by_arrival = apart("arrival", lambda want: (want.traits or ORDINARY).available_from)
"""What can only be sent later does not keep the rest waiting."""


def by_limits(name: str, *limits: tuple[Measure, int], plain: bool = False) -> Splitter:
    """Make the rule that fills parcels up to some limits; a piece that alone is above one travels alone."""

    def cut(lines: Lines) -> list[Lines]:
        if _fits(lines, limits):
            return [lines]
        parcels: list[list[Want]] = [[]]
        left = [limit for _, limit in limits]
        for want in lines:
            each = [of(want) for of, _ in limits]
            rest = want.quantity
            while rest:
                fit = min([rest, *(room // size for room, size in zip(left, each, strict=True) if size)])
                if not fit and parcels[-1]:
                    parcels.append([])
                    left = [limit for _, limit in limits]
                    continue
                fit = fit or 1
                parcels[-1].append(want if want.quantity == fit else replace(want, quantity=fit))
                rest, left = rest - fit, [max(0, room - fit * size) for room, size in zip(left, each, strict=True)]
        return [tuple(parcel) for parcel in parcels]

    def keeps(lines: Lines) -> bool:
        return all(_within(lines, of, limit) for of, limit in limits)

    return Splitter(name, cut, keeps, plain)


def _fits(lines: Lines, limits: Sequence[tuple[Measure, int]]) -> bool:
    """Say whether everything fits into one parcel; most orders do, so this is asked of each of them."""
    for of, limit in limits:
        room = limit
        for want in lines:
            room -= want.quantity * of(want)
        if room < 0:
            return False
    return True


def _within(lines: Lines, of: Measure, limit: int) -> bool:
    measured = [want for want in lines if of(want)]
    alone = len(measured) == 1 and measured[0].quantity == 1
    return alone or sum([want.quantity * of(want) for want in measured]) <= limit


def by_weight(limit: int) -> Splitter:
    """Make the rule that a parcel weighs `limit` grams at most."""
    return by_limits("weight", (attrgetter("grams"), limit), plain=True)


def by_volume(limit: int) -> Splitter:
    """Make the rule that a parcel takes up `limit` cubic centimetres at most."""
    return by_limits("volume", (_cm3, limit))


def by_pieces(limit: int) -> Splitter:
    """Make the rule that a parcel holds `limit` pieces at most; gifts count with what they are bound to."""
    return by_limits("pieces", (lambda _want: 1, limit), plain=True)


def by_parcel(grams: int, cm3: int) -> Splitter:
    """Make the rule of what one parcel may weigh and take up, both at once: fewer parcels than one by one."""
    return by_limits("parcel", (attrgetter("grams"), grams), (_cm3, cm3), plain=True)


def by_bonded_value(fen: int) -> Splitter:
    """Make the rule that goods under bond are worth `fen` minor units at most in a part."""
    return by_limits("bonded_value", (lambda want: want.fen if (want.traits or ORDINARY).bonded else 0, fen))


def _cm3(want: Want) -> int:
    return want.traits.cm3 if want.traits else 0


def _join(parts: list[Lines], floor: Floor, laws: Sequence[Splitter], by: list[list[str]]) -> list[Lines]:
    """Join each part below the floor with the first that it may travel with; what may not grow may not grow later."""
    joined = list(parts)
    at = 0
    while at < len(joined):
        small = joined[at]
        mates = () if _value(small) >= floor.fen else [no for no in range(len(joined)) if no != at]
        for no in mates:
            first, second = sorted((at, no))
            both = merge([*joined[first], *joined[second]])
            if all(law.keeps(both) for law in laws):
                joined[no] = both
                by[no] = list(dict.fromkeys([*by[at], *by[no], floor.name]))
                del joined[at], by[at]
                break
        else:
            at += 1
    return joined


def _value(lines: Lines) -> int:
    return sum([want.quantity * want.fen for want in lines])


def merge(wants: Sequence[Want]) -> Lines:
    """Bring the pieces of each line together, in the order the lines first occur."""
    merged: dict[int, Want] = {}
    for want in wants:
        there = merged.get(want.line_no)
        merged[want.line_no] = replace(there, quantity=there.quantity + want.quantity) if there else want
    return tuple(merged.values())
