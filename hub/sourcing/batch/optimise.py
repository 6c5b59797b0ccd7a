"""Serve a batch of orders as cheaply as the time allows: column generation, whole plans by HiGHS, planning again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import inf
from time import monotonic
from typing import Final

import numpy as np

from hub.sourcing.batch.again import Planner, fitting
from hub.sourcing.batch.columns import Book, Columns, plans_of
from hub.sourcing.batch.in_turn import plan_in_turn
from hub.sourcing.batch.limit import Limit
from hub.sourcing.batch.master import Master
from hub.sourcing.batch.pool import Plan, Pool
from hub.sourcing.batch.price import Prices
from hub.sourcing.batch.quote import Quoter
from hub.sourcing.model import gap_of

SOLVER: Final = "columns-1"

SHARE: Final = 0.6
"""How much of the time plans are looked for before the first whole choice."""

CLOSE: Final = 1e-4
"""Prices that prove all but so much of what the master costs are good enough."""

SMOOTHING: Final = (0.75, 0.5, 0.25, 0.0)
"""Plans are asked for on the way from the best prices so far to the master's, which jump about (Wentges 1997)."""

SHAKES: Final = (0.05, 0.15, 0.3, 0.6)
"""By how much prices are moved to find more plans that are nearly as good."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer for a batch.

    `plans` are by order, `greedy` those of order by order. No way to serve the batch costs less than `bound`.
    `relaxed` orders were too large to be priced exactly, which can only make the bound lower.
    """

    plans: Sequence[Plan]
    greedy: Sequence[Plan]
    cost: int
    greedy_cost: int
    bound: int
    iterations: int
    seconds: float
    relaxed: int

    @property
    def gap(self) -> float:
        return gap_of(self.cost, self.bound)


def optimise(
    pool: Pool,
    *,
    seconds: float = inf,
    iterations: float = inf,
    seed: int = 0,
    clock: Callable[[], float] = monotonic,
    greedy: Sequence[Plan] | None = None,
) -> Outcome:
    """Serve the batch, for so many seconds or iterations; the same iterations and seed give the same answer.

    Never dearer than order by order, which is planned first, whatever the limit; with a carriage `greedy` says how.
    """
    limit = Limit(clock, seconds, iterations)
    greedy = plan_in_turn(pool) if greedy is None else greedy
    search = _Search(pool, greedy, limit)
    search.generate()
    search.improve(seed)
    return Outcome(
        plans=search.plans,
        greedy=greedy,
        cost=search.cost,
        greedy_cost=sum([pool.cost(order, plan) for order, plan in enumerate(greedy)]),
        bound=search.bound,
        iterations=limit.used,
        seconds=limit.spent(),
        relaxed=len(search.quoter.relaxed),
    )


class _Search:
    def __init__(self, pool: Pool, plans: Sequence[Plan], limit: Limit) -> None:
        self._pool, self._limit = pool, limit
        self.plans, self.cost = plans, sum([pool.cost(order, plan) for order, plan in enumerate(plans)])
        self._book, self._master, self.quoter = Book(pool), Master(pool), Quoter(pool)
        self._book.add_plans([*enumerate(plans), *[(order, ()) for order in range(len(pool.orders))]])
        self._prices = Prices(np.zeros(pool.stock.shape), np.zeros(len(pool.capacity)))
        self.bound = max(self.quoter.quote(self._prices, self._book).bound, 0)

    def generate(self) -> None:
        """Solve the master with fractions and ask for plans at its prices, until none is missing or time is up."""
        while self._limit.goes_on(SHARE):
            relaxed = self._master.relax(self._book.columns(), self._limit.left(SHARE))
            self._limit.used += 1
            if relaxed is None:
                return
            value, prices = relaxed
            best = self._prices
            new = [self._ask(best.between(prices, weight)) for weight in SMOOTHING]
            if value - self.bound <= CLOSE * value or not any(new):
                return

    def improve(self, seed: int) -> None:
        """Choose whole plans, plan orders again, find more plans at prices a little off; over and over."""
        rng = np.random.default_rng(seed)
        planner = Planner(self._pool, self.quoter.groups)
        if self._limit.goes_on():
            self._mend(planner)
        while self._limit.goes_on() and self.cost > self.bound:
            columns = self._promising()
            chosen = self._master.choose(columns, self._limit.left())
            self._limit.used += 1
            if chosen is not None and self._take(plans_of(self._pool, columns, chosen)):
                self._plan_again(planner, self.plans, rng.permutation(len(self.plans)).tolist())
            for by in SHAKES:
                if self._limit.left() > 0:
                    self._ask(self._prices.shaken(rng, by))

    def _ask(self, prices: Prices) -> int:
        quote = self.quoter.quote(prices, self._book)
        if quote.bound > self.bound:
            self.bound, self._prices = quote.bound, prices
        return quote.new

    def _promising(self) -> Columns:
        """Give the plans that an answer cheaper than the present one may hold: no other can be among its plans."""
        columns = self._book.columns()
        worth = self._master.worth(columns, self._prices)
        least = np.full(len(self._pool.orders), inf)
        np.minimum.at(least, columns.order, worth)
        return columns.only(worth - least[columns.order] <= self.cost - self.bound)

    def _mend(self, planner: Planner) -> None:
        """Take each order's cheapest plan at the best prices as far as it fits, and plan the others from what is left.

        That is quick, and good where there is no time for HiGHS to choose.
        """
        columns = self._book.columns()
        ranked = np.lexsort((self._master.worth(columns, self._prices), columns.order))
        cheapest = ranked[np.flatnonzero(np.diff(columns.order[ranked], prepend=-1))]
        plans, others = fitting(self._pool, plans_of(self._pool, columns, cheapest))
        self._plan_again(planner, plans, others)

    def _take(self, plans: Sequence[Plan]) -> bool:
        """Keep these plans if they are the cheapest so far, and say whether they are."""
        cost = sum([self._pool.cost(order, plan) for order, plan in enumerate(plans)])
        if better := cost < self.cost:
            self.plans, self.cost = plans, cost
        return better

    def _plan_again(self, planner: Planner, plans: Sequence[Plan], orders: Sequence[int]) -> None:
        """Plan these again one by one, for as long as time is left; all new plans are kept to choose among."""
        changed = planner.plan_again(plans, takewhile(lambda _: self._limit.left() > 0, orders))
        self._book.add_plans(changed)
        after = list(plans)
        for order, plan in changed:
            after[order] = plan
        self._take(after)
