"""What a channel is told of a change."""

import pytest
from sqlalchemy.orm import Session

from hub.database import run
from hub.errors import NeedsOperator
from hub.order.change.notice import read_change
from tests.hub.making import order, placed, stock
from tests.hub.order.changing import BEIJING, cut, move


@pytest.fixture
def order_id(session: Session) -> int:
    stock(session, {"sh": {"apple": 9}})
    return placed(session, order({"apple": 2}))


def test_a_new_address_of_an_erased_buyer_is_not_told_without_it(session: Session, order_id: int) -> None:
    move(session, order_id)
    told = read_change(session, order_id, 1, "k").receiver
    assert told is not None
    assert told.street == BEIJING.street
    run(session, "update subject set data_key = null")
    with pytest.raises(NeedsOperator, match="erased"):
        read_change(session, order_id, 1, "k")


def test_fewer_pieces_of_an_erased_buyer_are_told_all_the_same(session: Session, order_id: int) -> None:
    cut(session, order_id, L1=1)
    run(session, "update subject set data_key = null")
    assert [one.quantity for one in read_change(session, order_id, 1, "k").lines] == [1]
