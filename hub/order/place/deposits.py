"""The payments that a batch's orders are placed with and that say not all of their total: their deposits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import copy
from hub.order.rules.normalise import NormalOrder

COLUMNS: Final = (
    *("brand", "version", "created_at", "updated_at", "order_id", "no", "kind", "amount", "paid_at", "reference"),
)
FIRST: Final = 2
"""The first number of a row: one is the payment of an order that is placed paid, which has none."""


def write_deposits(session: Session, orders: Mapping[int, NormalOrder], at: datetime) -> None:
    """Write the deposits of orders of which nothing else is paid; where there are none, nothing is written."""
    found = [
        (one.shop_order.brand, 1, at, at, order_id, FIRST, "deposit", one.order.deposit, one.order.deposit_paid_at, "")
        for order_id, one in orders.items()
        if one.order.deposit is not None and one.order.paid_at is None
    ]
    if found:
        copy(session, "order_payment", COLUMNS, found)
