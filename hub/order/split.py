"""Cut an order's lines into the parts that can travel together: a fold over splitters chosen in the policy."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from hub.sourcing.model import Want

Lines = tuple[Want, ...]
Splitter = Callable[[Lines], list[Lines]]


def split(lines: Lines, splitters: Sequence[Splitter]) -> list[Lines]:
    """Apply each splitter to every part so far; no piece is lost, doubled or moved between lines."""
    parts = [lines]
    for splitter in splitters:
        parts = [group for part in parts for group in splitter(part)]
    return parts


def by_storage(lines: Lines) -> list[Lines]:
    """One temperature a parcel, in the order the temperatures first occur."""
    if len({want.storage for want in lines}) == 1:
        return [lines]
    groups: defaultdict[str, list[Want]] = defaultdict(list)
    for want in lines:
        groups[want.storage].append(want)
    return [tuple(group) for group in groups.values()]


def by_weight(limit: int) -> Splitter:
    """Make the splitter that fills parcels up to `limit` grams; a piece that alone is heavier travels alone."""

    def splitter(lines: Lines) -> list[Lines]:
        if sum(want.quantity * want.grams for want in lines) <= limit:
            return [lines]
        parcels: list[list[Want]] = [[]]
        left = limit
        for want in lines:
            rest = want.quantity
            while rest:
                fit = min(rest, left // want.grams) if want.grams else rest
                if not fit and parcels[-1]:
                    parcels.append([])
                    left = limit
                    continue
                fit = fit or 1
                parcels[-1].append(want if want.quantity == fit else replace(want, quantity=fit))
                rest, left = rest - fit, max(0, left - fit * want.grams)
        return [tuple(parcel) for parcel in parcels if parcel]

    return splitter
