"""Orders with too many parts to be listed: a plan found by adding locations, and a bound that holds for every plan."""

from math import floor
from typing import Final

import numpy as np

from hub.sourcing.batch.carriage import Carriage, freight
from hub.sourcing.batch.pool import FIRST_KG, Ints, Parcel, Plan, Pool
from hub.sourcing.batch.price import STEPS, Prices

ROUNDED: Final = 1e-3
"""A thousandth of a step, which no error of rounding in these few sums reaches."""


def least_of(pool: Pool, order: int, prices: Prices) -> float:
    """Give what no plan of an order undercuts at these prices.

    Two relaxations hold for any plan that sends something. Without the weight: the cheapest parcel, and each piece
    from where its price is least. With it: as a parcel has at most one kilogram more than it pays for, its further
    kilograms cost at least its weight less one, as long as another parcel costs more than a kilogram.
    """
    lines = pool.orders[order]
    if not (asked := np.flatnonzero(pool.asked[order])).size:
        return float(_unfilled(pool, order))
    if pool.carriage:
        return _least_carried(pool, pool.carriage, order, asked, prices)
    opening = float((pool.fixed(order) + prices.parcels)[asked].min())
    kilogram = pool.costs.per_further_kg
    bare, weighed = opening, opening - kilogram
    for sku, quantity, grams, _ in lines:
        there = asked[pool.stock[asked, sku] > 0]
        piece = float(prices.pieces[there, sku].min()) if there.size else np.inf
        bare += quantity * min(pool.penalties.unfilled, piece)
        weighed += quantity * min(pool.penalties.unfilled, piece + kilogram * grams / FIRST_KG)
    if opening + pool.penalties.split < kilogram:
        weighed = bare
    least = min(float(_unfilled(pool, order)), max(bare, weighed))
    return floor(least * STEPS - ROUNDED) / STEPS


def _least_carried(pool: Pool, by: Carriage, order: int, asked: Ints, prices: Prices) -> float:
    """As without weight: the cheapest parcel with nothing in it, and each piece from where its price is least."""
    nothing = np.zeros(len(asked), dtype=np.int64)
    least = float((freight(by.lanes[order, asked], nothing, nothing) + prices.parcels[asked]).min())
    for at, (sku, quantity, _, _) in enumerate(pool.orders[order]):
        there = asked[pool.stock[asked, sku] > 0]
        piece = float((prices.pieces[there, sku] + by.piece[order, there, at]).min()) if there.size else np.inf
        least += quantity * min(pool.penalties.unfilled, piece)
    return floor(min(float(_unfilled(pool, order)), least) * STEPS - ROUNDED) / STEPS


def plan_large(pool: Pool, order: int, prices: Prices) -> Plan:
    """Find a good plan at these prices: the location that saves most is added for as long as one saves anything."""
    lines = pool.orders[order]
    skus = [line.sku for line in lines]
    grams = np.array([line.grams for line in lines])
    opening = pool.fixed(order) + prices.parcels + pool.penalties.split
    saved = pool.penalties.unfilled - prices.pieces[:, skus]
    if by := pool.carriage:
        worth = saved > by.piece[order][:, : len(lines)]
    else:
        worth = saved * FIRST_KG > grams * pool.costs.per_further_kg
    able = np.where(worth & pool.asked[order][:, None], pool.stock[:, skus], 0)
    wanted = np.array([line.quantity for line in lines])
    parcels: list[Parcel] = []
    while True:
        given = np.minimum(able, wanted)
        if by:
            further = pool.carried(order, np.arange(len(able)), given)
        else:
            further = np.maximum(-(-(given @ grams - FIRST_KG) // FIRST_KG), 0) * pool.costs.per_further_kg
        gain = (given * saved).sum(axis=1) - opening - further
        best = int(gain.argmax())
        if gain[best] <= 0:
            return tuple(sorted(parcels))
        parcels.append(Parcel(best, tuple(given[best].tolist())))
        wanted -= given[best]
        able[best] = 0


def _unfilled(pool: Pool, order: int) -> int:
    return sum(line.quantity for line in pool.orders[order]) * pool.penalties.unfilled
