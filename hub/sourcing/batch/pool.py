"""What a batch of orders is decided from, all at once: their lines, the locations' stock and capacity, the costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hub.sourcing.batch.carriage import Carriage, Ints, freight
from hub.sourcing.model import Costs

FIRST_KG: Final = 1000

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]


class Line(NamedTuple):
    """Pieces of one SKU that an order wants; an order names a SKU once. `grams` and `cm3` are those of one piece."""

    sku: int
    quantity: int
    grams: int
    cm3: int = 0


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
    `capacity` is how many parcels a location still sends. With a `carriage` that prices parcels, and not `costs`.
    """

    orders: Sequence[tuple[Line, ...]]
    km: Ints
    asked: Flags
    handling: Ints
    stock: Ints
    capacity: Ints
    costs: Costs
    penalties: Penalties
    carriage: Carriage | None = None

    def fixed(self, order: int | slice = slice(None)) -> Ints:
        """Give what a parcel costs before its weight, by location, for an order or by order for all; lanes hold it."""
        if self.carriage:
            return np.zeros_like(self.km[order])
        return self.handling + self.costs.parcel + self.km[order] * self.costs.per_1000_km // 1000

    def cost(self, order: int, plan: Plan) -> int:
        """Give what an order costs with a plan, what stays unfilled included."""
        lines = self.orders[order]
        wanted = sum([line.quantity for line in lines]) - sum([sum(parcel.pieces) for parcel in plan])
        cost = self.penalties.split * max(len(plan) - 1, 0) + wanted * self.penalties.unfilled
        if plan and self.carriage:
            locations = np.array([parcel.location for parcel in plan])
            return cost + int(self.carried(order, locations, np.array([parcel.pieces for parcel in plan])).sum())
        fixed = self.fixed(order)
        for location, pieces in plan:
            grams = sum([line.grams * count for line, count in zip(lines, pieces, strict=True)])
            cost += int(fixed[location]) + max(-(-(grams - FIRST_KG) // FIRST_KG), 0) * self.costs.per_further_kg
        return cost

    def carried(self, order: int, locations: Ints, given: Ints) -> Ints:
        """Price parcels of an order by its carriage: one from each of the locations, with pieces by line."""
        if self.carriage is None:
            raise ValueError("only a carriage prices so")
        lines = self.orders[order]
        skus = np.array([line.sku for line in lines])
        grams, cm3 = (given @ np.array(each) for each in ([one.grams for one in lines], [one.cm3 for one in lines]))
        piece = self.carriage.piece[order, locations][:, : len(lines)]
        more = (given * piece + self.carriage.scarce(locations[:, None], skus[None, :], given)).sum(axis=1)
        return freight(self.carriage.lanes[order, locations], grams, cm3) + more
