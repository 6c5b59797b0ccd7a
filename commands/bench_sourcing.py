"""How cheaply a batch is sourced, against a proven bound, the greedy and the nearest; and how fast the greedies are."""

from collections.abc import Callable, Sequence
from time import perf_counter, thread_time
from typing import Final

import numpy as np
from msgspec.structs import replace

from commands.screen import give, say
from commands.sourcing_pool import make_pool, plan_nearest
from hub.sourcing.batch.optimise import optimise
from hub.sourcing.batch.pool import Plan, Pool
from hub.sourcing.batch.verify import faults_of
from hub.sourcing.freight import FREIGHT, WEIGHED, decide_freight
from hub.sourcing.greedy import decide
from hub.sourcing.model import Clearing, Costs, Decision, Lane, Question, Site, Supply, Terms, Want

SMALL: Final = 1_000
MIDDLE: Final = 2_000
"""Batches of at most so many orders are given 15 and 30 seconds, larger ones 60."""

SCARCE: Final = (1.3, 1.15)
AMPLE: Final = (1.5, 1.3)
"""Stock and capacity for batches up to `MIDDLE`, and for larger ones."""

LINES: Final = 3
LOCATIONS: Final = 50
QUESTIONS: Final = 2_000
COURIERS: Final = ("SF", "ZTO")
CLEARING_EVERY: Final = 5


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
    """Time the decision for single orders of three lines over fifty locations, and what it uses of its processor.

    The same orders by the tariff alone, by rate cards (greedy-2), and by rate cards and weights (greedy-3).
    """
    questions = _questions(QUESTIONS)
    by_card = [replace(one, terms=_terms(one, no)) for no, one in enumerate(questions)]
    weighed = [replace(one, terms=_weighed(one, no)) for no, one in enumerate(questions)]
    say("按运价表", "by the tariff")
    plain = _times(decide, questions)
    say("按运费价卡", "by rate cards")
    carried = _times(decide_freight, by_card)
    say("按运费价卡与权重", "by rate cards and weights")
    scored = _times(decide_freight, weighed)
    found = {
        "decisions": QUESTIONS,
        **plain,
        **{f"{FREIGHT}_{name}": value for name, value in carried.items()},
        **{f"{WEIGHED}_{name}": value for name, value in scored.items()},
    }
    give(found, as_json=as_json)
    return 0


def _times(solve: Callable[[Question], Decision], questions: Sequence[Question]) -> dict[str, float]:
    """Give the milliseconds that one decision takes, in the middle and at the worst, and of its own processor time."""
    passed: list[float] = []
    used: list[float] = []
    for question in questions:
        began, begun = perf_counter(), thread_time()
        solve(question)
        used.append(1_000 * (thread_time() - begun))
        passed.append(1_000 * (perf_counter() - began))
    median, tail = np.percentile(passed, [50, 99]).tolist()
    own_tail = float(np.percentile(used, 99))
    return {"median_ms": round(median, 3), "p99_ms": round(tail, 3), "p99_cpu_ms": round(own_tail, 3)}


def _terms(question: Question, seed: int) -> Terms:
    """Make up two couriers' lanes from every location, and penalties for splits, days, distance and scarcity."""
    rng = np.random.default_rng(seed)
    priced = rng.integers((600, 100, 1), (1_500, 400, 6), (len(question.sites), len(COURIERS), 3)).tolist()
    lanes = {
        site.code: tuple(
            Lane(courier, "standard", 1_000, first, 1_000, each, 0, days)
            for courier, (first, each, days) in zip(COURIERS, of_site, strict=True)
        )
        for site, of_site in zip(question.sites, priced, strict=True)
    }
    return Terms("2026-11-11", lanes, split=300, per_day=100, per_1000_km=450, scarcity=200)


def _weighed(question: Question, seed: int) -> Terms:
    """Add weights: pieces that may stay unfilled, weeks of supply, and a location in five that has goods to clear."""
    rng = np.random.default_rng(seed)
    skus = [want.sku for want in question.wants]
    paces = rng.integers(0, 40, (len(question.sites), len(skus))).tolist()
    sold = {site.code: dict(zip(skus, pace, strict=True)) for site, pace in zip(question.sites, paces, strict=True)}
    marked = {site.code: (skus[0],) for site in question.sites[::CLEARING_EVERY]}
    return replace(_terms(question, seed), unfilled=5_000, supply=Supply(300, 4, sold), clearing=Clearing(400, marked))


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
