"""Batches of orders made up for the sourcing benchmark: real places, Zipf's demand, scarce stock and capacity."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np

from hub.address.division import Level, Point, divisions, kilometres, point_of, routable, towns
from hub.sourcing.batch.pool import Floats, Ints, Line, Parcel, Penalties, Plan, Pool
from hub.sourcing.model import Costs

SKUS_AN_ORDER: Final = 2
MOST_SKUS: Final = 2_000
"""So many SKUs are on sale for each order of the batch, and so many at most."""

LINES: Final = (0.40, 0.30, 0.20, 0.08, 0.02)
PIECES: Final = (0.70, 0.20, 0.10)
"""How likely an order has one, two, three … lines, and a line one, two, three pieces."""

HOMES: Final = (2, 8)
"""The fewest and most warehouses that hold a SKU."""

HANDLING: Final = (150, 400)
"""What handling a parcel costs, in fen."""

GRAMS: Final = (100, 4_000)
"""The lightest and the heaviest piece, spread evenly by the logarithm."""

UNEVEN: Final = (0.5, 1.5)
"""How much smaller or larger than another a warehouse is, and a share of stock."""


def make_pool(orders: int, warehouses: int, stock: float, capacity: float, seed: int) -> Pool:
    """Make up a batch; `stock` and `capacity` are multiples of the pieces wanted of each SKU, and of the orders."""
    rng = np.random.default_rng(seed)
    skus = min(MOST_SKUS, SKUS_AN_ORDER * orders)
    low, high = GRAMS
    grams = np.exp(rng.uniform(np.log(low), np.log(high), skus)).astype(np.int64)
    share = 1 / np.arange(1, skus + 1)
    wanted = [_lines(rng, grams, share / share.sum()) for _ in range(orders)]
    demand = Counter[int]()
    for lines in wanted:
        for line in lines:
            demand[line.sku] += line.quantity
    sites, buyers = _places(rng, warehouses, orders)
    size = rng.uniform(*UNEVEN, warehouses)
    return Pool(
        orders=wanted,
        km=np.array([[round(kilometres(buyer, site)) for site in sites] for buyer in buyers]),
        asked=np.ones((orders, warehouses), dtype=np.bool_),
        handling=rng.integers(*HANDLING, warehouses),
        stock=_stock(rng, np.array([demand[sku] for sku in range(skus)]), stock, size),
        capacity=np.ceil(size / size.sum() * orders * capacity).astype(np.int64),
        costs=Costs(),
        penalties=Penalties(),
    )


def plan_nearest(pool: Pool) -> list[Plan]:
    """Take each line in turn from the nearest warehouse that has all of it and may still send a parcel."""
    stock, capacity = pool.stock.copy(), pool.capacity.copy()
    plans: list[Plan] = []
    for lines, km in zip(pool.orders, pool.km, strict=True):
        held: dict[int, list[int]] = {}
        for at, line in enumerate(lines):
            for place in np.argsort(km, kind="stable").tolist():
                if stock[place, line.sku] >= line.quantity and (place in held or capacity[place]):
                    capacity[place] -= place not in held
                    stock[place, line.sku] -= line.quantity
                    held.setdefault(place, [0] * len(lines))[at] = line.quantity
                    break
        plans.append(tuple(Parcel(place, tuple(pieces)) for place, pieces in sorted(held.items())))
    return plans


def _lines(rng: np.random.Generator, grams: Ints, share: Floats) -> tuple[Line, ...]:
    count = 1 + int(rng.choice(len(LINES), p=LINES))
    skus = rng.choice(len(share), size=min(count, len(share)), replace=False, p=share)
    return tuple(Line(sku, 1 + int(rng.choice(len(PIECES), p=PIECES)), int(grams[sku])) for sku in skus.tolist())


def _places(rng: np.random.Generator, warehouses: int, orders: int) -> tuple[list[Point], list[Point]]:
    """Choose warehouses among the cities and buyers among the counties, each as likely as it has towns."""
    counties = {code: len(towns().get(code, ())) for code in routable()}
    cities = Counter[str]()
    for code, count in counties.items():
        division = divisions()[code]
        cities[code if division.level is Level.CITY else division.parent] += count
    return _drawn(rng, cities, warehouses, replace=False), _drawn(rng, counties, orders, replace=True)


def _drawn(rng: np.random.Generator, likely: Mapping[str, int], count: int, *, replace: bool) -> list[Point]:
    codes = sorted(likely)
    share = np.array([likely[code] + 1 for code in codes], dtype=np.float64)
    drawn = rng.choice(len(codes), size=count, replace=replace, p=share / share.sum())
    return [point_of(codes[int(at)]) for at in drawn]


def _stock(rng: np.random.Generator, demand: Ints, multiple: float, size: Floats) -> Ints:
    """Lay each SKU into some homes, the larger warehouses likelier and with more of it."""
    held = np.zeros((len(size), len(demand)), dtype=np.int64)
    fewest, most = HOMES
    for sku, pieces in enumerate(demand.tolist()):
        count = min(len(size), int(rng.integers(fewest, most + 1)))
        homes = rng.choice(len(size), size=count, replace=False, p=size / size.sum())
        share = size[homes] * rng.uniform(*UNEVEN, count)
        held[homes, sku] = rng.multinomial(int(np.ceil(pieces * multiple)), share / share.sum())
    return held
