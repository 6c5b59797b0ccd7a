"""A storefront that runs, and an engine that tells it of stock over HTTP, by a clock of the test's."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, final

import requests

from connectors.registry import Registry
from flows.alert_stock import AlertStock
from flows.effect import Effect
from flows.engine import Clock, Engine
from flows.notify_changes import AskRefund, NotifyChange
from flows.push_stock import PushStock, look, sweep
from hub.database import Database, rows
from hub.settings import Connection, Settings, Stock
from hub.tokens import Tokens
from tests.hub.making import AT, BRAND

SHOP: Final = "mall-pc"
SECRET: Final = "secret-of-a-test"  # a made-up one


@final
class Desk:
    """Looks, claims and tells, one thing after the other."""

    def __init__(self, database: Database, url: str, folder: Path, **changes: Any) -> None:  # noqa: ANN401 # any field of a connection
        (folder / SHOP).write_text(SECRET)
        values = {"kind": "channels.storefront", "brand": BRAND, "shop": "pc", "base_url": f"{url}/webhooks/{SHOP}"}
        connection = Connection.model_validate({**values, "stock": "all", **changes})
        self.settings = Settings(
            secrets_folder=folder, connections={SHOP: connection}, stock=Stock(guard_least=50, alert_connection=SHOP)
        )
        self.database = database
        self.url = url
        self.now = AT
        effects: Mapping[str, Effect] = {
            one.flow: one for one in (PushStock(), AlertStock(self.settings.stock), NotifyChange(), AskRefund())
        }
        clock = Clock(lambda: self.now, lambda: 0.0)
        self.engine = Engine(database, Registry(self.settings, Tokens(database)), effects, self.settings, clock)

    def look(self) -> None:
        self._turn(look)

    def sweep(self) -> None:
        self._turn(sweep)

    def _turn(self, turn: Callable[..., int]) -> None:
        self.now += timedelta(seconds=1)
        with self.database.transaction() as session:
            turn(session, self.settings, self.now)

    def send(self) -> list[str]:
        """Run every step that is due, and give the states they end in."""
        ended: list[str] = []
        while steps := self.engine.take(10):
            ended += [str(self.engine.run(step)) for step in steps]
        return ended

    def tell(self) -> list[str]:
        """Run the steps that tell the shop of its orders one after the other, and give the states they end in."""
        ended: list[str] = []
        while True:
            with self.database.transaction() as session:
                due = "select id from step where connection = :shop and state = 'pending' order by id"
                ids = [one.id for one in rows(session, due, shop=SHOP)]
            if not (ids and (steps := self.engine.take(10, ids=ids))):
                return ended
            ended += [str(self.engine.run(step)) for step in steps]

    def books(self) -> Mapping[str, Any]:
        """Give what the storefront was told of orders: body, receipts and effects by event."""
        return requests.get(f"{self.url}/books", timeout=5).json()[SHOP]

    def shop(self) -> Mapping[str, Any]:
        """Give what the storefront believes: its pieces, how often it was told, its alerts."""
        return requests.get(f"{self.url}/stock", timeout=5).json()[SHOP]

    def break_next(self, mode: str, count: int = 1) -> None:
        """Have the storefront misbehave at its next calls."""
        order = {"method": "webhook", "mode": mode, "count": count}
        requests.post(f"{self.url}/faults", json=order, timeout=5).raise_for_status()

    def promised(self) -> Mapping[str, int]:
        """Give what may be sold of each SKU."""
        with self.database.transaction() as session:
            found = rows(
                session, "select sku, sum(on_hand - allocated - soft)::bigint as n from stock_level group by 1"
            )
            return {one.sku: one.n for one in found}
