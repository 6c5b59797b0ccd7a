"""Small batches, made up; and the truth about them, found by trying every plan."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from hypothesis import strategies as st

from hub.sourcing.batch.pool import Line, Parcel, Penalties, Plan, Pool
from hub.sourcing.model import Costs

GRAMS = st.sampled_from([0, 300, 900, 1_000, 2_500])
PRICES = st.integers(0, 900)
COSTS = st.builds(Costs, parcel=PRICES, per_further_kg=PRICES, per_1000_km=PRICES)
PENALTIES = st.builds(Penalties, split=st.integers(0, 500), unfilled=st.sampled_from([0, 40, 700, 3_000]))


@st.composite
def pools(draw: st.DrawFn, orders: int = 3, places: int = 3, skus: int = 3) -> Pool:
    count, width = draw(st.integers(1, orders)), draw(st.integers(1, places))
    grams = [draw(GRAMS) for _ in range(skus)]
    wanted = [draw(st.lists(st.integers(0, skus - 1), min_size=1, max_size=2, unique=True)) for _ in range(count)]

    def table(rows: int, columns: int, values: st.SearchStrategy[int]) -> list[list[int]]:
        return [[draw(values) for _ in range(columns)] for _ in range(rows)]

    return Pool(
        orders=[tuple(Line(sku, draw(st.integers(1, 2)), grams[sku]) for sku in each) for each in wanted],
        km=np.array(table(count, width, st.integers(0, 3_000))),
        asked=np.array(table(count, width, st.sampled_from([1, 1, 1, 0]))).astype(np.bool_),
        handling=np.array([draw(PRICES) for _ in range(width)]),
        stock=np.array(table(width, skus, st.integers(0, 3))),
        capacity=np.array([draw(st.integers(0, 3)) for _ in range(width)]),
        costs=draw(COSTS),
        penalties=draw(PENALTIES),
    )


def cost_of(pool: Pool, order: int, plan: Plan) -> int:
    """Price a plan the slow way."""
    lines = pool.orders[order]
    cost = max(len(plan) - 1, 0) * pool.penalties.split
    for place, pieces in plan:
        kilograms = -(-sum(line.grams * count for line, count in zip(lines, pieces, strict=True)) // 1000)
        km = int(pool.km[order, place]) * pool.costs.per_1000_km // 1000
        cost += int(pool.handling[place]) + pool.costs.parcel + km
        cost += max(kilograms - 1, 0) * pool.costs.per_further_kg
    lacking = sum(line.quantity for line in lines) - sum(sum(parcel.pieces) for parcel in plan)
    return cost + lacking * pool.penalties.unfilled


def all_plans(pool: Pool, order: int) -> Iterator[Plan]:
    """Give every way to serve an order, were it alone."""
    lines = pool.orders[order]
    places = [place for place in range(len(pool.capacity)) if pool.asked[order, place]]
    choices = [
        list(product(*(range(min(line.quantity, int(pool.stock[place, line.sku])) + 1) for line in lines)))
        for place in places
    ]
    for given in product(*choices):
        sent = [sum(pieces[at] for pieces in given) for at in range(len(lines))]
        if all(count <= line.quantity for count, line in zip(sent, lines, strict=True)):
            yield tuple(Parcel(at, pieces) for at, pieces in zip(places, given, strict=True) if any(pieces))


def optimum(pool: Pool) -> int:
    """Give what the batch costs at the very least, by trying all plans, the cheapest first."""
    plans = [sorted((cost_of(pool, order, plan), plan) for plan in all_plans(pool, order)) for order in _orders(pool)]
    after = [sum(each[0][0] for each in plans[order:]) for order in _orders(pool)] + [0]
    return _least(pool, plans, after, 0, pool.stock.copy(), pool.capacity.copy(), 1 << 60)


def _orders(pool: Pool) -> range:
    return range(len(pool.orders))


def _least(
    pool: Pool,
    plans: Sequence[Sequence[tuple[int, Plan]]],
    after: Sequence[int],
    order: int,
    stock: np.ndarray,
    capacity: np.ndarray,
    best: int,
) -> int:
    if order == len(plans):
        return 0
    for cost, plan in plans[order]:
        if cost + after[order + 1] >= best:
            break
        left, able = stock.copy(), capacity.copy()
        for place, pieces in plan:
            able[place] -= 1
            for line, count in zip(pool.orders[order], pieces, strict=True):
                left[place, line.sku] -= count
        if left.min() >= 0 and able.min() >= 0:
            best = min(best, cost + _least(pool, plans, after, order + 1, left, able, best - cost))
    return best
