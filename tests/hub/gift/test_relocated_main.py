"""A gift whose main item a count did not find goes where that goes, or waits with it."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.inventory.ledger import drift
from hub.order.holds.restocked import source_restocked
from hub.order.relocate import relocate
from tests.hub.gift.giving import put_in_force
from tests.hub.gift.test_travelling import LATER, missing, with_cup
from tests.hub.inventory.counting import take
from tests.hub.making import add_sku, counters, open_causes, order, placed, stock

Buy = Callable[[Session, int], int]

HELD = """
    select f.location, p.sku, sum(p.quantity - p.released)::bigint as pieces
    from fulfilment_order f join fulfilment_line p using (order_id, no)
    where f.order_id = :id and p.quantity > p.released group by 1, 2"""


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    for sku in ("apple", "cup"):
        add_sku(session, sku)


@pytest.fixture(params=["hub", "channel"])
def buy(request: pytest.FixtureRequest) -> Buy:
    """Place an order of apples, with a cup that the hub gives or the channel has given."""

    def by_hub(session: Session, apples: int) -> int:
        put_in_force(session)
        return placed(session, order({"apple": apples}))

    return by_hub if request.param == "hub" else lambda session, apples: placed(session, with_cup(apple=apples))


def held(session: Session, order_id: int) -> dict[tuple[str, str], int]:
    """Give the pieces of an order that locations have or have sent, by location and SKU."""
    return {(one.location, one.sku): one.pieces for one in rows(session, HELD, id=order_id)}


def test_a_gift_is_taken_back_with_a_main_item_that_nobody_else_has(session: Session, at: datetime, buy: Buy) -> None:
    stock(session, {"sh": {"apple": 2, "cup": 5}})
    order_id = buy(session, 2)
    take(session, {"apple": 0})
    assert relocate(session, at) == 1
    assert (held(session, order_id), missing(session, order_id)) == ({}, [{"apple": 2}])
    assert (counters(session, "sh", "cup"), drift(session)) == ((5, 0), [])
    stock(session, {"bj": {"apple": 2, "cup": 1}}, "ASN-2")
    source_restocked(session, LATER)
    assert held(session, order_id) == {("bj", "apple"): 2, ("bj", "cup"): 1}


def test_a_gift_goes_where_its_main_item_goes(session: Session, at: datetime, buy: Buy) -> None:
    stock(session, {"sh": {"apple": 2, "cup": 5}, "bj": {"apple": 2, "cup": 5}})
    order_id = buy(session, 2)
    take(session, {"apple": 0})
    assert relocate(session, at) == 1
    assert held(session, order_id) == {("bj", "apple"): 2, ("bj", "cup"): 1}
    assert (counters(session, "sh", "cup"), drift(session)) == ((5, 0), [])


def test_a_gift_that_nobody_else_has_stays_where_it_was(session: Session, at: datetime, buy: Buy) -> None:
    stock(session, {"sh": {"apple": 2, "cup": 5}, "bj": {"apple": 2}})
    order_id = buy(session, 2)
    take(session, {"apple": 0})
    assert relocate(session, at) == 1
    assert held(session, order_id) == {("bj", "apple"): 2, ("sh", "cup"): 1}
    assert (missing(session, order_id), open_causes(session), drift(session)) == ([], [], [])


def test_a_gift_stays_where_it_was_while_other_pieces_of_its_main_item_have_a_source(
    session: Session, at: datetime, buy: Buy
) -> None:
    stock(session, {"sh": {"apple": 1, "cup": 5}, "bj": {"apple": 1}})
    order_id = buy(session, 2)
    take(session, {"apple": 0})
    assert relocate(session, at) == 1
    assert held(session, order_id) == {("bj", "apple"): 1, ("sh", "cup"): 1}
    assert missing(session, order_id) == [{"apple": 1}]


def test_a_gift_that_is_short_too_waits_with_its_main_item(session: Session, at: datetime, buy: Buy) -> None:
    stock(session, {"sh": {"apple": 2, "cup": 5}})
    order_id = buy(session, 2)
    take(session, {"apple": 0, "cup": 0})
    while relocate(session, at):
        pass
    assert (held(session, order_id), missing(session, order_id), drift(session)) == ({}, [{"apple": 2}], [])
