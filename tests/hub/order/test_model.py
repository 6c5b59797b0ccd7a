from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.orm import Session

from hub.order.model import Order, OrderLine
from tests.hub.making import RECEIVER, coupon, order, placed, see, stock

LINE = order({"apple": 1}).order.lines[0]


def reads(changes: dict[str, Any]) -> Order:
    """Read an order as it comes over the wire."""
    values = order({"apple": 1}).order.model_dump(mode="json")
    return Order.model_validate({**values, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": []},
        {"lines": [LINE, LINE]},
        {"adjustments": [coupon(1, "L9")]},
        {"currency": "XXX"},
        {"external_id": ""},
        {"external_id": "a b"},
        {"external_id": "x" * 65},
        {"freight": -1},
        {"total": 10**13},
        {"surprise": 1},
        {"placed_at": "2026-11-11T10:00:00"},
    ],
)
def test_what_cannot_be_one_order_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        reads(changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"placed_at": "9999-12-31T23:59:59Z"},
        {"placed_at": "0001-01-01T00:00:00+09:00"},
        {"paid_at": "9999-12-31T23:59:59-10:00"},
        {"source_revision": 2**63},
        {"placed_at_raw": "nul \x00"},
        {"placed_at_raw": "x" * 201},
        {"remark": "bell \x07"},
        {"remark": "half a character \ud800"},
        {"receiver": {**RECEIVER.model_dump(), "town": "nul \x00"}},
        {"lines": [{**LINE.model_dump(), "title": "nul \x00"}]},
    ],
)
def test_what_no_database_or_partner_can_carry_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        reads(changes)


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, "2", 1.0, True])
def test_pieces_are_whole_and_some(quantity: object) -> None:
    with pytest.raises(ValidationError):
        OrderLine.model_validate({**LINE.model_dump(), "quantity": quantity})


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity", "1.0000001", "123456789012345"])
def test_a_price_is_a_number_that_the_database_holds(price: str) -> None:
    with pytest.raises(ValidationError):
        OrderLine.model_validate({**LINE.model_dump(), "unit_price": price})


def test_the_largest_order_that_is_let_in_is_placed(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}})
    line = {**LINE.model_dump(), "quantity": 1_000_000, "unit_price": "10000", "title": "换行\n与制表\t"}
    edge = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)
    one = order({}, lines=[line], freight=0, total=10**12, placed_at=edge, source_revision=2**53)
    assert see(session, placed(session, one)).total == 10**12
