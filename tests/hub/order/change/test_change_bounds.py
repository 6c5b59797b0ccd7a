"""What a change must not do: go on past a hold, to a place that does not ship, or leave an order of nothing open."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import Malformed
from hub.inventory.ledger import drift
from hub.order.change.begin import change, reroute
from hub.order.change.revision import Contents, Wish
from hub.order.change.wanted import pieces_of
from hub.order.holds.resume import release_holds
from hub.order.ship.progress import record_report
from hub.roles import SYSTEM
from tests.hub.making import AT, add_location, counters, open_causes, order, placed, rejection, see, sources, stock
from tests.hub.merge.merging import LATER, close, merging
from tests.hub.order.changing import BY, cut, send

HOLDING = Wish(contents=Contents(remark="先别发"))


@pytest.fixture
def order_id(session: Session) -> int:
    """Place an order of eight apples, which Shanghai takes although Beijing could."""
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 9}})
    return placed(session, order({"apple": 8}, freight=500))


def due(session: Session) -> list[int]:
    """Give the orders under whose numbers a location is told of goods before long."""
    statement = """select order_id from step where flow = 'release_fulfilment' and state = 'pending'
                   and run_at <= :soon order by id"""
    return [one.order_id for one in rows(session, statement, soon=LATER + timedelta(days=1))]


def test_a_remark_that_holds_a_routed_order_keeps_its_goods_until_it_is_let_go(session: Session, order_id: int) -> None:
    change(session, order_id, HOLDING, BY, AT)
    assert (due(session), counters(session, "sh", "apple")) == ([], (9, 8))
    release_holds(session, order_id, SYSTEM, "the buyer says go", AT)
    assert (due(session), sources(session, order_id)) == ([order_id], [("sh", "open")])


def test_a_remark_that_no_longer_holds_lets_the_goods_go(session: Session, order_id: int) -> None:
    change(session, order_id, HOLDING, BY, AT)
    change(session, order_id, Wish(contents=Contents(remark="谢谢")), BY, AT)
    assert (see(session, order_id).holds, due(session)) == ((), [order_id])


def test_a_remark_of_one_order_keeps_all_that_travel_with_it(session: Session) -> None:
    merging(session)
    stock(session, {"sh": {"apple": 9}})
    _, second = (placed(session, order({"apple": n}, f"T{n}")) for n in (2, 3))
    close(session)
    change(session, second, HOLDING, BY, AT)
    assert due(session) == []


@pytest.mark.parametrize("there", [False, True])
def test_a_target_that_does_not_ship_is_refused_and_nothing_moves(
    session: Session, order_id: int, *, there: bool
) -> None:
    if there:
        add_location(session, "gz", active=False)
    with pytest.raises(Malformed, match="gz"):
        reroute(session, order_id, Wish(target="gz"), BY, AT)
    assert (sources(session, order_id), see(session, order_id).holds) == ([("sh", "open")], ())


def test_who_wants_no_piece_cancels_with_the_gifts_whatever_else_is_said(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    order_id = placed(session, order({"apple": 3, "pear": 1}, freight=500))
    gift = "update order_line set kind = 'gift', amount = 0, discount = 0, unit_price = 0 where line_no = 2"
    assert run(session, gift) == 1
    wish = Wish(pieces_of(session, order_id, {"L1": 3}), Contents(remark="不要了"))
    assert (change(session, order_id, wish, BY, AT), see(session, order_id).lifecycle) == ("applied", "cancelled")
    refunds = rows(session, "select amount, freight from refund_due")
    assert ([tuple(one) for one in refunds], drift(session)) == ([(3500, 500)], [])


def test_our_own_changes_are_not_tries_of_a_location(session: Session, order_id: int) -> None:
    for _ in range(4):
        cut(session, order_id, L1=1)
    send(session, order_id)
    record_report(session, rejection(order_id, 5), AT)
    assert (sources(session, order_id)[-1], open_causes(session)) == (("bj", "open"), [])
