import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hub.sourcing.batch.columns import Book, plans_of
from hub.sourcing.batch.large import least_of, plan_large
from hub.sourcing.batch.pool import Plan, Pool
from hub.sourcing.batch.price import Prices, price, stepped
from hub.sourcing.batch.quote import Quoter
from hub.sourcing.batch.verify import faults_of
from tests.hub.sourcing.batch.making import all_plans, cost_of, pools


def prices_of(pool: Pool, seed: int) -> Prices:
    rng = np.random.default_rng(seed)
    dear = rng.integers(0, 2, pool.stock.shape) * rng.uniform(0, 900, pool.stock.shape)
    return Prices(stepped(dear), stepped(rng.uniform(0, 900, len(pool.capacity))))


def paid(pool: Pool, order: int, plan: Plan, prices: Prices) -> float:
    goods = sum(
        count * float(prices.pieces[place, line.sku])
        for place, pieces in plan
        for line, count in zip(pool.orders[order], pieces, strict=True)
    )
    return cost_of(pool, order, plan) + goods + sum(float(prices.parcels[parcel.location]) for parcel in plan)


@given(pools(), st.integers(0, 1_000))
def test_the_least_price_of_an_order_is_the_least_over_all_its_plans(pool: Pool, seed: int) -> None:
    prices, quoter = prices_of(pool, seed), Quoter(pool)
    for group in quoter.groups:
        priced = price(group, group.possible(pool.stock), prices, pool.penalties)
        for order, least in zip(group.orders.tolist(), priced.least.tolist(), strict=True):
            assert least == min(paid(pool, order, plan, prices) for plan in all_plans(pool, order))


@given(pools(), st.integers(0, 1_000))
def test_the_relaxed_price_is_never_above_and_the_plan_for_it_never_below(pool: Pool, seed: int) -> None:
    prices = prices_of(pool, seed)
    for order in range(len(pool.orders)):
        least = min(paid(pool, order, plan, prices) for plan in all_plans(pool, order))
        assert least_of(pool, order, prices) <= least <= paid(pool, order, plan_large(pool, order, prices), prices)


@given(pools(), st.integers(0, 1_000))
def test_a_plan_comes_out_of_the_book_as_it_went_in_and_only_once(pool: Pool, seed: int) -> None:
    book, quoter = Book(pool), Quoter(pool)
    quoter.quote(prices_of(pool, seed), book)
    columns = book.columns()
    first = [int(np.flatnonzero(columns.order == order)[0]) for order in range(len(pool.orders))]
    plans = plans_of(pool, columns, np.array(first))
    assert columns.cost[first].tolist() == [cost_of(pool, order, plan) for order, plan in enumerate(plans)]
    assert book.add_plans(list(enumerate(plans))) == 0
    ample = Pool(
        pool.orders,
        pool.km,
        pool.asked,
        pool.handling,
        pool.stock * 9,
        pool.capacity + 9,
        pool.costs,
        pool.penalties,
    )
    assert faults_of(ample, plans, int(columns.cost[first].sum())) == []
