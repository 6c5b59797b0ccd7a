"""A strategy is tried on past orders as it would have counted them; nothing is written."""

import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Malformed, Unauthorised
from hub.gift.model import Give, Strategy
from hub.order.change.wanted import WantedLine
from hub.order.model import Buyer, OrderType
from hub.order.rehearse.gift_trial import GiftTried, try_strategy
from hub.roles import SYSTEM, Actor, Role
from tests.hub.gift.giving import put_in_force
from tests.hub.making import AT, BRAND, add_sku, order, place_all, stock
from tests.hub.order.changing import want


@pytest.fixture(autouse=True)
def sold(session: Session) -> None:
    """Let one buyer order twice, another once, and let something be sent once more."""
    stock(session, {"sh": {"tea": 99, "cup": 99}})
    who = [("A", "one", 1), ("B", "two", 2), ("C", "one", 3)]
    place_all(session, *[order({"tea": n}, number, buyer=Buyer(ref=ref)) for number, ref, n in who])
    place_all(session, order({"tea": 5}, "D", type=OrderType.RESHIP))


def tried(session: Session, **changes: object) -> GiftTried:
    values = {"brand": BRAND, "name": "s", "gives": (Give(sku="cup", value_fen=300),), **changes}
    return try_strategy(session, SYSTEM, Strategy.model_validate(values), AT)


def test_it_says_how_many_would_have_had_it_and_what_that_costs(session: Session) -> None:
    told = tried(session, min_pieces=1, most_times=9)
    assert (told.looked, told.orders, told.pieces, told.fen, told.unpriced) == (3, 3, 6, 1_800, 0)
    assert len(told.samples) == 3
    assert rows(session, "select 1 from gift_decision") == []


@pytest.mark.parametrize(
    ("limits", "orders", "pieces", "refused"),
    [
        ({"first_orders": 2}, 2, 2, {"exhausted": 1}),
        ({"once_per_member": True}, 2, 2, {"had_already": 1}),
        ({"min_pieces": 1, "most_times": 9, "most_pieces": 4}, 3, 4, {}),
        ({"min_fen": 2_000}, 2, 2, {"amount": 1}),
    ],
)
def test_its_limits_count_from_nothing(
    session: Session, limits: dict[str, object], orders: int, pieces: int, refused: dict[str, int]
) -> None:
    put_in_force(session, "s", first_orders=1)
    told = tried(session, **limits)
    assert (told.orders, told.pieces, dict(told.refused)) == (orders, pieces, refused)


def test_a_gift_without_a_value_costs_what_it_was_sold_for(session: Session) -> None:
    assert tried(session, gives=(Give(sku="tea", pieces=2),)).fen == 6_000
    told = tried(session, gives=(Give(sku="cup"),))
    assert (told.fen, told.unpriced) == (0, 3)


def test_what_is_tried_would_be_given_by_the_same_strategy_in_force(session: Session) -> None:
    told = tried(session, min_fen=2_000, first_orders=9)
    put_in_force(session, "s", min_fen=2_000, first_orders=9)
    place_all(session, *[order({"tea": n}, f"again-{n}") for n in (1, 2, 3)])
    given = rows(session, "select pieces from gift_decision where verdict = 'given'")
    assert (told.orders, told.pieces) == (len(given), sum(one.pieces for one in given))


def test_what_an_order_exchanged_later_is_counted_once(session: Session) -> None:
    order_id = rows(session, "select id from sales_order where goods = 1000")[0].id
    add_sku(session, "jam")
    want(session, order_id, WantedLine("L1", 1, "jam"))
    assert tried(session, min_fen=2_000).orders == 2


def test_what_takes_too_long_is_told_as_far_as_it_came(session: Session) -> None:
    seconds = iter((0.0, 1.0, 21.0))
    strategy = Strategy(brand=BRAND, name="s", gives=(Give(sku="cup"),))
    told = try_strategy(session, SYSTEM, strategy, AT, clock=lambda: next(seconds))
    assert (told.looked, told.more) == (1, True)


def test_who_may_not_configure_or_asks_for_too_long_is_refused(session: Session) -> None:
    strategy = Strategy(brand=BRAND, name="s", gives=(Give(sku="cup"),))
    with pytest.raises(Unauthorised):
        try_strategy(session, Actor("o", frozenset({Role.OPERATOR})), strategy, AT)
    with pytest.raises(Malformed):
        try_strategy(session, SYSTEM, strategy, AT, 91)
