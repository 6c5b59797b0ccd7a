"""How fast a flash sale sells one SKU to a crowd, against the same crowd one by one, and whether it is exact."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import uvloop
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from commands.bench_crew import together
from commands.bench_ground import Ground, ground
from commands.bench_served import Round, served
from commands.bench_trade import BRAND, OWNER, WAREHOUSES, furnish, sku_of
from commands.screen import give, say
from hub.database import Database, copy, row
from hub.errors import Conflict, NoStock
from hub.inventory.crowd import Crowd
from hub.inventory.hot import HotWish
from hub.inventory.hot_sale import Sale, heat
from hub.inventory.ledger import Movement, StockKey, drift, post
from hub.inventory.level import receive
from hub.inventory.soft import Wish, hold
from hub.inventory.table import Reason
from hub.keyring import Keyring

CLIENTS: Final = 64
PROCESSES: Final = 2
SHOP: Final = "pc"
HOT: Final = StockKey(WAREHOUSES[0].code, "HOT", OWNER)
PLAIN: Final = tuple(sku_of(no) for no in range(5))
TTL: Final = timedelta(minutes=15)
ASKS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 8, 8)
BUYERS: Final = 9
"""Who asks, of each dozen requests: seven of nine buyers once, one twice, one three times, under a ref of its own each
time. A buyer who asks again is refused."""

MIXED: Final = 21
"""Of so many requests of the mixed run one is a basket that has the hot SKU among others."""

HTTP_PART: Final = 4
"""Over HTTP a sale of a quarter of the size says as much."""

CARTS: Final = "/v1/inventory/reservations"
WARMING: Final = 640
ANSWERS: Final = {201: "sold", 409: "refused"}

DEADLOCK: Final = "40P01"
P99: Final = 0.99


class Seen(NamedTuple):
    """One request as its client saw it: "sold", "refused" or "deadlock", when it was answered, and after how long."""

    what: str
    at_s: float
    took_s: float


class Measure(NamedTuple):
    """What a crowd saw, and what the rows say of it: pieces sold, the most of one buyer, counters off the ledger."""

    seen: Sequence[Seen]
    took_s: float
    sold: int
    most: int
    off: int

    @property
    def sold_per_s(self) -> float:
        """Give the pace of selling: until the last piece was sold, not until the last refusal."""
        began = min(one.at_s - one.took_s for one in self.seen)
        last = max((one.at_s for one in self.seen if one.what == "sold"), default=began)
        return self.sold / max(last - began, 0.001)

    def refused_ms(self, part: float) -> float:
        """Give how long a part of the refusals took at most."""
        took = sorted(one.took_s * 1000 for one in self.seen if one.what == "refused")
        return round(took[min(len(took) - 1, int(part * len(took)))], 1) if took else 0.0

    @property
    def deadlocks(self) -> int:
        return sum(one.what == "deadlock" for one in self.seen)


def run_bench(stock: int, wanted: int, single: int, *, as_json: bool) -> int:
    """Measure all of them and print; what was sold is counted from the rows."""
    requests = requests_of(wanted)
    with ground() as place:
        say("逐单扣减", "one row at a time")
        alone = _measure(place, single, single, "row")
        say("普通购物车占用", "as plain carts")
        carts = _measure(place, single, single // 2, "cart")
        say("秒杀", "the flash sale")
        sale = _measure(place, stock, requests, "sale")
        say("秒杀与多商品购物车混合", "the flash sale beside baskets of several SKUs")
        mixed = _measure(place, stock, stock // 2, "mixed")
        say("经 HTTP 的秒杀", "the flash sale over HTTP")
        heard, http = _measure_http(place, stock // HTTP_PART, requests_of(wanted // HTTP_PART))
    every = (alone, carts, sale, mixed, http)
    found = {
        "stock": stock,
        "wanted": wanted,
        "requests": requests,
        "sold": sale.sold,
        "oversold": max(0, sale.sold - stock),
        "most_of_a_buyer": max(sale.most, mixed.most, http.most),
        "per_s": round(sale.sold_per_s),
        "answers_per_s": round(requests / sale.took_s),
        "single_row_per_s": round(alone.sold_per_s),
        "cart_per_s": round(carts.sold_per_s),
        "ratio_to_single_row": round(sale.sold_per_s / alone.sold_per_s, 1),
        "refusal_p50_ms": sale.refused_ms(0.5),
        "refusal_p99_ms": sale.refused_ms(P99),
        "mixed_per_s": round(mixed.sold_per_s),
        "http_answers_per_s": round(len(heard.heard) / heard.took_s),
        "http_p99_ms": http.refused_ms(P99),
        "http_us": round((heard.api_s + heard.postgres_s) / len(heard.heard) * 1e6),
        "deadlocks": sum(one.deadlocks for one in every),
        "off_the_ledger": sum(one.off for one in every),
    }
    give(found, as_json=as_json)
    most = min(stock, wanted)
    exact = (sale.sold, http.sold, found["most_of_a_buyer"]) == (most, most // HTTP_PART, 1)
    return 0 if exact and not found["deadlocks"] and not found["off_the_ledger"] else 1


def requests_of(buyers: int) -> int:
    """Give how many requests so many buyers make."""
    dozens, rest = divmod(buyers, BUYERS)
    return dozens * len(ASKS) + rest


def buyer_of_request(no: int) -> str:
    """Name who makes a request of a flash sale: some buyers ask two or three times at once, of both processes."""
    dozen, turn = divmod(no, len(ASKS))
    return f"buyer-{dozen * BUYERS + ASKS[turn]}"


def _measure(place: Ground, stock: int, wanted: int, way: str) -> Measure:
    with place.database(connections=2) as database, TemporaryDirectory() as folder:
        with database.transaction() as session:
            _furnish(session, stock)
        took_s, _ = together(PROCESSES, _crowd, database.url, place.keyring_text, way, wanted, folder)
        seen = [Seen(*one) for file in Path(folder).iterdir() for one in json.loads(file.read_text())]
        with database.transaction() as session:
            return Measure(seen, took_s, *_count(session))


def _measure_http(place: Ground, stock: int, wanted: int) -> tuple[Round, Measure]:
    """Let storefronts' servers ask for the pieces, over connections that stay, of an API that has served before.

    Raises: RuntimeError for an answer that is neither the pieces nor that there are none for the buyer.
    """
    with place.database(connections=2) as database:
        with database.transaction() as session:
            _furnish(session, stock)
            heat(session, "bench", Sale(brand=BRAND, sku=PLAIN[0], sale="bench"), datetime.now(UTC))
        with served(place, database.url) as api:
            api.call(CARTS, [_cart_of(no, f"warm-{no}", PLAIN[0]) for no in range(WARMING)], CLIENTS)
            heard = api.call(CARTS, [_cart_of(no, buyer_of_request(no), HOT.sku) for no in range(wanted)], CLIENTS)
        if odd := [one for one in heard.heard if one.status not in ANSWERS]:
            raise RuntimeError(f"{len(odd)} carts were answered otherwise; the first: {odd[0].status} {odd[0].body!r}")
        seen = [Seen(ANSWERS[one.status], 0, one.took_s) for one in heard.heard]
        with database.transaction() as session:
            return heard, Measure(seen, heard.took_s, *_count(session))


def _cart_of(no: int, buyer: str, sku: str) -> bytes:
    return json.dumps({"ref": f"h-{no}-{sku}", "buyer": buyer, "lines": [{"sku": sku, "quantity": 1}]}).encode()


def _furnish(session: Session, stock: int) -> None:
    at = datetime.now(UTC)
    furnish(session, at)
    columns = ("brand", "version", "created_at", "updated_at", "code", "title", "storage", "grams", "bundle")
    copy(session, "sku", columns, [(BRAND, 1, at, at, HOT.sku, HOT.sku, "ambient", 100, False)])
    receive(session, BRAND, [(HOT, stock)], "bench-hot", at)
    heat(session, "bench", Sale(brand=BRAND, sku=HOT.sku, sale="bench", per_buyer=1, queue_limit=10_000), at)


def _count(session: Session) -> tuple[int, int, int]:
    sold = row(session, "select soft + allocated as pieces from stock_level where sku = :sku", sku=HOT.sku)
    most = row(
        session,
        "select coalesce(max(n), 0) as n from (select sum(pieces) as n from hot_buyer group by sku, buyer_index) b",
    )
    return int(sold.pieces if sold else 0), int(most.n if most else 0), len(drift(session))


def _crowd(ready: Barrier, process: int, url: str, keyring: str, way: str, wanted: int, folder: str) -> None:
    """Be half of the clients: each takes the next buyer when its last one was answered."""
    clients = CLIENTS // PROCESSES
    database = Database(url, Keyring.read(keyring.encode()), connections=clients)
    buyers = iter(range(process, wanted, PROCESSES))
    try:
        with ThreadPoolExecutor(clients) as pool:
            if way in ALONE:
                act = partial(ALONE[way], database)
                ready.wait()
                parts = list(pool.map(partial(_client, act), [buyers] * clients))
            else:
                ready.wait()
                parts = uvloop.run(_crowded(database, pool, way, buyers, clients))
    finally:
        database.close()
    (Path(folder) / f"{process}.json").write_text(json.dumps([one for part in parts for one in part]))


def _client(act: Callable[[int], object], buyers: Iterator[int]) -> list[Seen]:
    """Ask from a thread of one's own, as who waits for the database does."""
    seen: list[Seen] = []
    for buyer in buyers:
        began, error = time.monotonic(), None
        try:
            act(buyer)
        except Exception as raised:  # noqa: BLE001 # what is no answer is raised below
            error = raised
        now = time.monotonic()
        seen.append(Seen(_judged(error), now, now - began))
    return seen


