from collections.abc import Callable, Sequence

import pytest

from commands.sourcing_pool import make_pool
from hub.sourcing.batch.optimise import optimise
from hub.sourcing.batch.pool import Parcel, Plan, Pool
from hub.sourcing.batch.verify import faults_of

POOL = make_pool(40, 6, 1.2, 1.1, 1)
FOUND = optimise(POOL, iterations=8)


SPOILT: Sequence[tuple[Callable[[Plan], Plan], str]] = [
    (lambda plan: (*plan, plan[0]), "two parcels from one location"),
    (lambda plan: (plan[0]._replace(location=99), *plan[1:]), "may not be asked"),
    (lambda plan: (plan[0]._replace(pieces=one_more(plan[0].pieces)), *plan[1:]), "pieces of its line 0"),
    (lambda plan: (plan[0]._replace(pieces=(0,) * len(plan[0].pieces)), *plan[1:]), "has a parcel of"),
    (lambda plan: (plan[0]._replace(pieces=(-1,) * len(plan[0].pieces)), *plan[1:]), "has a parcel of"),
    (lambda plan: (plan[0]._replace(pieces=()), *plan[1:]), "has a parcel of"),
]


def with_plan(order: int, plan: Plan) -> list[Plan]:
    return [plan if at == order else each for at, each in enumerate(FOUND.plans)]


def served() -> int:
    return next(order for order, plan in enumerate(FOUND.plans) if plan)


def one_more(pieces: tuple[int, ...]) -> tuple[int, ...]:
    return (pieces[0] + 1, *pieces[1:])


def test_an_answer_that_can_be_carried_out_has_no_fault() -> None:
    assert faults_of(POOL, FOUND.plans, FOUND.cost) == []


@pytest.mark.parametrize("off", [-1, 1])
def test_a_cost_that_is_not_that_of_the_plans_is_found(off: int) -> None:
    assert "cost" in faults_of(POOL, FOUND.plans, FOUND.cost + off)[0]


@pytest.mark.parametrize(("spoil", "word"), SPOILT)
def test_a_spoilt_plan_is_found(spoil: Callable[[Plan], Plan], word: str) -> None:
    order = served()
    faults = faults_of(POOL, with_plan(order, spoil(FOUND.plans[order])), FOUND.cost)
    assert any(word in fault for fault in faults)


def test_pieces_that_went_missing_show_in_the_cost() -> None:
    assert "cost" in faults_of(POOL, with_plan(served(), ()), FOUND.cost)[0]


def test_a_missing_plan_is_found() -> None:
    assert faults_of(POOL, FOUND.plans[1:], FOUND.cost) == ["40 orders have 39 plans"]


def test_a_location_that_gives_more_than_it_has_is_found() -> None:
    order = served()
    parcel: Parcel = FOUND.plans[order][0]
    line = next(at for at, count in enumerate(parcel.pieces) if count)
    stock = POOL.stock.copy()
    stock[parcel.location, POOL.orders[order][line].sku] = 0
    short = Pool(POOL.orders, POOL.km, POOL.asked, POOL.handling, stock, POOL.capacity, POOL.costs, POOL.penalties)
    assert any("and has 0" in fault for fault in faults_of(short, FOUND.plans, FOUND.cost))


def test_a_location_that_sends_more_parcels_than_it_can_is_found() -> None:
    capacity = POOL.capacity * 0
    short = Pool(POOL.orders, POOL.km, POOL.asked, POOL.handling, POOL.stock, capacity, POOL.costs, POOL.penalties)
    assert any("can send 0" in fault for fault in faults_of(short, FOUND.plans, FOUND.cost))
