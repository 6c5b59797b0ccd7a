"""Small makers of orders, goods and news, so that a test names only what matters to it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from hub.address.division import point_of
from hub.database import copy, rows, run
from hub.errors import Rejected
from hub.fulfilment.model import Batch, Confirm, ConfirmedParcel, ConfirmLine, Report
from hub.inventory.ledger import StockKey
from hub.inventory.level import receive
from hub.order.find import get_order
from hub.order.model import Adjustment, Buyer, Order, OrderLine, Receiver, ShopOrder, Source
from hub.order.place.batch import Placed, place
from hub.order.view import LineView, OrderView
from hub.roles import SYSTEM

AT: Final = datetime(2026, 11, 11, 2, tzinfo=UTC)
ZONE: Final = ZoneInfo("Asia/Shanghai")
BRAND: Final = "demo"
OWNER: Final = "OWNER"
DIVISIONS: Final = {"sh": "310115", "bj": "110105", "gz": "440106"}
"""Locations by their codes: Shanghai (near the default receiver), Beijing, Guangzhou."""

RECEIVER: Final = Receiver(
    name="收件人甲",
    phone="10000000001",
    province="上海市",
    city="上海市",
    county="浦东新区",
    street="测试路1号",
)


def order(pieces: Mapping[str, int], external_id: str = "T1", **changes: Any) -> ShopOrder:  # noqa: ANN401 # any field of an order
    """Make an order of a shop: pieces by channel code at 10.00 each, paid, its total added up unless it is given."""
    lines = tuple(
        OrderLine(external_line_id=f"L{no}", channel_sku=code, quantity=quantity, unit_price=Decimal("10.00"))
        for no, (code, quantity) in enumerate(pieces.items(), 1)
    )
    values: dict[str, Any] = {
        "external_id": external_id,
        "placed_at": AT,
        "placed_at_raw": "2026-11-11 10:00:00",
        "paid_at": AT,
        "buyer": Buyer(ref=f"buyer-of-{external_id}", nick="买家昵称"),
        "receiver": RECEIVER,
        "lines": lines,
        "total": 0,
        **changes,
    }
    made = Order(**values)
    if "total" not in changes:
        made = made.model_copy(update={"total": made.goods - made.discount + made.freight})
    return ShopOrder(brand=BRAND, shop="pc", channel="mall-pc", order=made)


def coupon(amount: int, line: str | None = None) -> Adjustment:
    return Adjustment(source=Source.COUPON, code="C1", amount=amount, external_line_id=line)


def add_sku(
    session: Session, code: str, *, storage: str = "ambient", grams: int = 500, parts: Mapping[str, int] | None = None
) -> None:
    """Make a SKU unless it is there; with parts it is a bundle of them, each of the weight of its place."""
    run(
        session,
        """insert into sku (brand, version, created_at, updated_at, code, title, storage, grams, bundle)
           values (:brand, 1, :at, :at, :code, :code, :storage, :grams, :bundle) on conflict do nothing""",
        brand=BRAND,
        at=AT,
        code=code,
        storage=storage,
        grams=grams,
        bundle=parts is not None,
    )
    contents = [(code, sku, quantity, weight) for weight, (sku, quantity) in enumerate((parts or {}).items(), 1)]
    copy(session, "bundle_part", ["bundle", "sku", "quantity", "weight"], contents)


def add_location(session: Session, code: str, *, active: bool = True, storages: Sequence[str] = ("ambient",)) -> None:
    """Make one of the locations above unless it is there."""
    point = point_of(DIVISIONS[code])
    run(
        session,
        """insert into location (brand, version, created_at, updated_at, code, name_zh, name_en, connection, owner,
               division, street, contact, phone, latitude, longitude, storages, courier, handling, active)
           values (:brand, 1, :at, :at, :code, :code, :code, :connection, :owner, :division, '仓库路1号', '仓管',
                   '10000000009', :latitude, :longitude, :storages, 'SF', 100, :active) on conflict do nothing""",
        brand=BRAND,
        at=AT,
        code=code,
        connection=f"wms-{code}",
        owner=OWNER,
        division=DIVISIONS[code],
        latitude=point.latitude,
        longitude=point.longitude,
        storages=list(storages),
        active=active,
    )


def stock(session: Session, goods: Mapping[str, Mapping[str, int]], ref: str = "ASN-1") -> None:
    """Receive pieces by location and SKU, making what is not there yet."""
    for location, pieces in goods.items():
        add_location(session, location)
        for sku in pieces:
            add_sku(session, sku)
    booked = [(StockKey(place, sku, OWNER), n) for place, pieces in goods.items() for sku, n in pieces.items()]
    receive(session, BRAND, booked, ref, AT)


def place_all(session: Session, *orders: ShopOrder) -> list[Placed | Rejected]:
    return place(session, orders, AT, ZONE)


def placed(session: Session, one: ShopOrder) -> int:
    """Place one order and give its id; a rejection is raised."""
    result = place_all(session, one)[0]
    if isinstance(result, Rejected):
        raise result
    return result.order_id


def confirm(order_id: int, no: int, pieces: Mapping[str, int], key: str = "c1", **changes: Any) -> Confirm:  # noqa: ANN401 # any field of a confirm
    """Make a location's final confirm of pieces by SKU, in one parcel."""
    lines = tuple(ConfirmLine(sku=sku, quantity=quantity) for sku, quantity in pieces.items())
    parcels = (ConfirmedParcel(courier_code="SF", tracking_no=f"SF-{key}"),)
    values: dict[str, Any] = {
        "code": f"{order_id}-{no}",
        "confirm_key": key,
        "final": True,
        "lines": lines,
        "parcels": parcels,
        **changes,
    }
    return Confirm(**values)


def batched(sku: str, quantity: int, *batches: int) -> ConfirmLine:
    return ConfirmLine(sku=sku, quantity=quantity, batches=tuple(Batch(quantity=pieces) for pieces in batches))


def rejection(order_id: int, no: int) -> Report:
    return Report(code=f"{order_id}-{no}", status="rejected", note="库位损坏")


def see(session: Session, order_id: int) -> OrderView:
    return get_order(session, order_id, SYSTEM)


def line(session: Session, order_id: int, no: int = 1) -> LineView:
    return see(session, order_id).lines[no - 1]


def sources(session: Session, order_id: int) -> list[tuple[str, str]]:
    """Give location and execution of every fulfilment order, the first first."""
    return [(one.location, one.execution) for one in see(session, order_id).fulfilments]


def counters(session: Session, location: str, sku: str) -> tuple[int, int]:
    """Give what is on hand and what is allocated of saleable goods."""
    statement = """select on_hand, allocated from stock_level
                   where location = :location and sku = :sku and condition = 'saleable'"""
    found = rows(session, statement, location=location, sku=sku)[0]
    return found.on_hand, found.allocated


def open_causes(session: Session) -> list[str]:
    return [found.cause for found in rows(session, "select cause from case_file where state = 'open' order by id")]


def step_states(session: Session, flow: str) -> list[str]:
    return [found.state for found in rows(session, "select state from step where flow = :flow order by id", flow=flow)]


def forge(session: Session, statement: str, **values: object) -> int:
    """Change what the database lets nobody change, as who goes round its triggers can; give how many rows."""
    run(session, "set local session_replication_role = replica")
    changed = run(session, statement, **values)
    run(session, "set local session_replication_role = origin")
    return changed