async def _crowded(
    database: Database, pool: ThreadPoolExecutor, way: str, buyers: Iterator[int], clients: int
) -> Sequence[list[Seen]]:
    """Let the clients of one event loop ask the crowd, as the API does."""
    crowd = Crowd(database, partial(datetime.now, UTC))

    def act(no: int) -> Awaitable[object]:
        """Ask the sale, and if baskets are mixed in now and then for one that names the hot SKU among others."""
        if way == "sale" or no % MIXED:
            return crowd.hold_hot(HotWish(BRAND, SHOP, f"h-{no}", buyer_of_request(no), HOT.sku))
        return asyncio.get_running_loop().run_in_executor(pool, _basket, database, no)

    try:
        return await asyncio.gather(*(_waiting_client(act, buyers) for _ in range(clients)))
    finally:
        crowd.close()


async def _waiting_client(act: Callable[[int], Awaitable[object]], buyers: Iterator[int]) -> list[Seen]:
    """Ask from a task, as `_client` from a thread."""
    seen: list[Seen] = []
    for buyer in buyers:
        began, error = time.monotonic(), None
        try:
            await act(buyer)
        except Exception as raised:  # noqa: BLE001 # what is no answer is raised below
            error = raised
        now = time.monotonic()
        seen.append(Seen(_judged(error), now, now - began))
    return seen


