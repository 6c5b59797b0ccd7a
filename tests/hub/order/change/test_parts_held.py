"""What becomes of the other lines, the gifts and the fulfilment orders of lines that a change holds or lets go."""

import pytest
from sqlalchemy.orm import Session

from hub.order.change.channel import revise
from hub.order.change.pay import pay
from hub.order.change.wanted import WantedLine
from tests.hub.gift.giving import put_in_force
from tests.hub.making import AT, ZONE, order, placed, stock
from tests.hub.order.change.test_follow import said, sourced
from tests.hub.order.change.test_grow import broken
from tests.hub.order.changing import want
from tests.hub.review.ruling import enforce
from tests.hub.review.test_scopes import delivery_rule, held, kept, line_rule

HERE = AT.astimezone(ZONE)


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9, "cup": 9}})


def test_a_gift_that_waited_with_its_line_goes_on_with_it(session: Session) -> None:
    put_in_force(session)
    order_id = placed(session, said())
    revise(session, order_id, said(["L1"], 2), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == (
        [("refund_asked", 1, None), ("refund_asked", 3, None)],
        [0, 2, 0],
    )
    revise(session, order_id, said([], 3), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([], [3, 2, 1])


def test_a_hold_ends_with_its_fulfilment_order_that_is_taken_back(session: Session) -> None:
    enforce(session, delivery_rule("fulfilment.location == 'sh'"))
    order_id = placed(session, said())
    revise(session, order_id, said(["L2"], 2), "platform_wins", HERE)
    assert held(session, order_id) == [("refund_asked", 2, None), ("some_rule", None, "2")]
    assert broken(session) == []


def test_a_line_that_is_held_since_the_order_grew_keeps_no_other_back(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear' && order.pieces > 5"))
    order_id = placed(session, order({"apple": 3, "pear": 2}))
    want(session, order_id, WantedLine("L1", 5))
    assert (sourced(session, order_id), kept(session, order_id)) == ([3, 0, 0], {2: True})
    pay(session, order_id, "till", HERE, HERE, amount=2_000, reference="P-2")
    assert (held(session, order_id), sourced(session, order_id)) == ([("some_rule", 2, None)], [3, 0, 2])
    assert kept(session, order_id) == {2: False, 3: False}
