"""A crowd before a flash sale: many who ask at once in one event loop, of one process or of several."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Final

from hub.database import Database
from hub.errors import HubError
from hub.inventory.crowd import Crowd
from hub.inventory.hot import HotWish
from tests.conftest import RING
from tests.hub.making import AT, BRAND

PER_PROCESS: Final = 60
CLIENTS: Final = 12
SHARED: Final = 4
"""Every so many requests are of a buyer who tries in each process at once."""


def wish(buyer: str, ref: str = "") -> HotWish:
    return HotWish(BRAND, "pc", ref or f"c-{buyer}", buyer, "apple")


async def answer(crowd: Crowd, one: HotWish) -> str:
    """Give how many pieces somebody gets, or the code of why none."""
    try:
        return str(sum(claim.quantity for claim in (await crowd.hold_hot(one)).claims))
    except HubError as error:
        return error.code


def ask_at_once(crowd: Crowd, wishes: Iterable[HotWish]) -> Counter[str]:
    """Let all ask at once, and count the answers."""

    async def every() -> list[str]:
        return await asyncio.gather(*(answer(crowd, one) for one in wishes))

    return Counter(asyncio.run(every()))


def rush(url: str, process: int) -> Counter[str]:
    """Ask for one piece each, some at once, and count the answers."""
    database = Database(url, RING, connections=2)
    crowd = Crowd(database, lambda: AT)
    names = (f"everywhere-{n}" if n % SHARED == 0 else f"{process}-{n}" for n in range(PER_PROCESS))
    wishes = (wish(name, f"c-{process}-{name}") for name in names)

    async def client() -> Counter[str]:
        return Counter([await answer(crowd, one) for one in wishes])

    async def clients() -> list[Counter[str]]:
        return await asyncio.gather(*(client() for _ in range(CLIENTS)))

    try:
        return sum(asyncio.run(clients()), Counter[str]())
    finally:
        crowd.close()
        database.close()
