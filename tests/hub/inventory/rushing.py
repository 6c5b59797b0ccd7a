"""One process of a crowd before a flash sale: many threads, some buyers more than once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from hub.database import Database
from hub.errors import HubError
from hub.inventory.crowd import Crowd
from hub.inventory.hot import HotWish
from tests.conftest import RING
from tests.hub.making import AT, BRAND

PER_PROCESS: Final = 60
THREADS: Final = 12
SHARED: Final = 4
"""Every so many requests are of a buyer who tries in each process at once."""


def wish(buyer: str, ref: str = "") -> HotWish:
    return HotWish(BRAND, "pc", ref or f"c-{buyer}", buyer, "apple")


def rush(url: str, process: int) -> Counter[str]:
    """Ask for one piece each, and count the answers."""
    database = Database(url, RING, connections=2)
    crowd = Crowd(database, lambda: AT)

    def ask(n: int) -> str:
        buyer = f"everywhere-{n}" if n % SHARED == 0 else f"{process}-{n}"
        try:
            return str(sum(one.quantity for one in crowd.hold_hot(wish(buyer, f"c-{process}-{n}")).claims))
        except HubError as error:
            return error.code

    try:
        with ThreadPoolExecutor(THREADS) as pool:
            return Counter(pool.map(ask, range(PER_PROCESS)))
    finally:
        database.close()
