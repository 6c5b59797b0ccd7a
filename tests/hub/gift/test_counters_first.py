"""Counters of gifts are held before stock by who changes an order, as by who places one: nobody waits in a circle."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import Database, run
from hub.inventory.level import hold_still
from hub.order.change.channel import revise
from hub.order.change.lapse import lapse
from hub.order.change.wanted import WantedLine
from hub.order.model import ShopOrder
from tests.hub.gift.giving import put_in_force
from tests.hub.gift.test_stock import shelve
from tests.hub.making import AT, ZONE, order, placed
from tests.hub.order.changing import want
from tests.hub.waiting import until_it_waits

HERE = AT.astimezone(ZONE)
LIMIT = timedelta(minutes=30)


def fewer() -> ShopOrder:
    """Say an order again with a piece fewer, and with a refund asked for what is left."""
    one = order({"tea": 2}, source_revision=2)
    lines = tuple([line.model_copy(update={"refund_requested": True}) for line in one.order.lines])
    return replace(one, order=one.order.model_copy(update={"lines": lines}))


def say_anew(session: Session, order_id: int) -> None:
    revise(session, order_id, fewer(), "platform_wins", HERE)


def take_back(session: Session, _order_id: int) -> None:
    assert lapse(session, LIMIT, HERE + LIMIT) == 1


@pytest.mark.parametrize("act", [say_anew, take_back])
def test_who_changes_an_order_waits_for_a_gift_before_it_holds_stock(
    database: Database, act: Callable[[Session, int], None]
) -> None:
    with database.transaction() as session:
        shelve(session, cup=9)
        put_in_force(session, skus=("tea",), first_orders=5)
        order_id = placed(session, order({"tea": 3}))
        if act is take_back:
            want(session, order_id, WantedLine("L1", 5))

    def change() -> None:
        with database.transaction() as session:
            act(session, order_id)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            run(session, "update gift_counter set orders = orders")
            other = pool.submit(change)
            until_it_waits(database, other)
            assert not other.done()
            hold_still(session, {"tea"})  # a circle, and one is ended, if the other held the stock
        other.result()
