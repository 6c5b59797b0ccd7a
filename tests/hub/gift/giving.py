"""Strategies in force, and what orders got by them."""

from typing import Any

from sqlalchemy.orm import Session

from hub.database import rows
from hub.gift.model import Give, Strategy
from hub.gift.strategy import draft, publish
from hub.roles import SYSTEM
from tests.hub.making import AT, BRAND


def put_in_force(session: Session, name: str = "spring", **changes: Any) -> int:  # noqa: ANN401 # any field of a strategy
    values: dict[str, Any] = {"brand": BRAND, "name": name, "gives": (Give(sku="cup"),), **changes}
    no = draft(session, SYSTEM, Strategy(**values), AT)
    publish(session, SYSTEM, BRAND, name, no, AT, untried="a test")
    return no


def gifts_of(session: Session, order_id: int) -> list[tuple[str, int]]:
    """Give SKU and pieces of an order's gift lines."""
    found = rows(
        session,
        "select sku, ordered from order_line where order_id = :id and kind = 'gift' order by line_no",
        id=order_id,
    )
    return [(one.sku, one.ordered) for one in found]


def verdicts(session: Session, order_id: int) -> list[str]:
    found = rows(session, "select verdict from gift_decision where order_id = :id order by no", id=order_id)
    return [one.verdict for one in found]


def given(session: Session, name: str = "spring") -> tuple[int, int]:
    """Give how many orders and pieces a strategy has counted."""
    (one,) = rows(session, "select orders, pieces from gift_counter where name = :name", name=name)
    return one.orders, one.pieces
