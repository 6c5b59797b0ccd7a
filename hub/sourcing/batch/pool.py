"""What a batch of orders is decided from, all at once: their lines, the locations' stock and capacity, the costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hub.sourcing.model import Costs

FIRST_KG: Final = 1000

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]


class Line(NamedTuple):
    """Pieces of one SKU that an order wants; an order names a SKU once. `grams` is the weight of one piece."""

    sku: int
    quantity: int
    grams: int


class Penalties(NamedTuple):
    """What a plan costs beside its parcels, in minor units: each parcel after the first, each piece left unfilled."""

    split: int = 200
    unfilled: int = 3_000


class Parcel(NamedTuple):
    """What one location sends to one order: pieces by the order's lines."""

    location: int
    pieces: tuple[int, ...]


Plan: TypeAlias = tuple[Parcel, ...]
"""The parcels of one order, by location; what none of them holds stays unfilled."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """A batch of orders and what they may be served from.

    `km` and `asked` (may the location be asked at all) are by order and location, `stock` by location and SKU,
    `capacity` is how many parcels a location still sends.
    """

    orders: Sequence[tuple[Line, ...]]
    km: Ints
    asked: Flags
    handling: Ints
    stock: Ints
    capacity: Ints
    costs: Costs
    penalties: Penalties

    def fixed(self, order: int | slice = slice(None)) -> Ints:
        """Give what a parcel costs before its weight, by location, for an order or by order for all."""
        return self.handling + self.costs.parcel + self.km[order] * self.costs.per_1000_km // 1000

    def cost(self, order: int, plan: Plan) -> int:
        """Give what an order costs with a plan, what stays unfilled included."""
        lines, fixed = self.orders[order], self.fixed(order)
        wanted = sum([line.quantity for line in lines])
        cost = self.penalties.split * max(len(plan) - 1, 0)
        for location, pieces in plan:
            grams = sum([line.grams * count for line, count in zip(lines, pieces, strict=True)])
            cost += int(fixed[location]) + max(-(-(grams - FIRST_KG) // FIRST_KG), 0) * self.costs.per_further_kg
            wanted -= sum(pieces)
        return cost + wanted * self.penalties.unfilled
