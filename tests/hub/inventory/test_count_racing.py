from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from hub.database import Database, rows
from hub.errors import HubError
from hub.inventory.count import take_report
from hub.inventory.ledger import drift
from hub.inventory.soft import Wish, hold, release_held
from hub.order.relocate import relocate
from tests.hub.inventory.counting import report
from tests.hub.inventory.racing import SKUS, place_batches
from tests.hub.making import AT, BRAND, stock

THREADS = 8
ROUNDS = 10


def act(database: Database, racer: int) -> list[str]:
    """Count, change, hold carts, place orders or move them, each racer another; give what failed by our fault."""
    wrong: list[str] = []
    if racer % 4 == 3:
        place_batches(database, racer)
    for n in range(ROUNDS):
        try:
            with database.transaction() as session:
                if racer % 4 == 0:
                    pieces: dict[str, int] = dict.fromkeys(SKUS, (racer + n) % 7)
                    take_report(session, "wms-sh", report(pieces, f"R{racer}-{n}", AT + timedelta(seconds=n)), AT)
                elif racer % 4 == 1:
                    changes: dict[str, int] = dict.fromkeys(reversed(SKUS), 1 - (racer + n) % 3)
                    at = AT + timedelta(seconds=n)
                    take_report(session, "wms-sh", report(changes, f"C{racer}-{n}", at, kind="change"), AT)
                elif racer % 4 == 2 and n % 3 == 2:
                    release_held(session, "pc", f"cart{racer}-{n - 1}", AT)
                elif racer % 4 == 2:
                    wishes = [Wish(sku, 1) for sku in SKUS[n % 3 :]]
                    hold(session, BRAND, "pc", f"cart{racer}-{n}", wishes, timedelta(hours=1), AT)
                else:
                    relocate(session, AT)
        except HubError as error:
            wrong += [] if error.code in {"no_stock", "unknown_reservation"} else [error.code]
    return wrong


def test_counts_race_with_carts_and_orders_and_no_counter_is_wrong(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {place: dict.fromkeys(SKUS, 15) for place in ("sh", "bj")})
    with ThreadPoolExecutor(THREADS) as pool:
        wrong = list(pool.map(partial(act, database), range(THREADS)))
    assert wrong == [[]] * THREADS
    with database.transaction() as session:
        assert drift(session) == []
        assert rows(session, "select 1 from stock_level where short <> greatest(0, allocated + soft - on_hand)") == []
