"""Price a whole batch at once: every order's cheapest plan at some prices, and the bound that follows from them."""

from dataclasses import dataclass
from math import ceil

from hub.sourcing.batch.columns import Book
from hub.sourcing.batch.group import group
from hub.sourcing.batch.large import least_of, plan_large
from hub.sourcing.batch.pool import Pool
from hub.sourcing.batch.price import Prices, price


@dataclass(frozen=True, slots=True)
class Quote:
    """What some prices prove: no way to serve the batch costs less than `bound`; `new` plans came to the book."""

    bound: int
    new: int


class Quoter:
    """Asks for quotes for one batch. `relaxed` orders are too large for an exact one."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.groups, self.relaxed = group(pool)
        self._possible = [each.possible(pool.stock) for each in self.groups]

    def quote(self, prices: Prices, book: Book) -> Quote:
        """Enter the cheapest plans at these prices and give the Lagrangian bound: their cost, less what all is worth.

        Weak duality: with no price below zero, a way to serve the batch costs at least its cost at these prices less
        the worth of all stock and capacity, and each order's part of that is at least its cheapest plan's.
        """
        pool = self._pool
        total = -float((prices.pieces * pool.stock).sum() + (prices.parcels * pool.capacity).sum())
        new = 0
        for each, possible in zip(self.groups, self._possible, strict=True):
            priced = price(each, possible, prices, pool.penalties)
            total += float(priced.least.sum())
            new += book.add_priced(each, priced)
        total += sum(least_of(pool, order, prices) for order in self.relaxed)
        new += book.add_plans([(order, plan_large(pool, order, prices)) for order in self.relaxed])
        return Quote(ceil(total), new)
