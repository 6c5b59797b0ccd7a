"""Goods of an order on the console: more pieces, further lines, other goods; and whose word counts in a dispute."""

from typing import Any

import pytest

from hub.order.change.channel import revise
from hub.order.reveal import reveal
from hub.roles import SYSTEM
from tests.dashboards.desk import NOW, Desk, plain
from tests.dashboards.test_order_changes import ahead, change, done, seen
from tests.hub.making import AT, RECEIVER, ZONE, order, placed, stock
from tests.hub.order.changing import BEIJING, move

THIRD = RECEIVER.model_copy(update={"street": "第三路3号"})
LINES = {"line": ["L1", "L2", "L3"], "n": ["", "", ""], "sku": ["", "", ""], "price": ["", "", ""]}


@pytest.fixture
def order_id(desk: Desk) -> int:
    """Place an order of three apples and two pears, which Shanghai takes."""
    with desk.database.transaction() as session:
        stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "pear": 9}})
        return placed(session, order({"apple": 3, "pear": 2}, placed_at=NOW, paid_at=NOW))


@pytest.fixture
def asked(desk: Desk) -> int:
    """Place an order whose receiver was moved here and at its channel, so that somebody has to decide."""
    with desk.database.transaction() as session:
        stock(session, {"sh": {"apple": 9}, "bj": {"apple": 9}})
        made = placed(session, order({"apple": 1}, "T9"))
        move(session, made)
        later = order({"apple": 1}, "T9", source_revision=2, receiver=THIRD)
        revise(session, made, later, "ask", AT.astimezone(ZONE))
        return made


def goods(**changes: list[str]) -> dict[str, Any]:
    return {**LINES, "reason": "the buyer asked", **changes}


def test_what_more_pieces_and_a_further_line_cost_is_said_before_they_are_added(desk: Desk, order_id: int) -> None:
    fields = goods(n=["5", "", "1"], sku=["", "", "pear"], price=["", "", "7.50"])
    assert "To be paid before it goes on: ¥27.50" in plain(ahead(desk, change(order_id, "goods"), **fields))
    assert seen(desk, order_id).dues == ()
    done(desk, change(order_id, "goods"), **fields)
    assert sum(one.amount for one in seen(desk, order_id).dues) == 2750
    page = plain(desk.see(f"/console/orders/{order_id}"))
    assert "Added: apple × 2, pear × 1" in page
    assert desk.audited("order.change") == [("operator-1", f"order:{order_id}")]


def test_other_goods_move_only_what_they_cost_less(desk: Desk, order_id: int) -> None:
    told = plain(
        ahead(desk, change(order_id, "goods"), **goods(n=["", "2", ""], sku=["", "apple", ""], price=["", "7", ""]))
    )
    assert "In all ¥6.00" in told
    assert "To be paid" not in told


def test_what_is_given_away_is_not_to_be_paid(desk: Desk, order_id: int) -> None:
    done(desk, change(order_id, "goods"), charge="free", **goods(n=["4", "", ""]))
    assert (seen(desk, order_id).dues, sum(one.ordered for one in seen(desk, order_id).lines)) == ((), 6)


def test_the_form_offers_each_line_of_the_shop_once(desk: Desk, order_id: int) -> None:
    done(desk, change(order_id, "goods"), **goods(n=["5", "", ""]))
    page = desk.see(change(order_id, "goods"))
    assert page.count('name="line" value="L1"') == 1
    assert 'name="line" value="L2"' in page


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "nothing_to_change"),
        ({"n": ["some", "", ""]}, "pieces"),
        ({"sku": ["pear", "", ""]}, "pieces"),
        ({"n": ["5", "", ""], "price": ["dear", "", ""]}, "price_needed"),
        ({"n": ["", "", "1"], "sku": ["", "", "pear"]}, "price_needed"),
        ({"n": ["", "", "1"], "line": ["L1", "L2", ""]}, "unknown_line"),
        ({"n": ["1", "", ""], "sku": ["ghost", "", ""]}, "unknown_sku"),
        ({"n": ["1"]}, "unknown_line"),
        ({"n": ["4", "", "5"], "line": ["L1", "L2", "L1 "]}, "malformed"),
    ],
)
def test_goods_that_cannot_be_meant_are_refused(
    desk: Desk, order_id: int, changes: dict[str, list[str]], code: str
) -> None:
    assert f">{code}<" in ahead(desk, change(order_id, "goods"), **goods(**changes))


@pytest.mark.parametrize(("take", "street"), [("take", THIRD.street), ("keep", BEIJING.street)])
def test_somebody_decides_whose_word_counts(desk: Desk, asked: int, take: str, street: str) -> None:
    assert change(asked, "decide") in desk.see(f"/console/orders/{asked}")
    told = ahead(desk, change(asked, "decide"), take=take, reason="asked the buyer")
    assert ("Nothing changes" in told) == (take == "keep")
    done(desk, change(asked, "decide"), take=take, reason="asked the buyer")
    with desk.database.transaction() as session:
        assert reveal(session, asked, SYSTEM, "look", NOW).street == street
    assert change(asked, "decide") not in desk.see(f"/console/orders/{asked}")


def test_what_the_channel_wants_is_shown_masked(desk: Desk, asked: int) -> None:
    page = desk.see(change(asked, "decide"))
    assert "上海市 浦东新区" in plain(page)
    assert THIRD.street not in page
    assert ">nothing_to_change<" in ahead(desk, change(asked, "decide"), reason="no word")


def test_nothing_is_to_be_decided_of_an_order_that_nobody_asks_about(desk: Desk, order_id: int) -> None:
    assert change(order_id, "decide") not in desk.see(f"/console/orders/{order_id}")
    assert ">nothing_asked<" in ahead(desk, change(order_id, "decide"), take="keep", reason="look")
