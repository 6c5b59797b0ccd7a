"""The cheapest plan of each order at prices of stock and capacity, exactly: over any lines, pieces and parcels."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hub.sourcing.batch.group import Group
from hub.sourcing.batch.pool import Flags, Floats, Ints, Penalties

STEPS: Final = 64.0
"""Prices are whole multiples of 1/64 fen: their sums are exact in floating point, and so is what they prove."""


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """What a piece costs by location and SKU, and a parcel by location, beside the true cost; none is negative."""

    pieces: Floats
    parcels: Floats

    def between(self, other: "Prices", weight: float) -> "Prices":
        """Give prices between these (weight 1) and others (weight 0)."""
        return Prices(
            stepped(self.pieces * weight + other.pieces * (1 - weight)),
            stepped(self.parcels * weight + other.parcels * (1 - weight)),
        )

    def shaken(self, rng: np.random.Generator, by: float) -> "Prices":
        """Give prices that are each a little higher or lower."""
        return Prices(
            stepped(self.pieces * rng.uniform(1 - by, 1 + by, self.pieces.shape)),
            stepped(self.parcels * rng.uniform(1 - by, 1 + by, self.parcels.shape)),
        )


def stepped(prices: Floats) -> Floats:
    """Round prices to what floating point adds exactly, and none below zero."""
    return np.maximum(np.round(prices * STEPS) / STEPS, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """The least cost of each order of a group, prices included, and the part each location gives, by order."""

    least: Floats
    parts: Ints


def price(group: Group, possible: Flags, prices: Prices, penalties: Penalties) -> Priced:
    """Find each order's cheapest plan by dynamic programming over locations, by what they have given so far.

    A table holds for each part of an order the least that the locations so far can give it for; a location adds any
    part that it has. Nothing is cut off: every choice of locations, and every way to divide the lines, is among them.
    """
    shape, count = group.shape, len(group.orders)
    offers = _offers(group, possible, prices, penalties)
    tables = np.full((len(offers) + 1, len(shape.parts), count), np.inf)
    tables[0, 0] = 0
    rest = shape.whole - shape.given
    for at, offer in enumerate(offers):
        before, after = tables[at], tables[at + 1]
        after[0] = 0
        if len(rest):
            ways = before[rest]
            ways += offer[shape.given]
            np.minimum(np.minimum.reduceat(ways, shape.starts, axis=0), before[1:], out=after[1:])
    lacking = shape.parts[-1].sum() - shape.parts.sum(axis=1)
    ends = tables[-1] + (lacking * penalties.unfilled)[:, None]
    ends[1:] -= penalties.split
    best = ends.argmin(axis=0)
    return Priced(ends[best, np.arange(count)], _traced(group, offers, tables, best))


def _offers(group: Group, possible: Flags, prices: Prices, penalties: Penalties) -> Floats:
    """Price every part at every location, by location, part and order."""
    pieces = prices.pieces[:, group.skus] @ group.shape.parts.T.astype(np.float64)
    parcel = group.fixed.T + prices.parcels[:, None] + penalties.split
    offers = np.where(possible.transpose(1, 0, 2), pieces + parcel[:, :, None] + group.weight, np.inf)
    return np.ascontiguousarray(offers.transpose(0, 2, 1))


def _traced(group: Group, offers: Floats, tables: Floats, best: Ints) -> Ints:
    """Walk back from the part each order ends with to what each location gave."""
    shape = group.shape
    parts = np.zeros((len(best), len(offers)), dtype=np.int64)
    held = best.copy()
    everyone = np.arange(len(best))
    for at in range(len(offers) - 1, -1, -1):
        moved = np.flatnonzero(tables[at + 1, held, everyone] != tables[at, held, everyone])
        if len(moved):
            whole = held[moved]
            rest = np.maximum(whole[None, :] - np.arange(len(shape.parts))[:, None], 0)
            ways = np.where(shape.fits[whole].T, tables[at, rest, moved] + offers[at][:, moved], np.inf)
            given = ways.argmin(axis=0)
            parts[moved, at] = given
            held[moved] -= given
    return parts
