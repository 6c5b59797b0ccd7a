"""What each channel was told of stock, by its own book, compared with what the hub promises it, to the last piece."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from commands.scenery import MARKET
from commands.stage import Stage
from commands.station import fetch_json
from hub.database import rows
from hub.inventory.offer import Selling, selling
from hub.inventory.promise import promise
from hub.settings import Settings

PATIENCE_S: Final = 60
"""How long after the last movement channels may still be told."""


@dataclass(frozen=True, slots=True)
class Shelves:
    """How many numbers the channels' books hold, and what is wrong with them."""

    numbers: int = 0
    wrong: list[str] = field(default_factory=list[str])


def wait_until_told(stage: Stage, settings: Settings) -> Shelves:
    """Wait until every channel knows what it may sell, and say what is still wrong when patience ends."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            found = _look(stage, settings)
        except OperationalError as error:  # a database that restarts is part of what may happen here
            found = Shelves(wrong=[f"the database is away: {type(error).__name__}"])
        if not found.wrong or time.monotonic() > until:
            return found
        time.sleep(0.5)


def compare_shelves(
    session: Session, shops: Sequence[Selling], books: Mapping[str, Mapping[str, Sequence[int]]], at: datetime
) -> Shelves:
    """Compare the numbers of each channel's book (by connection and SKU) with what its shop may promise now.

    `at` is in the business zone, whose day lots expire by.
    """
    wrong: list[str] = []
    for shop in shops:
        skus = [one.code for one in rows(session, "select code from sku where brand = :brand", brand=shop.brand)]
        promises = promise(session, shop.brand, shop.shop, skus, at)
        book = books.get(shop.connection, {})
        differing = sorted(
            f"{sku} {shop.number(promises[sku].free)} ≠ {'/'.join(map(str, book.get(sku, ())))}"
            for sku in skus
            if set(book.get(sku, ())) != {shop.number(promises[sku].free)}
        )
        if differing:
            wrong.append(f"{shop.connection} was told what it may sell: {len(differing)}, e.g. {differing[0]}")
    if not shops:
        wrong.append("a channel is told of stock: none is")
    return Shelves(sum(len(book) for book in books.values()), wrong)


def books_of(storefront: Mapping[str, Any], market: Mapping[str, Any]) -> dict[str, Mapping[str, Sequence[int]]]:
    """Read the stand-ins' books: what every SKU, or each listing of it, offers."""
    malls = {name: {sku: [n] for sku, n in one["pieces"].items()} for name, one in storefront.items()}
    return {**malls, MARKET: market[MARKET]["codes"]}


def _look(stage: Stage, settings: Settings) -> Shelves:
    books = books_of(*(fetch_json(f"{stage.address(name)}/stock") for name in ("storefront", "taobao")))
    here = datetime.now(UTC).astimezone(ZoneInfo(settings.business_zone))
    with stage.database.transaction() as session:
        return compare_shelves(session, selling(settings), books, here)
