"""Plan orders again, one by one, each the best way that what the others leave allows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from hub.sourcing.batch.group import Group
from hub.sourcing.batch.large import plan_large
from hub.sourcing.batch.pool import Parcel, Plan, Pool
from hub.sourcing.batch.price import Prices, price


class Rest:
    """What a set of plans leaves of stock and capacity."""

    def __init__(self, pool: Pool, plans: Sequence[Plan]) -> None:
        self._pool = pool
        self.stock = pool.stock.copy()
        self.capacity = pool.capacity.copy()
        for order, plan in enumerate(plans):
            self.move(order, plan, -1)

    def move(self, order: int, plan: Plan, sign: int) -> None:
        """Give back what a plan uses (1), or take it (-1)."""
        for parcel in plan:
            self.capacity[parcel.location] += sign
            for line, pieces in zip(self._pool.orders[order], parcel.pieces, strict=True):
                self.stock[parcel.location, line.sku] += sign * pieces

    def fits(self, order: int, plan: Plan) -> bool:
        """Say whether a plan can still be carried out."""
        return all(
            self.capacity[parcel.location] > 0
            and all(
                self.stock[parcel.location, line.sku] >= pieces
                for line, pieces in zip(self._pool.orders[order], parcel.pieces, strict=True)
            )
            for parcel in plan
        )


def fitting(pool: Pool, plans: Sequence[Plan]) -> tuple[list[Plan], list[int]]:
    """Keep in turn the plans that fit, and give the orders whose plans did not; they have none now."""
    rest = Rest(pool, [])
    kept: list[Plan] = []
    for order, plan in enumerate(plans):
        kept.append(plan if rest.fits(order, plan) else ())
        rest.move(order, kept[-1], -1)
    return kept, [order for order, plan in enumerate(plans) if kept[order] != plan]


class Planner:
    """Plans single orders of a batch."""

    def __init__(self, pool: Pool, groups: Sequence[Group]) -> None:
        self._pool = pool
        self._where = {int(order): (each, at) for each in groups for at, order in enumerate(each.orders)}
        self._free = Prices(np.zeros(pool.stock.shape), np.zeros(len(pool.capacity)))

    def plan_again(self, plans: Sequence[Plan], orders: Iterable[int]) -> list[tuple[int, Plan]]:
        """Plan some orders anew in turn, and give those that came out cheaper with their new plans."""
        rest = Rest(self._pool, plans)
        changed: list[tuple[int, Plan]] = []
        for order in orders:
            rest.move(order, plans[order], 1)
            plan = self._plan(order, rest)
            if self._pool.cost(order, plan) < self._pool.cost(order, plans[order]):
                changed.append((order, plan))
            else:
                plan = plans[order]
            rest.move(order, plan, -1)
        return changed

    def _plan(self, order: int, rest: Rest) -> Plan:
        pool, able = self._pool, rest.capacity > 0
        if order not in self._where:
            return plan_large(replace(pool, stock=rest.stock, asked=pool.asked & able), order, self._free)
        group, at = self._where[order]
        alone = group.alone(at)
        possible = alone.possible(rest.stock) & able[:, None]
        parts = price(alone, possible, self._free, pool.penalties).parts[0]
        rank = alone.ranks[0].argsort()
        return tuple(
            Parcel(location, tuple(alone.shape.parts[parts[location]][rank].tolist()))
            for location in np.flatnonzero(parts).tolist()
        )
