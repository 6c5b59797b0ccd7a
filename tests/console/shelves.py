"""Shelves for the console: stock that is short, held, sold, shared, counted, told to channels and watched."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from hub.database import run
from hub.inventory.alert import raise_alerts
from hub.inventory.alert_rule import RuleView, set_rule
from hub.inventory.count import take_report
from hub.inventory.counted import CountReport, ReportLine
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.quota import Quota, set_quota
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.table import Reason
from hub.roles import SYSTEM
from hub.stock_told import Stock
from tests.hub.making import BRAND, OWNER, stock

TITLES: Final = {"apple": "红富士苹果 5 kg", "pear": "雪花梨礼盒", "plum": "西梅 500 g × 2"}
APPLE: Final = StockKey("sh", "apple", OWNER)


def fill_shelves(session: Session, now: datetime) -> None:
    """Let plums run low, pears be out, carts hold apples, and one channel believe in what is gone."""
    stock(session, {"sh": {"plum": 12}, "bj": {"plum": 340}}, ref="shelves")
    for sku, title in TITLES.items():
        run(session, "update sku set title = :title where code = :sku", sku=sku, title=title)
    run(session, "update stock_level set safety = 20, incoming = 60 where sku = 'plum'")
    _carts(session, now)
    for ago in range(14):
        day = now - timedelta(days=ago)
        statement = "insert into stock_sale values ('apple', 'sh', :day, :apples), ('plum', 'sh', :day, :plums)"
        run(session, statement, day=day, apples=40 + ago, plums=3)
    for sku, connection, offered, told, refused in (
        ("apple", "mall-pc", 380, 402, ""),
        ("apple", "mall-h5", 380, 380, ""),
        ("plum", "mall-pc", 0, 9, ""),
        ("pear", "mall-pc", 0, 0, "item_not_listed"),
    ):
        _tell(session, now, sku=sku, connection=connection, offered=offered, told=told, refused=refused)
    set_rule(session, SYSTEM, RuleView(BRAND, "apple", "sh", 100, 30), now)
    set_rule(session, SYSTEM, RuleView(BRAND, "", "", 50, 0), now)
    raise_alerts(session, ["apple", "pear", "plum"], Stock(), now - timedelta(minutes=35))


def share_shelves(session: Session, now: datetime) -> None:
    """Let one shop have apples of its own, of which it has sold some, and another a part of them in Shanghai."""
    own = Quota(sku="apple", shop="pc", mode=QuotaMode.EXCLUSIVE, amount=80)
    part = Quota(sku="apple", shop="h5", location="sh", mode=QuotaMode.PERCENTAGE, amount=30)
    for quota in (own, part):
        set_quota(session, SYSTEM.name, BRAND, quota, now)
    run(session, "update channel_quota set used = 23 where shop = 'pc'")


def count_shelves(session: Session, now: datetime) -> None:
    """Let Shanghai have counted what it has: all right, then with drift, too late, and with a SKU that is nobody's."""
    for name, ago, pieces in (
        ("CK-1101", 300, {"plum": 12}),
        ("CK-1102", 90, {"apple": 372, "pear": 1, "plum": 12}),
        ("CK-1100", 400, {"apple": 402, "plum": 15}),
        ("CK-1103", 20, {"plum": 12, "melon": 4}),
    ):
        lines = tuple(
            ReportLine(no=no, sku=sku, kind="count", pieces=n) for no, (sku, n) in enumerate(pieces.items(), 1)
        )
        counted_at = now - timedelta(minutes=ago)
        report = CountReport(report=name, location="sh", counted_at=counted_at, lines=lines)
        take_report(session, "wms-sh", report, now - timedelta(minutes=10))


def _carts(session: Session, now: datetime) -> None:
    post(session, [Movement(APPLE, Reason.HOLD, "cart-1", soft=3), Movement(APPLE, Reason.HOLD, "cart-2", soft=2)], now)
    for number, shop, pieces in ((1, "pc", 3), (2, "h5", 2)):
        run(
            session,
            """insert into reservation (brand, version, created_at, updated_at, id, shop, ref, state, expires_at)
               values ('demo', 1, :at, :at, :id, :shop, :ref, 'held', :until)""",
            at=now,
            id=number,
            shop=shop,
            ref=f"cart-{number}",
            until=now + timedelta(minutes=15),
        )
        run(
            session,
            "insert into reservation_line values (:id, 1, 'sh', 'apple', :owner, 'saleable', :pieces)",
            id=number,
            owner=OWNER,
            pieces=pieces,
        )


def _tell(session: Session, now: datetime, **offer: object) -> None:
    run(
        session,
        """insert into stock_offer (connection, sku, brand, shop, version, created_at, updated_at, bucket, offered,
                                    told, told_at, due, asking, held, alone, refused)
           values (:connection, :sku, 'demo', 'pc', 1, :at, :at, 0, :offered, :told, :at, :told <> :offered, false,
                   false, false, :refused)""",
        at=now - timedelta(minutes=4),
        **offer,
    )
