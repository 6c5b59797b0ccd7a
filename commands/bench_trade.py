"""The trade of a benchmark: a brand's warehouses, goods and stock, and orders in the shapes of two channels."""

import hashlib
import json
import os
import random
from bisect import bisect
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Final

from sqlalchemy.orm import Session

from commands.scenery import BRAND, MALLS, MARKET, OWNER, SHOPS, WAREHOUSES, write_warehouse
from hub.catalogue.model import Storage
from hub.database import copy
from hub.inbox import Arrival
from hub.inventory.ledger import StockKey
from hub.inventory.level import receive
from hub.settings import Connection, Settings
from sandbox.baskets import StorefrontOrder, unit_price
from sandbox.receivers import AddressBook
from sandbox.taobao_trades import trade_of

SKUS: Final = 2_000
PLENTY: Final = 10_000_000
HOMES: Final = 7
"""Each SKU lies in so many of the ten warehouses."""

BUYERS: Final = 300_000
CALLER: Final = "mall-pc"
MARKET_SHARE: Final = 0.3
"""What part of the orders comes from the marketplace."""

LINES: Final = (1, 2, 3, 4)
WEIGHTS: Final = (40, 30, 20, 10)
"""How many orders of a hundred have so many lines: two on average."""

DISCOUNT_EVERY: Final = 3
YUAN: Final = 100
SECRET: Final = "a secret of the benchmark alone"  # noqa: S105 # pragma: allowlist secret - opens nothing


def secrets_of_bench() -> dict[str, str]:
    """Give the secrets of the channels as an environment."""
    return {f"OMS_SECRET_{name.upper().replace('-', '_')}": SECRET for name in (*MALLS, MARKET)}


def settings_of_bench(url: str) -> Settings:
    """Give the settings of one process; secrets lie in the environment, which children inherit."""
    os.environ.update(secrets_of_bench())
    connections = {
        name: Connection(kind="channels.storefront", brand=BRAND, shop=shop, base_url="http://127.0.0.1:1")
        for name, shop in MALLS.items()
    }
    market = Connection(
        kind="channels.taobao", brand=BRAND, shop=SHOPS[MARKET], base_url="http://127.0.0.1:1", app_key="bench"
    )
    return Settings(database_url=url, connections={**connections, MARKET: market})


def furnish(session: Session, at: datetime) -> None:
    """Write warehouses, goods and more stock than any run sells."""
    for one in WAREHOUSES:
        write_warehouse(session, one, at)
    columns = ("brand", "version", "created_at", "updated_at", "code", "title", "storage", "grams", "bundle")
    goods = [(BRAND, 1, at, at, sku_of(no), f"商品{no}", storage_of(no), grams_of(no), False) for no in range(SKUS)]
    copy(session, "sku", columns, goods)
    codes = [one.code for one in WAREHOUSES]
    keys = [StockKey(codes[(no + i) % len(codes)], sku_of(no), OWNER) for no in range(SKUS) for i in range(HOMES)]
    receive(session, BRAND, [(key, PLENTY) for key in sorted(keys)], "bench", at)


def sku_of(no: int) -> str:
    return f"B{no:05d}"


def storage_of(no: int) -> Storage:
    """Nine of ten goods are ambient, the others chilled or frozen."""
    return Storage.AMBIENT if no % 10 else (Storage.CHILLED, Storage.FROZEN)[no // 10 % 2]


def grams_of(no: int) -> int:
    return 100 + no * 37 % 1_900


def messages(count: int, seed: int, at: datetime, *, lines: int = 0) -> Iterator[Arrival]:
    """Make messages as two kinds of channels send them, the same for the same seed; `lines` of each, or one to four."""
    for order in orders(count, seed, at, lines=lines):
        if order.connection == MARKET:
            trade = trade_of(order)
            body = json.dumps(trade, sort_keys=True, separators=(",", ":")).encode()
            yield Arrival(MARKET, f"{trade['tid']}:{hashlib.sha256(body).hexdigest()[:16]}", body)
        else:
            body = json.dumps(order.payload, ensure_ascii=False, separators=(",", ":")).encode()
            yield Arrival(order.connection, str(order.payload["external_id"]), body)


def orders(
    count: int, seed: int, at: datetime, *, lines: int = 0, market: float = MARKET_SHARE
) -> Iterator[StorefrontOrder]:
    """Make paid orders: goods by Zipf's law, buyers who come again, real divisions of invented people."""
    chance = random.Random(seed)  # noqa: S311 # the same orders for the same seed
    reach = list(accumulate(1 / rank for rank in range(1, SKUS + 1)))
    book = AddressBook()
    malls = list(MALLS)
    for no in range(count):
        connection = MARKET if chance.random() < market else malls[no % len(malls)] if market else CALLER
        buyer = chance.randrange(BUYERS)
        wanted: dict[int, None] = {}
        number = lines or chance.choices(LINES, WEIGHTS)[0]
        while len(wanted) < number:
            wanted[bisect(reach, chance.random() * reach[-1])] = None
        payload = _payload(f"{connection}-{seed}-{no:07d}", list(wanted), chance, at - timedelta(seconds=count - no))
        payload["buyer"] = {"id": f"b-{buyer}", "nick": f"买家{buyer}"}
        payload["receiver"] = dict(book.receiver(buyer, no))
        yield StorefrontOrder(connection, payload)


def _payload(external_id: str, goods: list[int], chance: random.Random, placed_at: datetime) -> dict[str, Any]:
    """Make what an order says of its goods and money."""
    lines: list[dict[str, object]] = []
    total = 0
    for place, good in enumerate(goods, 1):
        quantity = chance.choices((1, 2, 3), (80, 15, 5))[0]
        gross = (990 + good * 131 % 19_000) * quantity
        total += gross
        price = unit_price(gross, quantity)
        line = {"line_id": str(place), "sku": sku_of(good), "title": f"商品{good}", "quantity": quantity}
        lines.append({**line, "unit_price": price})
    discounts: list[dict[str, object]] = []
    if chance.randrange(DISCOUNT_EVERY) == 0:
        discounts.append({"source": "coupon", "code": "BENCH-5", "amount": "5.00", "funder": "merchant"})
        total -= 5 * YUAN
    return {
        "external_id": external_id,
        "placed_at": placed_at.isoformat(),
        "paid_at": (placed_at + timedelta(seconds=30)).isoformat(),
        "currency": "CNY",
        "lines": lines,
        "freight": "0.00",
        "discounts": discounts,
        "total": f"{total // YUAN}.{total % YUAN:02d}",
        "remark": "",
    }
