"""What rules know of orders that come in one batch: each knows those ahead of it, whatever became of them."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.order.holds.resume import release_holds
from hub.order.model import Buyer, ShopOrder
from hub.order.place.batch import Placed
from hub.roles import Actor, Role
from tests.hub.making import AT, BRAND, order, place_all, see, stock
from tests.hub.review.ruling import enforce, holding, rule

OPERATOR = Actor("operator-1", frozenset({Role.OPERATOR}))


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})


def bought(pieces: int, **changes: Any) -> ShopOrder:  # noqa: ANN401 # any field of an order
    return order({"apple": pieces}, f"T{pieces}", buyer=Buyer(ref="one"), **changes)


def at_once(session: Session, *orders: ShopOrder) -> list[int]:
    return [one.order_id for one in place_all(session, *orders) if isinstance(one, Placed)]


def held(session: Session, order_id: int) -> list[tuple[str, str]]:
    return [(hold.type, hold.rule) for hold in see(session, order_id).holds]


def test_orders_that_come_at_once_are_known_to_those_behind_them(session: Session) -> None:
    enforce(session, rule("merge.orders_30m > 0 && buyer.orders_90d == 1", verdict=holding(type="merge_window")))
    first, second = at_once(session, bought(1), bought(2))
    assert [bool(held(session, order_id)) for order_id in (first, second)] == [False, True]


def test_who_came_at_once_is_known_though_it_has_no_fulfilment_order(session: Session) -> None:
    enforce(session, rule("merge.orders_30m > 0", verdict=holding(scope="fulfilment")))
    _, second = at_once(session, bought(1, paid_at=None), bought(2))
    assert held(session, second) == [("fraud", "some_rule")]


def test_who_came_at_once_is_still_known_when_an_order_goes_on(session: Session) -> None:
    enforce(session, rule("merge.orders_30m > 0", verdict=holding(scope="fulfilment")))
    _, second = at_once(session, bought(1), bought(2, remark="先别发"))
    release_holds(session, second, OPERATOR, "checked", AT + timedelta(hours=1))
    assert held(session, second) == [("fraud", "some_rule")]


def test_who_came_at_once_to_another_shop_is_known_to_the_rules_of_this_one(session: Session) -> None:
    enforce(session, rule("buyer.orders_90d == 0", brand=BRAND, shop="pc"))
    _, second = at_once(session, replace(bought(1), shop="app"), bought(2))
    assert held(session, second) == []
