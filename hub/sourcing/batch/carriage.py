"""What parcels of a batch cost where terms say it: the cheapest courier's freight, and the weights of pieces."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]

KG: Final = 1000
NO_LANE: Final = (1 << 40, 0, 0, 1, 0, 0)
"""A lane that is not there: far dearer than any parcel, and exact in floating point."""


@dataclass(frozen=True, slots=True, eq=False)
class Carriage:
    """Lanes by order, location and courier, and weights of pieces.

    A lane is what it costs whatever is in the parcel, then grams and fen of the first weight and of each further one,
    and the cubic centimetres that count as a kilogram (0: volume does not count). `piece` is what a piece costs more by
    order, location and line; `scarcity` what all that is `free`, by location and SKU, costs more.
    """

    lanes: Ints
    piece: Ints
    free: Ints
    scarcity: int

    def scarce(self, locations: Ints, skus: Ints, pieces: Ints) -> Ints:
        """Say what pieces of SKUs cost more for being some of the last; arrays that broadcast."""
        return self.scarcity * pieces // np.maximum(self.free[locations, skus], 1)


def freight(lanes: Ints, grams: Ints, cm3: Ints) -> Ints:
    """Price parcels by the cheapest of their lanes, whose last two axes are courier and field; the others broadcast."""
    cheapest: list[Ints] = []
    for courier in range(lanes.shape[-2]):
        fixed, first_grams, first_fen, each_grams, each_fen, divisor = np.moveaxis(lanes[..., courier, :], -1, 0)
        bulk = np.where(divisor > 0, -(-cm3 * KG // np.maximum(divisor, 1)), 0)
        further = np.maximum(-(-(np.maximum(grams, bulk) - first_grams) // each_grams), 0)
        cheapest.append(fixed + first_fen + further * each_fen)
    return np.minimum.reduce(cheapest)
