"""Orders of one shape, as arrays: what each part of each order weighs, and which locations can give it."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np

from hub.sourcing.batch.carriage import Carriage, freight
from hub.sourcing.batch.pool import FIRST_KG, Flags, Floats, Ints, Pool
from hub.sourcing.batch.shape import MOST_PAIRS, Shape, pairs_of, shape_of

MOST_WORK: Final = 100_000_000
"""Pairs of all orders at all locations: about a second for one pricing; beyond, the largest orders are relaxed."""

MOST_CELLS: Final = 5_000_000
"""What is reckoned at once has at most so many numbers, so that memory stays small; what is alike is cut up."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """`orders` by number; `skus` by order and line; `order` of the lines (`ranks`) as the shape has them.

    `fixed` is what a parcel costs before its weight, by order and location, infinite where none may be sent.
    `weight` is what the kilograms of each part cost, by order and part; with a carriage all that a parcel of it costs,
    by location, order and part.
    """

    shape: Shape
    orders: Ints
    skus: Ints
    ranks: Ints
    fixed: Floats
    weight: Floats

    def possible(self, stock: Ints) -> Flags:
        """Say which parts each location has, by order, location and part."""
        there = stock[:, self.skus].transpose(1, 0, 2)
        return np.all(there[:, :, None, :] >= self.shape.parts, axis=3)

    def alone(self, at: int) -> "Group":
        """Give one of the orders as a group of its own."""
        only = slice(at, at + 1)
        weight = self.weight[..., only, :]
        return Group(self.shape, self.orders[only], self.skus[only], self.ranks[only], self.fixed[only], weight)


def group(pool: Pool) -> tuple[list[Group], list[int]]:
    """Sort orders by shape; give beside it the orders with too many parts to be listed.

    Orders of one shape may be several groups.
    """
    shapes = [tuple(sorted([line.quantity for line in lines])) for lines in pool.orders]
    places = len(pool.capacity)
    alike: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    large: list[int] = []
    work = 0
    for number in sorted(range(len(shapes)), key=lambda number: (pairs_of(shapes[number]), number)):
        pairs = pairs_of(shapes[number])
        work += pairs * places
        if pairs > MOST_PAIRS or work > MOST_WORK:
            large.append(number)
        else:
            alike[shapes[number]].append(number)
    fixed = np.where(pool.asked, pool.fixed(), np.inf)
    groups: list[Group] = []
    for quantities, numbers in sorted(alike.items()):
        shape = shape_of(quantities)
        most = max(MOST_CELLS // max(pairs_of(quantities), places * len(shape.parts)), 1)
        groups += [_group(pool, shape, numbers[at : at + most], fixed) for at in range(0, len(numbers), most)]
    return groups, sorted(large)


def _group(pool: Pool, shape: Shape, numbers: list[int], fixed: Floats) -> Group:
    lines = [pool.orders[number] for number in numbers]
    ranks = [sorted(range(len(each)), key=lambda at: (each[at].quantity, at)) for each in lines]
    ordered = [[each[at] for at in rank] for each, rank in zip(lines, ranks, strict=True)]
    grams = np.array([[line.grams for line in each] for each in ordered]) @ shape.parts.T
    skus = np.array([[line.sku for line in each] for each in ordered])
    if pool.carriage:
        cm3 = np.array([[line.cm3 for line in each] for each in ordered]) @ shape.parts.T
        weight = _carried(pool.carriage, shape, numbers, np.array(ranks), skus, grams, cm3)
    else:
        weight = np.maximum(-(-(grams - FIRST_KG) // FIRST_KG), 0) * pool.costs.per_further_kg
    return Group(
        shape=shape,
        orders=np.array(numbers),
        skus=skus,
        ranks=np.array(ranks),
        fixed=fixed[numbers],
        weight=weight.astype(np.float64),
    )


def _carried(by: Carriage, shape: Shape, numbers: list[int], ranks: Ints, skus: Ints, grams: Ints, cm3: Ints) -> Ints:
    """Price a parcel of each part, by location, order and part."""
    lanes = by.lanes[numbers].swapaxes(0, 1)[:, :, None]
    cost = freight(lanes, grams[None], cm3[None])
    piece = np.take_along_axis(by.piece[numbers], ranks[:, None, :], axis=2).swapaxes(0, 1)
    cost = cost + piece @ shape.parts.T
    if by.scarcity:
        locations = np.arange(len(by.free))[:, None, None]
        for line in range(skus.shape[1]):
            cost += by.scarce(locations, skus[None, :, line, None], shape.parts[None, None, :, line])
    return cost
