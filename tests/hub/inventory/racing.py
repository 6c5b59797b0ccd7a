"""One racer of a concurrency test: it places orders on scarce goods and says what went wrong."""

from collections.abc import Sequence
from typing import Final

from hub.database import Database
from hub.order.place import Placed
from tests.conftest import RING
from tests.hub.making import order, place_all

SKUS: Final = ("apple", "pear", "plum")
ORDERS: Final = 12
BATCH: Final = 2


def race(url: str, racer: int) -> Sequence[str]:
    """Place a racer's orders in batches on a database of its own connection; give what was not placed."""
    database = Database(url, RING, connections=1)
    try:
        return place_batches(database, racer)
    finally:
        database.close()


def place_batches(database: Database, racer: int) -> Sequence[str]:
    """Place orders of one to three SKUs, each racer with the SKUs in another order."""
    wrong: list[str] = []
    for first in range(0, ORDERS, BATCH):
        batch = [order(_wish(racer + n), f"R{racer}-{n}") for n in range(first, first + BATCH)]
        with database.transaction() as session:
            results = place_all(session, *batch)
        wrong += [str(one) for one in results if not isinstance(one, Placed)]
    return wrong


def _wish(n: int) -> dict[str, int]:
    turned = SKUS[n % 3 :] + SKUS[: n % 3]
    return {sku: 1 + (n + place) % 3 for place, sku in enumerate(turned[: 1 + n % 3])}
