"""A gift whose main item was exchanged goes with what came for it, and with what has left as long as some of it has."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from hub.order.change.wanted import WantedLine
from hub.order.holds.restocked import source_restocked
from hub.order.reread import reread
from hub.order.rules.normalise import mains_of
from hub.order.ship.progress import record_confirm
from tests.hub.gift.giving import put_in_force
from tests.hub.gift.test_travelling import LATER, missing, pieces, with_cup
from tests.hub.making import AT, add_sku, confirm, order, placed, stock
from tests.hub.order.changing import want

Buy = Callable[[Session, int], int]


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    for sku in ("apple", "pear", "plum", "cup"):
        add_sku(session, sku)
    add_sku(session, "set", parts={"pear": 1, "plum": 1})


@pytest.fixture(params=["hub", "channel"])
def buy(request: pytest.FixtureRequest) -> Buy:
    """Place an order of apples, with a cup that the hub gives or the channel has given."""

    def by_hub(session: Session, apples: int) -> int:
        put_in_force(session, skus=("apple",), if_out="wait")
        return placed(session, order({"apple": apples}))

    return by_hub if request.param == "hub" else lambda session, apples: placed(session, with_cup(apple=apples))


def test_a_gift_waits_with_what_came_in_exchange_and_leaves_with_it(session: Session, buy: Buy) -> None:
    stock(session, {"sh": {"cup": 9}})
    order_id = buy(session, 2)
    want(session, order_id, WantedLine("L1", 2, "pear"))
    assert (pieces(session, order_id), missing(session, order_id)) == ({}, [{"pear": 2}])
    source_restocked(session, LATER)
    assert (pieces(session, order_id), missing(session, order_id)) == ({}, [{"pear": 2}])
    stock(session, {"sh": {"pear": 2}}, "ASN-2")
    source_restocked(session, LATER)
    assert (pieces(session, order_id), missing(session, order_id)) == ({"pear": 2, "cup": 1}, [])


def test_a_gift_follows_one_exchange_after_another(session: Session, buy: Buy) -> None:
    stock(session, {"sh": {"cup": 9}})
    order_id = buy(session, 1)
    for sku, came in (("pear", 3), ("set", 5), ("plum", 7)):
        want(session, order_id, WantedLine("L1", 1, sku))
        assert mains_of(reread(session, order_id).lines) == {2: came}
        assert pieces(session, order_id) == {}
    assert missing(session, order_id) == [{"plum": 1}]


def test_a_gift_of_what_has_left_in_part_does_not_wait_for_what_the_rest_was_exchanged_for(
    session: Session, buy: Buy
) -> None:
    stock(session, {"sh": {"apple": 1}})
    order_id = buy(session, 2)
    record_confirm(session, confirm(order_id, 1, {"apple": 1}), AT)
    want(session, order_id, WantedLine("L1", 2, "pear"))
    assert missing(session, order_id) == [{"cup": 1, "pear": 1}]
    stock(session, {"sh": {"cup": 1}}, "ASN-2")
    source_restocked(session, LATER)
    assert (pieces(session, order_id), missing(session, order_id)) == ({"apple": 1, "cup": 1}, [{"pear": 1}])


def test_a_gift_that_was_to_leave_waits_once_its_main_item_is_exchanged(session: Session, buy: Buy) -> None:
    stock(session, {"sh": {"apple": 9, "cup": 9}})
    order_id = buy(session, 1)
    want(session, order_id, WantedLine("L1", 1, "pear"))
    assert missing(session, order_id) == [{"pear": 1}]
    stock(session, {"sh": {"pear": 1}}, "ASN-2")
    source_restocked(session, LATER)
    assert missing(session, order_id) == []
