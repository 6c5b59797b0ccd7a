"""How cheaply a batch is sourced, against a proven bound, the greedy and the nearest; and how fast the greedy is."""

from collections.abc import Sequence
from time import perf_counter, thread_time
from typing import Final

import numpy as np

from commands.screen import give, say
from commands.sourcing_pool import make_pool, plan_nearest
from hub.sourcing.batch.optimise import optimise
from hub.sourcing.batch.pool import Plan, Pool
from hub.sourcing.batch.verify import faults_of
from hub.sourcing.greedy import decide
from hub.sourcing.model import Costs, Question, Site, Want

SMALL: Final = 1_000
MIDDLE: Final = 2_000
"""Batches of at most so many orders are given 15 and 30 seconds, larger ones 60."""

SCARCE: Final = (1.3, 1.15)
AMPLE: Final = (1.5, 1.3)
"""Stock and capacity for batches up to `MIDDLE`, and for larger ones."""

LINES: Final = 3
LOCATIONS: Final = 50
QUESTIONS: Final = 2_000


def run_bench(
    orders: int,
    warehouses: int,
    seed: int,
    *,
    stock: float | None,
    capacity: float | None,
    budget: float | None,
    iterations: int | None,
    as_json: bool,
) -> int:
    """Source one made-up batch, check the answer and print what it costs; 1 when the checker finds a fault."""
    seconds = budget or (15.0 if orders <= SMALL else 30.0 if orders <= MIDDLE else 60.0)
    usual_stock, usual_capacity = SCARCE if orders <= MIDDLE else AMPLE
    say("生成订单与库存", "orders and stock are made up")
    pool = make_pool(orders, warehouses, stock or usual_stock, capacity or usual_capacity, seed)
    say("求解", "the batch is sourced")
    if iterations:
        found = optimise(pool, iterations=iterations, seed=seed)
    else:
        found = optimise(pool, seconds=seconds, seed=seed)
    faults = faults_of(pool, found.plans, found.cost)
    for fault in faults:
        say(f"校验不通过：{fault}", f"the checker says: {fault}")
    result = {
        "cost": found.cost,
        "greedy_cost": found.greedy_cost,
        "nearest_cost": _cost(pool, plan_nearest(pool)),
        "bound": found.bound,
        "gap": round(found.gap, 5),
        "seconds": round(found.seconds, 2),
        "feasible": not faults,
        "budget": None if iterations else seconds,
        "iterations": found.iterations,
        "relaxed_orders": found.relaxed,
        "unfilled": _unfilled(pool, found.plans),
        "parcels": sum(len(plan) for plan in found.plans),
    }
    give(result, as_json=as_json)
    return 1 if faults else 0


def run_greedy(*, as_json: bool) -> int:
    """Time the decision for single orders of three lines over fifty locations, and what it uses of its processor."""
    passed: list[float] = []
    used: list[float] = []
    for question in _questions(QUESTIONS):
        began, begun = perf_counter(), thread_time()
        decide(question)
        used.append(1_000 * (thread_time() - begun))
        passed.append(1_000 * (perf_counter() - began))
    median, tail = np.percentile(passed, [50, 99]).tolist()
    own_tail = float(np.percentile(used, 99))
    found = {
        "decisions": QUESTIONS,
        "median_ms": round(median, 3),
        "p99_ms": round(tail, 3),
        "p99_cpu_ms": round(own_tail, 3),
    }
    give(found, as_json=as_json)
    return 0


def _questions(count: int) -> Sequence[Question]:
    rng = np.random.default_rng(1)
    skus = [str(at) for at in range(LINES)]
    wants = tuple(Want(at, sku, 1 + at, "ambient", 700) for at, sku in enumerate(skus))
    return [
        Question(
            policy="bench",
            wants=wants,
            sites=tuple(
                Site(f"{at:03}", km, handling, ("ambient",), dict(zip(skus, free, strict=True)))
                for at, (km, handling, *free) in enumerate(
                    np.column_stack(
                        [rng.integers(10, 3_000, (LOCATIONS, 2)), rng.integers(0, 4, (LOCATIONS, LINES))]
                    ).tolist()
                )
            ),
            costs=Costs(),
        )
        for _ in range(count)
    ]


def _cost(pool: Pool, plans: Sequence[Plan]) -> int:
    return sum(pool.cost(order, plan) for order, plan in enumerate(plans))


def _unfilled(pool: Pool, plans: Sequence[Plan]) -> int:
    wanted = sum(line.quantity for lines in pool.orders for line in lines)
    return wanted - sum(sum(parcel.pieces) for plan in plans for parcel in plan)
