"""Choose one plan for each order among those known, within stock and capacity: HiGHS, by fractions or whole."""

from collections.abc import Callable
from math import inf, isfinite
from typing import Final, Protocol, cast

import numpy as np
from scipy import optimize, sparse  # pyright: ignore[reportMissingTypeStubs] # scipy has none of its own

from hub.sourcing.batch.columns import Columns
from hub.sourcing.batch.pool import Floats, Ints, Pool
from hub.sourcing.batch.price import Prices, stepped

NODES: Final = 500
"""Without a clock the search for whole plans ends here, so that the same batch always gets the same answer."""

NEAR: Final = 1e-5


class _Matrix(Protocol):
    """The little that is asked of a sparse matrix here."""

    def sum(self, axis: int) -> Ints: ...

    def __getitem__(self, rows: Ints) -> "_Matrix": ...


class _Marginals(Protocol):
    marginals: Floats


class _Relaxed(Protocol):
    status: int
    fun: float
    ineqlin: _Marginals


class _Whole(Protocol):
    x: Floats | None


_matrix = cast("Callable[..., _Matrix]", sparse.csr_array)
_linprog = cast("Callable[..., _Relaxed]", optimize.linprog)  # pyright: ignore[reportUnknownMemberType] # as above
_milp = cast("Callable[..., _Whole]", optimize.milp)  # pyright: ignore[reportUnknownMemberType] # as above
_bounds = cast("Callable[[int, int], object]", optimize.Bounds)
_between = cast("Callable[[_Matrix, object, object], object]", optimize.LinearConstraint)


class Master:
    """The restricted master problem of a batch."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        widest = max(len(lines) for lines in pool.orders)
        self._skus = np.array([[line.sku for line in lines] + [0] * (widest - len(lines)) for lines in pool.orders])
        self._there = np.concatenate([pool.stock.ravel(), pool.capacity])

    def relax(self, columns: Columns, seconds: float) -> tuple[float, Prices] | None:
        """Give the least cost with fractions of plans and the prices that go with it; None when time ran out."""
        uses, rows = self._uses(columns)
        solved = _linprog(
            columns.cost,
            A_ub=uses if len(rows) else None,
            b_ub=self._there[rows] if len(rows) else None,
            A_eq=self._orders(columns),
            b_eq=np.ones(len(self._pool.orders)),
            method="highs",
            options={"time_limit": seconds} if isfinite(seconds) else {},
        )
        if solved.status != 0:
            return None
        prices = np.zeros(len(self._there))
        if len(rows):
            prices[rows] = -solved.ineqlin.marginals
        places, skus = self._pool.stock.shape
        return solved.fun, Prices(
            stepped(prices[: places * skus].reshape(places, skus)), stepped(prices[places * skus :])
        )

    def choose(self, columns: Columns, seconds: float) -> Ints | None:
        """Give a plan for each order, by order; None when time ran out before any choice was found."""
        uses, rows = self._uses(columns)
        limits = [_between(self._orders(columns), 1, 1)]
        if len(rows):
            limits.append(_between(uses, -inf, self._there[rows]))
        solved = _milp(
            columns.cost,
            integrality=np.ones(len(columns.cost)),
            bounds=_bounds(0, 1),
            constraints=limits,
            options={"mip_rel_gap": NEAR} | ({"time_limit": seconds} if isfinite(seconds) else {"node_limit": NODES}),
        )
        if solved.x is None:
            return None
        chosen = np.flatnonzero(solved.x > 0.5)  # noqa: PLR2004 # whole within the solver's tolerance
        return chosen[np.argsort(columns.order[chosen])] if len(chosen) == len(self._pool.orders) else None

    def worth(self, columns: Columns, prices: Prices) -> Floats:
        """Give what each plan costs at some prices."""
        paid = columns.cost.astype(np.float64)
        goods, parcels = columns.goods, columns.parcels
        skus = self._skus[columns.order[goods[:, 0]], goods[:, 2]]
        np.add.at(paid, goods[:, 0], goods[:, 3] * prices.pieces[goods[:, 1], skus])
        np.add.at(paid, parcels[:, 0], prices.parcels[parcels[:, 1]])
        return paid

    def _uses(self, columns: Columns) -> tuple[_Matrix, Ints]:
        """Give what plans use of what could run short of them, and which rows those are."""
        goods, parcels = columns.goods, columns.parcels
        places, skus = self._pool.stock.shape
        piece = goods[:, 1] * skus + self._skus[columns.order[goods[:, 0]], goods[:, 2]]
        row = np.concatenate([piece, places * skus + parcels[:, 1]])
        column = np.concatenate([goods[:, 0], parcels[:, 0]])
        used = np.concatenate([goods[:, 3], np.ones(len(parcels), dtype=np.int64)])
        matrix = _matrix((used, (row, column)), shape=(len(self._there), len(columns.cost)))
        rows = np.flatnonzero(matrix.sum(axis=1) > self._there)
        return matrix[rows], rows

    def _orders(self, columns: Columns) -> _Matrix:
        count = len(columns.cost)
        return _matrix((np.ones(count), (columns.order, np.arange(count))), shape=(len(self._pool.orders), count))
