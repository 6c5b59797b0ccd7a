"""Shops that are told of stock, and looks at what has moved, one after the other by a clock of the test's."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from flows.push_stock import look
from hub.database import Database, row, rows, run
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.offer import Selling, weigh
from hub.inventory.table import Reason
from hub.settings import Connection, Settings, Stock
from tests.hub.making import AT, BRAND, OWNER

SHOP: Final = Selling("mall-pc", BRAND, "pc", every_sku=True, ratio=100, floor=0)
STOCK: Final = Stock(guard_least=3)


def told_settings(**changes: Any) -> Settings:  # noqa: ANN401 # any field of a connection
    """Make settings with one shop that is told of every SKU of its brand."""
    values = {"kind": "channels.storefront", "brand": BRAND, "shop": "pc", "stock": "all", **changes}
    return Settings(connections={"mall-pc": Connection.model_validate(values)}, stock=STOCK)


def move(session: Session, sku: str, pieces: int, ref: str, location: str = "sh") -> None:
    """Adjust what is on hand."""
    key = StockKey(location, sku, OWNER)
    post(session, [Movement(key, Reason.ADJUST, ref, on_hand=pieces)], AT)


def weighed(session: Session, skus: Collection[str], at: datetime = AT, shop: Selling = SHOP) -> int:
    return weigh(session, [shop], skus, STOCK, at)


def offer_of(session: Session, sku: str) -> Any:  # noqa: ANN401 # a row
    return row(session, "select * from stock_offer where sku = :sku", sku=sku)


def numbers(session: Session) -> Mapping[str, int]:
    return {one.sku: one.offered for one in rows(session, "select sku, offered from stock_offer")}


def due(session: Session) -> list[str]:
    return [one.sku for one in rows(session, "select sku from stock_offer where due order by sku")]


def tell_all(session: Session) -> None:
    """Let the channel know everything that is due."""
    run(session, "update stock_offer set told = offered, told_at = :at, due = false where due", at=AT)


class Looks:
    """Looks a second apart."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self.now = AT

    def go(self, times: int = 1) -> list[int]:
        """Look some times, and give how many SKUs each found moved."""
        return [self._look() for _ in range(times)]

    def _look(self) -> int:
        self.now += timedelta(seconds=1)
        with self.database.transaction() as session:
            return look(session, self.settings, self.now)
