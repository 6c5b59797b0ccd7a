"""Plans that may be chosen among, as arrays: what each costs and what it uses; every plan stands here once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hub.sourcing.batch.carriage import Carriage, freight
from hub.sourcing.batch.group import Group
from hub.sourcing.batch.pool import FIRST_KG, Flags, Ints, Parcel, Plan, Pool
from hub.sourcing.batch.price import Priced

MIX: Final = 0x9E3779B97F4A7C15
SEED: Final = 1


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Plans by number.

    `order` and `cost` are by plan. `goods` has a row (plan, location, line, pieces) for each line of each parcel,
    `parcels` a row (plan, location) for each parcel.
    """

    order: Ints
    cost: Ints
    goods: Ints
    parcels: Ints

    def only(self, chosen: Flags) -> "Columns":
        """Give some of them, numbered anew."""
        number = np.cumsum(chosen) - 1
        goods, parcels = self.goods[chosen[self.goods[:, 0]]], self.parcels[chosen[self.parcels[:, 0]]]
        goods[:, 0], parcels[:, 0] = number[goods[:, 0]], number[parcels[:, 0]]
        return Columns(self.order[chosen], self.cost[chosen], goods, parcels)


class Book:
    """Collects plans without taking one twice."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._fixed = pool.fixed()
        self._wanted = np.array([sum([line.quantity for line in lines]) for lines in pool.orders])
        self._known = np.empty(0, dtype=np.uint64)
        self._parts: list[Columns] = []
        self._count = 0
        widest = max(len(lines) for lines in pool.orders)
        self._grams = np.array(
            [[line.grams for line in lines] + [0] * (widest - len(lines)) for lines in pool.orders], dtype=np.int64
        )
        self._cm3, self._skus = (
            np.array([[line[at] for line in lines] + [0] * (widest - len(lines)) for lines in pool.orders])
            for at in (3, 0)
        )
        rng = np.random.default_rng(SEED)
        odd = rng.integers(1 << 62, size=(pool.stock.shape[0], widest), dtype=np.int64).astype(np.uint64)
        self._mix = odd * np.uint64(2) + np.uint64(1)

    def columns(self) -> Columns:
        """Give all plans so far."""
        if len(self._parts) > 1:
            self._parts = [
                Columns(
                    order=np.concatenate([part.order for part in self._parts]),
                    cost=np.concatenate([part.cost for part in self._parts]),
                    goods=np.concatenate([part.goods for part in self._parts]),
                    parcels=np.concatenate([part.parcels for part in self._parts]),
                )
            ]
        return self._parts[0]

    def add_priced(self, group: Group, priced: Priced) -> int:
        """Take the plans of a group; give how many were new."""
        at, location = np.nonzero(priced.parts)
        pieces = group.shape.parts[priced.parts[at, location]]
        entry, line = np.nonzero(pieces)
        goods = np.stack([at[entry], location[entry], group.ranks[at[entry], line], pieces[entry, line]], axis=1)
        return self._add(group.orders, goods)

    def add_plans(self, plans: Sequence[tuple[int, Plan]]) -> int:
        """Take plans with their orders' numbers; give how many were new."""
        goods = [
            (at, parcel.location, line, count)
            for at, (_, plan) in enumerate(plans)
            for parcel in plan
            for line, count in enumerate(parcel.pieces)
            if count
        ]
        orders = np.array([order for order, _ in plans], dtype=np.int64)
        return self._add(orders, np.array(goods, dtype=np.int64).reshape(-1, 4))

    def _add(self, orders: Ints, goods: Ints) -> int:
        keys = (orders.astype(np.uint64) + np.uint64(1)) * np.uint64(MIX)
        np.add.at(keys, goods[:, 0], self._mix[goods[:, 1], goods[:, 2]] * goods[:, 3].astype(np.uint64))
        fresh, first = np.unique(keys, return_index=True)
        new = np.sort(first[~np.isin(fresh, self._known)])
        if not len(new):
            return 0
        self._known = np.concatenate([self._known, keys[new]])
        numbers = np.full(len(orders), -1)
        numbers[new] = np.arange(len(new))
        kept = goods[numbers[goods[:, 0]] >= 0].copy()
        kept[:, 0] = numbers[kept[:, 0]]
        self._parts.append(self._priced(orders[new], kept))
        self._count += len(new)
        return len(new)

    def _priced(self, orders: Ints, goods: Ints) -> Columns:
        """Say what new plans cost, numbering them from the last one on."""
        places = len(self._pool.capacity)
        parcel, inverse = np.unique(goods[:, 0] * places + goods[:, 1], return_inverse=True)
        plan, location = parcel // places, parcel % places
        grams = np.zeros(len(parcel), dtype=np.int64)
        np.add.at(grams, inverse, goods[:, 3] * self._grams[orders[goods[:, 0]], goods[:, 2]])
        if self._pool.carriage:
            paid = self._carried(self._pool.carriage, orders, goods, inverse, grams, (orders[plan], location))
        else:
            further = np.maximum(-(-(grams - FIRST_KG) // FIRST_KG), 0)
            paid = self._fixed[orders[plan], location] + further * self._pool.costs.per_further_kg
        count = len(orders)
        cost = np.zeros(count, dtype=np.int64)
        np.add.at(cost, plan, paid)
        penalties = self._pool.penalties
        cost += np.maximum(np.bincount(plan, minlength=count) - 1, 0) * penalties.split
        filled = np.zeros(count, dtype=np.int64)
        np.add.at(filled, goods[:, 0], goods[:, 3])
        cost += (self._wanted[orders] - filled) * penalties.unfilled
        shifted = goods.copy()
        shifted[:, 0] += self._count
        return Columns(orders, cost, shifted, np.stack([plan + self._count, location], axis=1))

    def _carried(
        self, by: Carriage, orders: Ints, goods: Ints, parcel_of: Ints, grams: Ints, parcels: tuple[Ints, Ints]
    ) -> Ints:
        """Price parcels, each an order and a location, by a carriage; `parcel_of` says in which one goods lie."""
        order, (_, location, line, pieces) = orders[goods[:, 0]], goods.T
        cm3, more = np.zeros_like(grams), np.zeros_like(grams)
        np.add.at(cm3, parcel_of, pieces * self._cm3[order, line])
        weighed = pieces * by.piece[order, location, line] + by.scarce(location, self._skus[order, line], pieces)
        np.add.at(more, parcel_of, weighed)
        return freight(by.lanes[parcels], grams, cm3) + more


def plans_of(pool: Pool, columns: Columns, chosen: Ints) -> list[Plan]:
    """Read chosen plans (one an order, by order) from the arrays."""
    numbers = {int(plan): order for order, plan in enumerate(chosen)}
    held: list[dict[int, list[int]]] = [{} for _ in pool.orders]
    mine = columns.goods[np.isin(columns.goods[:, 0], chosen)]
    for plan, location, line, pieces in mine.tolist():
        order = numbers[plan]
        held[order].setdefault(location, [0] * len(pool.orders[order]))[line] = pieces
    return [tuple(Parcel(at, tuple(pieces)) for at, pieces in sorted(each.items())) for each in held]
