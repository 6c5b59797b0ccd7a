"""Example documents that cross the ports, sample messages from files, and a canary that must show up nowhere."""

import os
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from hub.access import Token
from hub.fulfilment.courier import InterceptWish
from hub.fulfilment.model import (
    CancelWish,
    Delivery,
    DeliveryLine,
    Party,
    ShipmentNotice,
    ShippedLine,
    ShippedParcel,
)
from hub.inventory.telling import Alarm

AT: Final = datetime(2026, 11, 11, 2, tzinfo=UTC)
SECRET: Final = b"secret-of-a-test"
TOKEN: Final = Token(
    access="access-of-a-test", refresh="refresh-of-a-test", expires_at=AT + timedelta(days=1), refresh_until=None
)
URL: Final = "http://partner.test/partner"
SAMPLES: Final = Path(__file__).parent.parent / "samples"
CANARY: Final = "10000000042"
CANARY_NAME: Final = "金丝雀"

_PARTY: Final = Party(
    name=CANARY_NAME, phone=CANARY, province="上海市", city="上海市", county="浦东新区", street="测试路1号"
)
DELIVERY: Final = Delivery(
    code="2611000000000001-1",
    attempt=1,
    order_type="normal",
    warehouse_code="sh",
    owner_code="OWNER",
    created_at=AT,
    placed_at=AT,
    paid_at=AT,
    operated_at=AT,
    shop_name="pc",
    buyer_nick="",
    courier_code="SF",
    platform_code="OTHER",
    total=2000,
    goods=2000,
    discount=0,
    freight=0,
    sender=_PARTY,
    receiver=_PARTY,
    remark="",
    lines=(
        DeliveryLine(line_no=1, source_order_code="T1", sku="apple", title="苹果 & <梨>", quantity=2, unit_price=1000),
    ),
)
WISH: Final = CancelWish(code=DELIVERY.code, warehouse_code="sh", owner_code="OWNER", order_type="normal")
INTERCEPT: Final = InterceptWish(
    key="intercept:2611000000000001-1-1:1",
    courier="SF",
    tracking_no="SB1",
    back_to=_PARTY.model_copy(update={"street": "测试路1号 *~ 2/3"}),
)
NOTICE: Final = ShipmentNotice(
    key="shipment:2611000000000001-1",
    order_id="2611000000000001",
    external_id="T1",
    shipped_at=AT,
    parcels=(
        ShippedParcel(
            courier="SF",
            tracking_no="SB1",
            lines=(ShippedLine(external_line_id="L1", channel_sku="apple", quantity=2),),
        ),
    ),
)
ALARM: Final = Alarm(
    key="stock-alert-1-open",
    kind="low_cover",
    state="open",
    brand="demo",
    sku="apple",
    location="",
    pieces=3,
    threshold=7,
    cover_days="1.5",
    changed_at=AT,
)


def sample(path: str) -> bytes:
    return (SAMPLES / path).read_bytes()


def real_sample(path: str) -> bytes:
    """Give a message captured from a real partner; the test is skipped where the folder of those is not at hand."""
    folder = os.environ.get("OMS_SAMPLES")
    if folder is None and not {"CI", "OMS_CI"} & os.environ.keys():
        pytest.skip("OMS_SAMPLES does not name the folder of real samples")
    return (Path(folder) / path).read_bytes() if folder else sample(path)


def told(error: BaseException) -> str:
    """Give all that a log could show of an error: its chain with every message."""
    return "".join(traceback.format_exception(error))
