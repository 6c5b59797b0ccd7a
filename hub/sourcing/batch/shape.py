"""The parts an order can be served in, by its lines' quantities alone: orders of one shape are priced together."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from typing import Final

import numpy as np

from hub.sourcing.batch.pool import Flags, Ints

MOST_PAIRS: Final = 100_000
"""Five lines of three pieces have 100,000, ten of one 59,049; beyond, an order is priced by a relaxation."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """All parts of some quantities.

    `parts` holds the pieces of each part by line, in mixed radix, so that part 0 is nothing and the last is everything,
    and so that the number of a difference is the difference of the numbers. `whole` and `given` list each part
    with each part of it that is not nothing, `starts` where in that list each part (but nothing) begins.
    """

    parts: Ints
    whole: Ints
    given: Ints
    starts: Ints
    fits: Flags


def pairs_of(quantities: tuple[int, ...]) -> int:
    """Count the pairs of a part and a part of it, before any is made."""
    return prod((each + 1) * (each + 2) // 2 for each in quantities)


@lru_cache(maxsize=128)
def shape_of(quantities: tuple[int, ...]) -> Shape:
    """List the parts of some quantities."""
    parts = np.array(list(product(*(range(each + 1) for each in quantities))), dtype=np.int64)
    fits: Flags = np.all(parts[:, None, :] >= parts[None, :, :], axis=2) & (parts.sum(axis=1) > 0)
    whole, given = np.nonzero(fits)
    starts = np.searchsorted(whole, np.arange(1, len(parts)))
    return Shape(parts, whole, given, starts, fits)