def _judged(error: Exception | None) -> str:
    """Say what a client was answered.

    Raises: the error, if it is no answer.
    """
    if error is None:
        return "sold"
    if isinstance(error, NoStock) or (isinstance(error, Conflict) and error.code == "buyer_limit"):
        return "refused"
    if isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", "") == DEADLOCK:
        return "deadlock"
    raise error


def _row(database: Database, buyer: int) -> None:
    """Book one guarded piece in a transaction of its own: no reservation is written, no buyer counted."""
    with database.transaction() as session:
        post(session, [Movement(HOT, Reason.HOLD, f"b:{buyer}", soft=1)], datetime.now(UTC), fresh=True)


def _cart(database: Database, no: int) -> None:
    _hold(database, f"c-{no}", [Wish(HOT.sku, 1)], f"buyer-{no}")


def _basket(database: Database, no: int) -> None:
    turn = no // MIXED % len(PLAIN)
    skus = [*PLAIN[turn:], HOT.sku, *PLAIN[:turn]]
    _hold(database, f"m-{no}", [Wish(sku, 1) for sku in skus], buyer_of_request(no))


def _hold(database: Database, ref: str, wishes: Sequence[Wish], buyer: str) -> object:
    with database.transaction() as session:
        return hold(session, BRAND, SHOP, ref, wishes, TTL, datetime.now(UTC), buyer=buyer)


ALONE: Final = {"row": _row, "cart": _cart}
"""Who asks for a piece by itself."""
