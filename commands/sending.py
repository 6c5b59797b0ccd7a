"""Send a demo's orders as their shops do: by API, by webhook, or put up at a marketplace that is asked for them."""

import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Final
from urllib.request import ProxyHandler, Request, build_opener

from commands.scenery import MARKET, SHOPS
from commands.screen import words
from commands.stage import Stage, progress_bar
from sandbox.baskets import StorefrontOrder
from sandbox.taobao_trades import tid_of, trade_of

PUSHED: Final = "mall-mini"
BATCH: Final = 10
POSTERS: Final = 4


def post(stage: Stage, goods: Sequence[StorefrontOrder]) -> None:
    """Send the orders as their malls do, as fast as they can: one by one, in batches, or pushed by webhook."""
    with _told(len(goods)) as tell, ThreadPoolExecutor(POSTERS) as pool:
        for done in pool.map(partial(_post_part, stage), _parts(goods)):
            tell(done)


def trickle(stage: Stage, goods: Sequence[StorefrontOrder], pace_s: float) -> Iterator[StorefrontOrder]:
    """Send the orders one after the other, so many seconds apart, and give each when it was sent."""
    with _told(len(goods)) as tell:
        for one in goods:
            tell(_post_part(stage, [one]))
            yield one
            time.sleep(pace_s)


@contextmanager
def _told(total: int) -> Generator[Callable[[int], None]]:
    """Show a person how many orders are placed."""
    with progress_bar() as progress:
        task = progress.add_task(words("下单", "orders placed"), total=total)
        yield partial(progress.advance, task)


def _parts(goods: Sequence[StorefrontOrder]) -> list[list[StorefrontOrder]]:
    """Cut the orders by shop into parts of a batch's size."""
    by_shop = {shop: [one for one in goods if one.connection == shop] for shop in SHOPS}
    return [part[i : i + BATCH] for part in by_shop.values() for i in range(0, len(part), BATCH)]


def _post_part(stage: Stage, part: Sequence[StorefrontOrder]) -> int:
    connection = part[0].connection
    if connection == MARKET:
        return _put_up(stage, part)
    payloads = [one.payload for one in part]
    number = str(payloads[0]["external_id"])
    with stage.shopper(connection) as shopper:
        if connection == PUSHED:
            answers = [(shopper.push_order(payload).status_code, payload) for payload in payloads]
        elif hash_of(number) % 2:
            answer = shopper.post_batch(payloads, idempotency_key=f"batch-{number}")
            items = answer.json()["items"] if answer.ok else [{"status": answer.status_code}] * len(payloads)
            answers = [(item["status"], payload) for item, payload in zip(items, payloads, strict=True)]
        else:
            answers = [
                (shopper.post_order(payload, idempotency_key=str(payload["external_id"])).status_code, payload)
                for payload in payloads
            ]
    for status, payload in answers:
        if status < 300:  # noqa: PLR2004 # HTTP
            stage.accepted[SHOPS[connection], str(payload["external_id"])] = connection
        else:
            stage.refused.append(f"{payload['external_id']}: {status}")
    return len(part)


def hash_of(number: str) -> int:
    """Spread order numbers over ways of sending, the same way every time (CRC-like sum; no secrets here)."""
    return sum(number.encode())


def _put_up(stage: Stage, part: Sequence[StorefrontOrder]) -> int:
    """Let the marketplace have trades; it tells of some of them, and the others are found by asking."""
    trades = {"connection": MARKET, "trades": [trade_of(one) for one in part]}
    request = Request(  # noqa: S310 # loopback
        f"{stage.address('taobao')}/trades",
        json.dumps(trades, ensure_ascii=False).encode(),
        {"content-type": "application/json"},
    )
    with build_opener(ProxyHandler({})).open(request, timeout=10):
        stage.accepted.update({(SHOPS[MARKET], str(tid_of(one))): MARKET for one in part})
    return len(part)
