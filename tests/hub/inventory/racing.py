"""One racer of a concurrency test: it places orders or holds carts on scarce goods and says what went wrong."""

import os
import signal
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import OperationalError

from hub.database import Database
from hub.errors import NoStock
from hub.inventory.ledger import StockKey
from hub.inventory.reserve import Claim, reserve
from hub.inventory.soft import Wish, hold, take_held
from hub.order.place.batch import Placed
from tests.conftest import RING
from tests.hub.making import AT, BRAND, OWNER, order, place_all

SKUS: Final = ("apple", "pear", "plum")
ORDERS: Final = 12
BATCH: Final = 2
CARTS: Final = 12
TTL: Final = timedelta(minutes=15)


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


def race_for_carts(url: str, racer: int) -> Sequence[str]:
    """Hold a racer's carts on a database of its own connection; give what failed otherwise than for want of stock."""
    database = Database(url, RING, connections=1)
    try:
        return hold_carts(database, CARTS, racer)
    finally:
        database.close()


def hold_carts(database: Database, carts: int, racer: int) -> Sequence[str]:
    """Hold carts of all SKUs, one piece less of each whenever there is too little; give what went wrong."""
    wrong: list[str] = []
    for n in range(carts):
        for pieces in (3, 2, 1):
            wishes = [Wish(sku, pieces) for sku in SKUS]
            try:
                with database.transaction() as session:
                    hold(session, BRAND, "pc", f"R{racer}-{n}", wishes, TTL, AT)
                break
            except NoStock:
                continue
            except OperationalError as error:
                wrong.append(type(error.orig).__name__)
    return wrong


def die_holding(url: str) -> None:
    """Hold a cart, let an order take and reserve another one, and be killed before the commit."""
    with Database(url, RING, connections=1).transaction() as session:
        hold(session, BRAND, "pc", "new", [Wish(SKUS[0], 2)], TTL, AT)
        reserve(
            session,
            [Claim("L1", StockKey("sh", SKUS[1], OWNER), 2)],
            AT,
            along=take_held(session, {7: ("pc", "old")}, AT),
        )
        os.kill(os.getpid(), signal.SIGKILL)
