from collections.abc import Callable
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.sourcing_pool import make_pool
from hub.sourcing.batch import group
from hub.sourcing.batch.optimise import optimise
from hub.sourcing.batch.pool import Pool
from hub.sourcing.batch.verify import faults_of
from tests.hub.sourcing.batch.making import optimum, pools
from tests.scale import count


def ticking(step: float) -> Callable[[], float]:
    """Give a clock that moves on with every look at it."""
    ticks = iter(range(1_000_000))
    return lambda: next(ticks) * step


@given(pools(), st.integers(1, 8))
def test_the_bound_is_below_the_optimum_and_the_optimum_below_what_is_found(pool: Pool, iterations: int) -> None:
    found, best = optimise(pool, iterations=iterations), optimum(pool)
    assert found.bound <= best <= found.cost <= found.greedy_cost
    assert faults_of(pool, found.plans, found.cost) == []


@given(pools())
def test_all_that_holds_still_holds_where_orders_are_too_large_to_be_priced_exactly(pool: Pool) -> None:
    with patch.object(group, "MOST_PAIRS", 5):
        found = optimise(pool, iterations=4)
    assert found.bound <= optimum(pool) <= found.cost <= found.greedy_cost
    assert faults_of(pool, found.plans, found.cost) == []


@given(st.integers(0, 1_000), st.floats(0.0005, 0.2))
@settings(max_examples=count(12, 200))
def test_no_budget_however_short_makes_it_dearer_than_order_by_order(seed: int, step: float) -> None:
    pool = make_pool(25, 6, 1.2, 1.1, seed)
    found = optimise(pool, seconds=0.1, seed=seed, clock=ticking(step))
    assert found.bound <= found.cost <= found.greedy_cost
    assert faults_of(pool, found.plans, found.cost) == []


def test_a_batch_with_too_much_to_price_relaxes_its_largest_orders_and_is_priced_in_small_groups() -> None:
    pool = make_pool(40, 6, 1.2, 1.1, 2)
    with patch.object(group, "MOST_WORK", 400), patch.object(group, "MOST_CELLS", 50):
        found = optimise(pool, iterations=6)
    whole = optimise(pool, iterations=6)
    assert 0 < found.relaxed < 40
    assert found.bound <= whole.bound <= found.cost <= found.greedy_cost
    assert faults_of(pool, found.plans, found.cost) == []


def test_the_same_iterations_and_seed_give_the_same_answer() -> None:
    pool = make_pool(60, 8, 1.2, 1.1, 3)
    first, second = (optimise(pool, iterations=12, seed=5) for _ in range(2))
    assert first.plans == second.plans
    assert (first.cost, first.bound) == (second.cost, second.bound)


def test_a_scarce_batch_costs_less_together_than_order_by_order() -> None:
    found = optimise(make_pool(120, 10, 1.3, 1.15, 1), iterations=20)
    assert found.cost < 0.9 * found.greedy_cost
    assert found.gap < 0.02


def test_four_parcels_are_sent_where_nothing_less_will_do() -> None:
    pool = make_pool(1, 4, 1.0, 5.0, 1)
    lines = tuple(line._replace(sku=at, quantity=1) for at, line in enumerate(pool.orders[0] * 4))[:4]
    lone = Pool(
        orders=[lines],
        km=pool.km,
        asked=pool.asked,
        handling=pool.handling,
        stock=np.eye(4, dtype=np.int64),
        capacity=pool.capacity,
        costs=pool.costs,
        penalties=pool.penalties,
    )
    found = optimise(lone, iterations=3)
    assert len(found.plans[0]) == 4
    assert found.gap == 0
